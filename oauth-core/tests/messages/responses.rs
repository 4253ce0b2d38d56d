//! What servers answer, and what becomes of requests that get no answer.

use futures_executor::block_on;
use http::Response;
use oauth_core::{HttpError, MAX_RESPONSE_BODY, TokenSource};
use oauth_testkit::Messages;

use super::{answer, client, json};

pub(crate) fn of_answers_that_are_no_token(messages: &mut Messages) {
    let mut add = |when: &str, answer: Response<bytes::Bytes>| {
        let source = client(move || Ok(answer.clone())).build().unwrap();
        messages.add_err(when, block_on(source.token()));
    };
    add(
        "the server says why",
        json(
            400,
            r#"{"error":"invalid_scope","error_description":"no such scope: write"}"#,
        ),
    );
    add(
        "the server quotes the secret",
        json(
            401,
            r#"{"error":"invalid_client","error_description":"hunter2 is wrong"}"#,
        ),
    );
    add(
        "an error in a 200",
        json(200, r#"{"error":"unauthorized_client"}"#),
    );
    add(
        "an error that passes",
        json(400, r#"{"error":"temporarily_unavailable"}"#),
    );
    add(
        "an error with a page",
        json(
            400,
            r#"{"error":"x","error_uri":"https://id.example.com/x"}"#,
        ),
    );
    add("a bare 401", json(401, ""));
    add("a bare 404", json(404, ""));
    add("a redirect", json(307, ""));
    add("too many requests", {
        let mut answer = json(429, "");
        answer
            .headers_mut()
            .insert("retry-after", "7".parse().unwrap());
        answer
    });
    add("out of order", json(503, ""));
    add(
        "a page",
        answer(200, "text/html", "<p>Log in with hunter2</p>"),
    );
    add("no object", json(200, "[]"));
    add("no token", json(200, "{}"));
    add("an empty token", json(200, r#"{"access_token":""}"#));
    add(
        "a token with a line end",
        json(200, r#"{"access_token":"t0p-s3cret\n"}"#),
    );
    add(
        "too long",
        answer(200, "application/json", vec![b' '; MAX_RESPONSE_BODY + 1]),
    );
    add(
        "a token of another type",
        json(200, r#"{"access_token":"t0p-s3cret","token_type":"mac"}"#),
    );
}

pub(crate) fn of_requests_without_an_answer(messages: &mut Messages) {
    for (when, error) in [
        (
            "nobody listens",
            HttpError::connect as fn(&'static str) -> HttpError,
        ),
        ("the answer does not come", HttpError::timeout),
        ("the connection breaks", HttpError::transport),
        ("it cannot be sent", HttpError::unusable),
    ] {
        let source = client(move || Err(error("what the HTTP client says")))
            .build()
            .unwrap();
        messages.add_err(when, block_on(source.token()));
        messages.add(
            &format!("{when}, as the HTTP client says it"),
            &error("the cause"),
        );
    }
    let source = client(|| Ok(json(200, "{}"))).build().unwrap();
    let token = oauth_core::AccessToken::builder("t0p-s3cret")
        .build()
        .unwrap();
    messages.add_err(
        "no endpoint to ask about a token",
        block_on(source.introspect(&token)),
    );
    messages.add_err(
        "no endpoint to give a token back",
        block_on(source.revoke(&token)),
    );
}

pub(crate) fn of_a_token_that_is_not_bound(messages: &mut Messages) {
    use oauth_core::{JwsAlgorithm, SigningKey};

    let bearer = || {
        Ok(json(
            200,
            r#"{"access_token":"t0p-s3cret","token_type":"Bearer"}"#,
        ))
    };
    let key = SigningKey::generate(JwsAlgorithm::Es256).unwrap();
    let source = client(bearer).dpop(key).build().unwrap();
    messages.add_err("a bearer token for a key", block_on(source.token()));
}
