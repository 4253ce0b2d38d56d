//! What is told of servers that refuse, and what to try.

use oauth_testkit::{FakeTokenServer, Reply};

use crate::{BACKENDS, run, start, text};

const CREDENTIALS: &str = "try: check --client-id and the secret";

#[test]
fn wrong_credentials_are_told_however_the_token_endpoint_says_it() {
    let refusals = [
        (Reply::status(403), CREDENTIALS),
        (
            Reply::status(401).header("WWW-Authenticate", "Basic realm=\"x\""),
            CREDENTIALS,
        ),
        (
            Reply::status(401).header("WWW-Authenticate", "Bearer error=\"invalid_client\""),
            CREDENTIALS,
        ),
        (
            Reply::status(401).header("WWW-Authenticate", "Bearer error=\"invalid_token\""),
            CREDENTIALS,
        ),
        (Reply::status(400), CREDENTIALS),
        (Reply::oauth_error("invalid_client"), CREDENTIALS),
        (Reply::status(404), "try: check --token-url"),
        (Reply::status(405), "try: check --token-url"),
        (Reply::oauth_error("scope_invalid"), "try: check --scope"),
        (Reply::oauth_error("invalid_scope"), "try: check --scope"),
        (
            Reply::oauth_error("authorization_type_invalid"),
            "try: have the client credentials grant allowed",
        ),
    ];
    for backend in BACKENDS {
        let server = start();
        for (refusal, says) in &refusals {
            server.always_token_reply(refusal.clone());
            let output = run(&server, backend, &["token"]);
            assert_eq!(output.status.code(), Some(3), "{output:?}");
            let said = text(&output.stderr);
            assert!(said.contains(says), "{refusal:?}: {said}");
        }
    }
}

#[test]
fn an_api_that_refuses_is_quoted_and_there_is_something_to_try() {
    let challenges = [
        (
            401,
            "Bearer error=\"invalid_token\", error_description=\"it is too old\"",
            &[
                "invalid_token (it is too old)",
                "the second time",
                "--resource",
            ][..],
        ),
        (
            403,
            "Bearer error=\"insufficient_scope\", scope=\"write all\"",
            &[
                "insufficient_scope",
                "\"write all\"",
                "try: ask for that scope",
            ],
        ),
        (
            401,
            "Basic realm=\"staff\"",
            &["Basic for \"staff\"", "API_URL"],
        ),
        (401, "DPoP algs=\"ES256\"", &["DPoP", "try: --dpop"]),
        (403, "", &["403 Forbidden", "try: "]),
    ];
    for backend in BACKENDS {
        for (status, challenge, says) in challenges {
            let server = start();
            let mut refusal = Reply::status(status).body("no");
            if !challenge.is_empty() {
                refusal = refusal.header("WWW-Authenticate", challenge);
            }
            server.always_api_reply(refusal);
            let url = server.api_url();
            for arguments in [&[&*url][..], &["-n", "2", &url], &["--json", &url]] {
                let output = run(&server, backend, arguments);
                assert_eq!(output.status.code(), Some(1), "{output:?}");
                let said = text(&output.stderr);
                for part in says {
                    assert!(said.contains(part), "{challenge}: {said}");
                }
                assert!(!said.contains(FakeTokenServer::CLIENT_SECRET));
            }
            let output = run(&server, backend, &[&url]);
            assert_eq!(text(&output.stdout), "no");
        }
    }
}

#[test]
fn a_rejected_token_that_could_not_be_replaced_says_why() {
    for backend in BACKENDS {
        let server = start();
        server.next_token_reply(Reply::token());
        server.always_token_reply(Reply::oauth_error("invalid_client").description("blocked"));
        server.always_api_reply(
            Reply::status(401).header("WWW-Authenticate", "Bearer error=\"invalid_token\""),
        );
        let output = run(&server, backend, &[&server.api_url()]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = text(&output.stderr);
        for part in [
            "401",
            "invalid_token",
            "invalid_client (blocked)",
            CREDENTIALS,
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
}

#[test]
fn p09_an_api_that_quotes_the_token_is_not_quoted() {
    for backend in BACKENDS {
        let server = start();
        let tokens = ["t0p-s3cret-1", "t0p-s3cret-2"];
        for token in tokens {
            server.next_token_reply(Reply::token().field("access_token", token));
            let challenge =
                format!("Bearer error=\"invalid_token\", error_description=\"no {token}\"");
            server.next_api_reply(Reply::status(401).header("WWW-Authenticate", challenge));
        }
        let output = run(&server, backend, &[&server.api_url()]);
        let said = text(&output.stderr);
        assert!(said.contains("(no [redacted])"), "{said}");
        for token in tokens {
            assert!(!said.contains(token), "{said}");
        }
    }
}
