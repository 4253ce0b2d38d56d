//! What follows a 401: once a new token and the request again, if that can help.

use bytes::Bytes;
use http::{HeaderValue, Method, Response};
use oauth_core::{NotResent, Resent, TokenSource};

use super::world::{World, ok, request};
use super::{Adapter, Body, Factory, Failure};
use crate::Reply;

const INVALID_TOKEN: &str = r#"Bearer error="invalid_token""#;

/// A 401 with `invalid_token` (RFC 6750 §3.1) is healed within the call: a new token, and the request once more. The
/// response says that ([`Resent`]), and only then.
pub fn p07_a_401_invalid_token_is_healed(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    let first = ok(adapter.send(world.get("/")));
    assert!(first.extensions().get::<Resent>().is_none());
    world.api.revoke_all();
    let healed = ok(adapter.send(world.get("/")));
    assert_eq!(healed.status(), 200);
    assert!(
        healed.extensions().get::<Resent>().is_some(),
        "a response to a request that was sent again should have Resent among its extensions"
    );
    let ordinals: Vec<_> = world
        .api
        .api_requests()
        .iter()
        .map(|request| (request.authorization_count(), request.token_ordinal()))
        .collect();
    assert_eq!(ordinals, [(1, Some(1)), (1, Some(1)), (1, Some(2))]);
    assert_eq!(world.mint.requests(), 2);
}

/// A request is sent once more at most. The second 401 is the caller's, and says no to the second token too.
pub fn p07_a_second_401_is_the_callers(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    for body in ["first", "second", "third", "fourth"] {
        world.api.next_api_reply(refusal(INVALID_TOKEN).body(body));
    }
    let response = ok(adapter.send(world.get("/")));
    assert_eq!(response.status(), 401);
    assert_eq!(response.body(), "second");
    world.api.assert_api_requests(2);
    assert_eq!(world.mint.requests(), 2);
    assert!(
        world.source.ready().is_none(),
        "the second token was refused, and is in hand still"
    );
}

