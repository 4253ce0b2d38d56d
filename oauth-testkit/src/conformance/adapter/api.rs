//! The exchange with the API: whatever HTTP brings comes through, or fails as what it is.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use oauth_core::MAX_RESPONSE_BODY;

use super::wire::Wire;
use super::world::{AMPLE, SHORT, World, ok, request};
use super::{Body, Factory, Failure, Setup};
use crate::Reply;

/// The limit on the body of a token response is none on what the API sends.
pub fn a_body_of_4_mib_arrives_whole(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    let length = 4 * MAX_RESPONSE_BODY;
    world.api.next_api_reply(Reply::oversized(length));
    let response = ok(adapter.send(world.get("/")));
    assert_eq!(response.body().len(), length);
}

/// A 4xx or 5xx is a response, with all that the API says about it.
pub fn the_body_of_an_error_arrives_whole(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    let body = "x".repeat(300_000);
    for status in [400, 403, 404, 422, 429, 500, 503] {
        let reply = Reply::status(status)
            .header("Retry-After", "7")
            .body(body.clone());
        world.api.next_api_reply(reply);
        let response = ok(adapter.send(world.get("/")));
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["retry-after"], "7");
        assert!(response.body() == &body, "{}", response.body().len());
    }
    world.api.assert_api_requests(7);
}

/// A gzip body is decoded if the client does that, and was asked for then; else it arrives as it was sent
/// (RFC 9110 §8.4).
pub fn gzip_is_decoded_or_left_alone(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    let reply = Reply::status(200)
        .header("Content-Encoding", "gzip")
        .body(&GZIPPED[..]);
    world.api.next_api_reply(reply);
    let response = ok(adapter.send(world.get("/")));
    let accepts = world.api.api_requests()[0]
        .header("accept-encoding")
        .is_some_and(|value| value.contains("gzip"));
    assert_eq!(accepts, adapter.capabilities().decodes_gzip);
    if accepts {
        assert_eq!(response.body(), "compressed\n");
    } else {
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.body(), &GZIPPED[..]);
    }
}

/// `compressed` and a line feed (RFC 1952), in one block that is stored as it is.
const GZIPPED: [u8; 34] = [
    31, 139, 8, 0, 0, 0, 0, 0, 0, 255, 1, 11, 0, 244, 255, 99, 111, 109, 112, 114, 101, 115, 115,
    101, 100, 10, 187, 109, 79, 200, 11, 0, 0, 0,
];

/// 16 KiB of response headers, as cookies and policies make them, arrive, and so does what was said in them.
pub fn headers_of_16_kib_arrive(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    let long = "x".repeat(4 * 1024);
    let reply = (0..4).fold(Reply::status(200), |reply, index| {
        reply.header(format!("X-Long-{index}"), long.clone())
    });
    world.api.next_api_reply(reply.body("whole"));
    let response = ok(adapter.send(world.get("/")));
    for index in 0..4 {
        let value = &response.headers()[format!("x-long-{index}")];
        assert!(value == &long, "{} bytes of header {index}", value.len());
    }
    assert_eq!(response.body(), "whole");
}

/// The answer to `HEAD` has no body, whatever `Content-Length` says (RFC 9110 §9.3.2). A 401 to it is healed.
pub fn a_head_request_has_no_body(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    ok(adapter.send(world.get("/")));
    world.api.revoke_all();
    let url = world.api.api_url();
    let response = ok(adapter.send(request(Method::HEAD, &url, Body::Empty)));
    assert_eq!(response.status(), 200);
    assert!(response.body().is_empty());
    assert!(response.headers().contains_key("content-length"));
    assert_eq!(ok(adapter.send(world.get("/"))).status(), 200);
    world.api.assert_api_requests(4);
}

/// A server of HTTP/1.0, whose body ends where the connection does (RFC 9112 §6.3), is understood; a 401 of it is
/// healed.
pub fn a_server_of_http_1_0_is_understood(make: &Factory<'_>) {
    let answers = [
        "HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n\r\nno",
        "HTTP/1.0 200 OK\r\nServer: old\r\n\r\nto the end",
    ];
    let wire = Wire::answering(answers);
    let world = World::new();
    let adapter = make(at(&wire, &world));
    let response = get(&wire, &*adapter);
    assert_eq!(response.status(), 200);
    assert_eq!(response.body(), "to the end");
    assert_eq!(world.mint.requests(), 2);
}

/// A server may close a connection that it said it keeps. The next request goes over another (RFC 9112 §9.3.1).
pub fn a_connection_that_was_closed_while_idle_is_not_missed(make: &Factory<'_>) {
    let kept = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok";
    let wire = Wire::answering([kept; 3]);
    let world = World::new();
    let mut setup = at(&wire, &world);
    setup.origins.push(world.api.api_url());
    let adapter = make(setup);
    for count in 1..=3 {
        assert_eq!(get(&wire, &*adapter).body(), "ok", "request {count}");
        wire.await_closed(count);
        // A client that waits for events has taken in all earlier ones by the time it has this answer.
        ok(adapter.send(world.get("/")));
    }
    assert_eq!(wire.requests().len(), 3);
}

/// No answer within the limit that the user set: [`Failure::Timeout`].
pub fn a_slow_answer_times_out(make: &Factory<'_>) {
    runs_out_of_time(make, Reply::usual().after(PATIENCE));
}

/// The limit is on the whole exchange, a slow body included: [`Failure::Timeout`].
pub fn a_slow_body_times_out(make: &Factory<'_>) {
    let pieces = 40;
    let reply = Reply::status(200).body("x".repeat(pieces));
    runs_out_of_time(make, reply.drip(1, PATIENCE / 40));
}

/// The connection is reset before an answer: [`Failure::Transport`], and no fault of the token.
pub fn a_reset_is_a_transport_failure(make: &Factory<'_>) {
    breaks(make, Reply::reset());
}

/// The body ends before its length: [`Failure::Transport`], not a shorter body.
pub fn a_truncated_body_is_a_transport_failure(make: &Factory<'_>) {
    breaks(make, Reply::truncated(10));
}

/// Far longer than the limit, and an end for who has none.
const PATIENCE: Duration = Duration::from_secs(3);

fn runs_out_of_time(make: &Factory<'_>, reply: Reply) {
    let world = World::new();
    let adapter = make(Setup {
        timeout: SHORT,
        ..world.setup()
    });
    world.api.next_api_reply(reply);
    let outcome = adapter.send(world.get("/"));
    assert!(matches!(outcome, Err(Failure::Timeout(_))), "{outcome:?}");
    world.assert_first_token_is_kept();
}

fn breaks(make: &Factory<'_>, reply: Reply) {
    let world = World::new();
    let adapter = world.adapter(make);
    world.api.always_api_reply(reply);
    let outcome = adapter.send(world.get("/"));
    assert!(matches!(outcome, Err(Failure::Transport(_))), "{outcome:?}");
    world.assert_first_token_is_kept();
}

/// The setup of an adapter whose API is the wire.
fn at(wire: &Wire, world: &World) -> Setup {
    Setup {
        origins: vec![wire.url()],
        timeout: AMPLE,
        ..world.setup()
    }
}

#[track_caller]
fn get(wire: &Wire, adapter: &dyn super::Adapter) -> Response<Bytes> {
    ok(adapter.send(request(Method::GET, &wire.url(), Body::Empty)))
}
