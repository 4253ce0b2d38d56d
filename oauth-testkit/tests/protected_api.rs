//! The API beside the token endpoint.

mod support;

use std::thread;
use std::time::Duration;

use oauth_testkit::{FakeTokenServer, Gate, ManualClock, Reply};
use serde_json::json;
use support::{BASIC, Client, GRANT, Response, ask, call, form, get, good};

fn refused(response: &Response, description: &str) {
    let challenge =
        format!(r#"Bearer realm="api", error="invalid_token", error_description="{description}""#);
    assert_eq!(response.status, 401);
    assert_eq!(
        response.header("WWW-Authenticate"),
        Some(challenge.as_str())
    );
}

#[test]
fn it_is_another_origin() {
    let server = FakeTokenServer::start().unwrap();
    assert!(
        !server
            .token_url()
            .starts_with(&format!("{}/", server.api_url()))
    );
    assert_eq!(
        server.api_url_for("/users/23"),
        format!("{}/users/23", server.api_url())
    );
}

#[test]
fn a_live_token_is_served_on_any_path_and_method() {
    let server = FakeTokenServer::start().unwrap();
    let token = ask(&server, form(BASIC, &format!("{GRANT}&scope=read"))).token();
    let put = get("/users/23?x=y", &token)
        .replace("GET", "PUT")
        .replace("Bearer", "bEARER")
        .replace("Host:", "Content-Length: 4\r\nHost:");
    let response = call(&server, format!("{put}body"));
    assert_eq!(response.status, 200);
    assert_eq!(
        response.json(),
        json!({
            "method": "PUT", "path": "/users/23", "client_id": "test-client", "scope": "read",
            "body_bytes": 4,
        })
    );
    let seen = &server.api_requests()[0];
    assert_eq!(
        (seen.method(), seen.path_and_query()),
        ("PUT", "/users/23?x=y")
    );
    assert_eq!(
        (seen.authorization_count(), seen.token_ordinal()),
        (1, Some(1))
    );
    assert!(seen.has_authorization() && seen.token_was_live());
    assert_eq!(
        (seen.status(), seen.body().as_ref()),
        (Some(200), b"body".as_slice())
    );
}

#[test]
fn without_a_token_the_challenge_names_no_error() {
    let server = FakeTokenServer::start().unwrap();
    let bare = call(&server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(
        (bare.status, bare.header("WWW-Authenticate")),
        (401, Some(r#"Bearer realm="api""#))
    );
    assert!(!server.api_requests()[0].has_authorization());

    let basic = call(
        &server,
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{BASIC}\r\n"),
    );
    assert_eq!(
        basic.header("WWW-Authenticate"),
        Some(r#"Bearer realm="api""#)
    );
    refused(&call(&server, get("/", "made-up")), "the token is unknown");
    assert_eq!(server.api_requests()[2].token_ordinal(), None);
}

#[test]
fn two_authorization_headers_are_refused_and_counted() {
    let server = FakeTokenServer::start().unwrap();
    let token = ask(&server, good()).token();
    let line = format!("Authorization: Bearer {token}\r\n");
    let twice = get("/", &token).replace(&line, &line.repeat(2));
    assert_eq!(call(&server, twice).status, 400);
    assert_eq!(server.api_requests()[0].authorization_count(), 2);
}

#[test]
fn a_revoked_token_is_refused() {
    let server = FakeTokenServer::start().unwrap();
    let (first, second) = (ask(&server, good()).token(), ask(&server, good()).token());
    assert!(server.revoke(&first));
    assert!(!server.revoke(&first));
    assert!(!server.revoke("made-up"));
    refused(&call(&server, get("/", &first)), "the token was revoked");
    assert_eq!(call(&server, get("/", &second)).status, 200);
    server.revoke_all();
    refused(&call(&server, get("/", &second)), "the token was revoked");
    let ordinals: Vec<_> = server
        .api_requests()
        .iter()
        .map(|seen| seen.token_ordinal())
        .collect();
    assert_eq!(ordinals, [Some(1), Some(2), Some(2)]);
}

#[test]
fn a_token_dies_when_the_clock_says_so() {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder()
        .token_lifetime(Duration::from_secs(60))
        .clock(clock.clone())
        .start()
        .unwrap();
    let token = ask(&server, good()).token();
    server.next_token_reply(Reply::token().expires_in(5).field("expires_in", 1_000_000));
    let short = ask(&server, good()).token();
    clock.advance(Duration::from_nanos(4_999_999_999));
    assert_eq!(call(&server, get("/", &short)).status, 200);
    clock.advance(Duration::from_nanos(1));
    refused(&call(&server, get("/", &short)), "the token expired");
    assert_eq!(call(&server, get("/", &token)).status, 200);
    clock.step_wall(-1_000_000);
    clock.suspend(Duration::from_secs(55));
    refused(&call(&server, get("/", &token)), "the token expired");
}

#[test]
fn a_token_of_the_tests_own_making_is_known() {
    let server = FakeTokenServer::start().unwrap();
    let long = "x".repeat(2000);
    server.next_token_reply(Reply::token().field("access_token", long.as_str()));
    assert_eq!(ask(&server, good()).token(), long);
    assert_eq!(call(&server, get("/", &long)).status, 200);
}

#[test]
fn a_scripted_answer_comes_whatever_the_token_and_the_log_tells() {
    let server = FakeTokenServer::start().unwrap();
    let token = ask(&server, good()).token();
    server.always_api_reply(Reply::status(403));
    assert_eq!(call(&server, get("/", "made-up")).status, 403);
    assert_eq!(call(&server, get("/", &token)).status, 403);
    let live: Vec<bool> = server
        .api_requests()
        .iter()
        .map(|seen| seen.token_was_live())
        .collect();
    assert_eq!(live, [false, true]);
}

#[test]
fn a_token_is_judged_when_the_gate_opens() {
    let server = FakeTokenServer::start().unwrap();
    let token = ask(&server, good()).token();
    let gate = Gate::new();
    server.next_api_reply(Reply::usual().gated(&gate));
    thread::scope(|scope| {
        let calling = scope.spawn(|| call(&server, get("/", &token)));
        server.await_api_requests(1);
        assert!(server.api_requests()[0].token_was_live());
        server.revoke_all();
        gate.open();
        refused(&calling.join().unwrap(), "the token was revoked");
    });
    assert!(!server.api_requests()[0].token_was_live());
}

#[test]
fn it_redirects_where_it_is_told_once_the_token_is_checked() {
    let server = FakeTokenServer::start().unwrap();
    let token = ask(&server, good()).token();
    let path = "/redirect-to?location=http%3A%2F%2F127.0.0.1%3A1%2Fx%3Fa%3Db";
    let mut client = Client::to(&server.api_url());
    let redirect = client.exchange(get(path, &token));
    assert_eq!(redirect.status, 307);
    assert_eq!(
        redirect.header("Location"),
        Some("http://127.0.0.1:1/x?a=b")
    );
    refused(
        &client.exchange(get(path, "made-up")),
        "the token is unknown",
    );
    server.assert_api_requests(2);
}