/// Every challenge is read: of all header fields, and of each the whole list (RFC 9110 §11.6.1). Names are the
/// same in any case.
pub fn every_challenge_of_a_401_is_read(make: &Factory<'_>) {
    let one_by_one: &[&str] = &[r#"Basic realm="api""#, INVALID_TOKEN];
    for challenges in [
        one_by_one,
        &[r#"Basic realm="a, b", Bearer realm="c", error="invalid_token""#],
        &[
            r#"Digest nonce="x", qop="auth""#,
            r#"BEARER realm="c" , ERROR=invalid_token"#,
        ],
    ] {
        let world = World::new();
        let adapter = world.adapter(make);
        let reply = challenges
            .iter()
            .fold(Reply::status(401), |reply, challenge| {
                reply.header("WWW-Authenticate", *challenge)
            });
        world.api.next_api_reply(reply);
        let response = ok(adapter.send(world.get("/")));
        assert_eq!(response.status(), 200, "not healed: {challenges:?}");
        world.api.assert_api_requests(2);
    }
}

/// A 401 that does not say `invalid_token` is the caller's, unless the user decided otherwise: APIs answer so for
/// other reasons too, and a good token would be thrown away.
pub fn p07_a_bare_401_is_not_healed(make: &Factory<'_>) {
    for challenge in [
        None,
        Some(r#"Bearer realm="api""#),
        Some(r#"Basic realm="api""#),
        Some(r#"Bearer error="invalid_request""#),
    ] {
        let world = World::new();
        let adapter = world.adapter(make);
        let reply = challenge.map_or(Reply::status(401), refusal);
        world.api.next_api_reply(reply);
        assert_eq!(ok(adapter.send(world.get("/"))).status(), 401);
        world.api.assert_api_requests(1);
        world.assert_first_token_is_kept();
    }
}

/// A 403 with `insufficient_scope` (RFC 6750 §3.1) is the application's business.
pub fn p07_a_403_insufficient_scope_is_left_alone(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    for error in ["insufficient_scope", "invalid_token"] {
        world.api.next_api_reply(
            refusal(format!(r#"Bearer error="{error}""#))
                .with_status(403)
                .body("why"),
        );
        let response = ok(adapter.send(world.get("/")));
        assert_eq!(response.status(), 403);
        assert_eq!(response.body(), "why");
    }
    world.api.assert_api_requests(2);
    world.assert_first_token_is_kept();
}

/// The request that is sent again is the same, byte for byte, but for the token.
pub fn a_repeatable_body_is_sent_again_byte_for_byte(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    ok(adapter.send(world.get("/")));
    world.api.revoke_all();
    world.api.clear_log();

    let url = world.api.api_url_for("/upload?part=1");
    let body: Bytes = (0..=255).cycle().take(100_000).collect::<Vec<u8>>().into();
    let mut request = request(Method::PUT, &url, Body::Bytes(body.clone()));
    let headers = request.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("a/b"));
    headers.append("x-own", HeaderValue::from_static("one"));
    headers.append("x-own", HeaderValue::from_static("two"));
    assert_eq!(ok(adapter.send(request)).status(), 200);

    let requests = world.api.api_requests();
    assert_eq!(requests.len(), 2, "once more");
    for sent in &requests {
        assert_eq!(sent.method(), "PUT");
        assert_eq!(sent.path_and_query(), "/upload?part=1");
        assert!(sent.body() == &body, "{} bytes arrived", sent.body().len());
        assert_eq!(sent.header("content-type"), Some("a/b"));
        let own: Vec<_> = sent.headers().get_all("x-own").iter().collect();
        assert_eq!(own, ["one", "two"]);
    }
}

/// A body that is a stream cannot be sent twice: its first 401 is the caller's, whole. The token is rejected all
/// the same, and the next call has a new one.
pub fn a_streaming_body_is_not_sent_again(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    let Some(response) = send_stream(&world, &*adapter) else {
        return;
    };
    assert_eq!(response.status(), 200);
    world.api.revoke_all();
    let response = send_stream(&world, &*adapter).expect("it can send streams");
    assert_eq!(response.status(), 401, "the first answer is the caller's");
    assert!(!response.body().is_empty(), "with its body");
    world.api.assert_api_requests(2);
    assert!(
        world
            .api
            .api_requests()
            .iter()
            .all(|request| request.body() == "a stream"),
        "a stream arrives whole"
    );
    assert_eq!(ok(adapter.send(world.get("/"))).status(), 200);
    assert_eq!(world.mint.requests(), 2);
}

/// `None`: the adapter cannot send streams, and said so.
fn send_stream(world: &World, adapter: &dyn Adapter) -> Option<Response<Bytes>> {
    let stream = Body::Stream(Bytes::from_static(b"a stream"));
    let outcome = adapter.send(request(Method::POST, &world.api.api_url(), stream));
    if adapter.capabilities().streams {
        return Some(ok(outcome));
    }
    assert!(
        matches!(outcome, Err(Failure::Unsupported)),
        "it says that it sends no streams, and yet: {outcome:?}"
    );
    world.api.assert_api_requests(0);
    None
}

/// If a 401 is not cured because no new token comes, it is the caller's, with headers and body, and says why
/// ([`NotResent`]).
pub fn if_no_new_token_comes_the_401_is_the_callers(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    ok(adapter.send(world.get("/")));
    world.mint.fail();
    let body = "x".repeat(100_000);
    world
        .api
        .next_api_reply(refusal(INVALID_TOKEN).body(body.clone()));
    let response = ok(adapter.send(world.get("/")));
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["www-authenticate"], INVALID_TOKEN);
    assert!(response.body() == &body, "the body is not what was sent");
    assert!(
        response.extensions().get::<NotResent>().is_some(),
        "it should say why it was not sent again, with NotResent among its extensions"
    );
    world.api.assert_api_requests(2);
}

fn refusal(challenge: impl AsRef<str>) -> Reply {
    Reply::status(401).header("WWW-Authenticate", challenge.as_ref())
}
