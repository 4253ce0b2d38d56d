//! Each scripted reply and fault, as it arrives.

mod support;

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use oauth_testkit::{FakeTokenServer, Gate, ManualClock, Reply};
use serde_json::json;
use support::{BASIC, Client, GRANT, ask, form, good};

#[test]
fn replies_are_used_in_order_then_the_sticky_one_until_reset() {
    let server = FakeTokenServer::start().unwrap();
    server.always_token_reply(Reply::status(500));
    server.next_token_reply(Reply::status(501));
    server.next_token_reply(Reply::status(502));
    let statuses: Vec<u16> = (0..4).map(|_| ask(&server, good()).status).collect();
    assert_eq!(statuses, [501, 502, 500, 500]);
    server.next_token_reply(Reply::status(503));
    server.reset_replies();
    ask(&server, good()).token();
}

#[test]
fn a_scripted_token_still_wants_a_right_request() {
    let server = FakeTokenServer::start().unwrap();
    server.always_token_reply(Reply::token().with_status(201).header("X-Extra", "1"));
    let response = ask(&server, form("", GRANT));
    assert_eq!(
        (response.status, response.error().as_str()),
        (401, "invalid_client")
    );
    assert_eq!(response.header("X-Extra"), None);
    let response = ask(&server, good());
    assert_eq!(
        (response.status, response.header("X-Extra")),
        (201, Some("1"))
    );
}

#[test]
fn members_of_a_token_response_can_be_anything() {
    let server = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::token().expires_in(5));
    server.next_token_reply(
        Reply::token()
            .without_expires_in()
            .without_field("token_type"),
    );
    server.next_token_reply(
        Reply::token()
            .field("expires_in", "3600")
            .field("x", json!([null])),
    );
    assert_eq!(ask(&server, good()).json()["expires_in"], 5);
    let bare = ask(&server, good()).json();
    assert_eq!(
        (bare.get("expires_in"), bare.get("token_type")),
        (None, None)
    );
    let odd = ask(&server, good()).json();
    assert_eq!(
        (&odd["expires_in"], &odd["x"]),
        (&json!("3600"), &json!([null]))
    );
}

#[test]
fn the_same_token_comes_again_with_what_is_left_of_its_life() {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder()
        .clock(clock.clone())
        .start()
        .unwrap();
    server.always_token_reply(Reply::same_token());
    let first = ask(&server, good());
    assert_eq!(first.json()["expires_in"], 3600);
    clock.advance(Duration::from_secs(3000));
    let second = ask(&server, good());
    assert_eq!(
        (second.token(), &second.json()["expires_in"]),
        (first.token(), &json!(600))
    );
    clock.advance(Duration::from_secs(3000));
    assert_eq!(ask(&server, good()).json()["expires_in"], 0);
    assert_eq!(server.issued(), 1);
}

#[test]
fn an_oauth_error_has_the_right_status_and_members() {
    let server = FakeTokenServer::start().unwrap();
    let error = Reply::oauth_error("invalid_client")
        .description("who?")
        .uri("https://e.example");
    server.always_token_reply(error);
    let response = ask(&server, good());
    assert_eq!(response.status, 401);
    assert_eq!(
        response.header("WWW-Authenticate"),
        Some("Basic realm=\"token\"")
    );
    assert_eq!(
        response.json(),
        json!({"error": "invalid_client", "error_description": "who?", "error_uri": "https://e.example"})
    );
    assert_eq!(
        ask(&server, form("", GRANT)).header("WWW-Authenticate"),
        None
    );

    server.always_token_reply(Reply::oauth_error("slow_down").with_status(429));
    assert_eq!(ask(&server, good()).status, 429);
    server.always_token_reply(Reply::oauth_error("invalid_scope"));
    assert_eq!(ask(&server, good()).status, 400);
}

#[test]
fn any_status_header_and_body_can_be_sent() {
    let server = FakeTokenServer::start().unwrap();
    let both = Reply::status(503)
        .header("Retry-After", "7")
        .header("Retry-After", "8");
    server.next_token_reply(both.body("down"));
    server.next_token_reply(
        Reply::status(418)
            .json(json!({"a": 1}))
            .header("content-type", "a/b"),
    );
    server.next_token_reply(Reply::html());
    server.next_token_reply(Reply::redirect(307, "http://127.0.0.1:1/x"));
    server.next_token_reply(Reply::status(204));

    let down = ask(&server, good());
    assert_eq!(
        (down.status, down.body.as_slice()),
        (503, b"down".as_slice())
    );
    assert_eq!(down.head.matches("Retry-After: ").count(), 2);
    let teapot = ask(&server, good());
    assert_eq!((teapot.status, teapot.json()), (418, json!({"a": 1})));
    assert_eq!(
        teapot.head.to_lowercase().matches("content-type").count(),
        1
    );
    let page = ask(&server, good());
    assert_eq!(
        page.header("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.starts_with(b"<!DOCTYPE html>"));
    let redirect = ask(&server, good());
    assert_eq!(redirect.status, 307);
    assert_eq!(redirect.header("Location"), Some("http://127.0.0.1:1/x"));
    assert_eq!(ask(&server, good()).header("Content-Length"), None);
}

#[test]
fn an_oversized_body_is_json_of_the_size_asked_for() {
    let server = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::oversized(3 << 20));
    let response = ask(&server, good());
    assert_eq!(response.body.len(), 3 << 20);
    assert_eq!(response.json()["access_token"], "oversized");
    server.next_token_reply(Reply::oversized(10));
    assert_eq!(ask(&server, good()).body.len(), 10);
}

#[test]
fn a_truncated_body_ends_before_its_promised_length() {
    let server = FakeTokenServer::start().unwrap();
    for bytes in [0, 10, 70, 1000] {
        server.next_token_reply(Reply::truncated(bytes));
        let mut client = Client::to(&server.token_url());
        client.send(good());
        let (all, error) = client.rest();
        assert_eq!(error, None);
        let all = String::from_utf8(all).unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        let promised = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        assert_eq!(body.len(), bytes);
        assert!(promised.unwrap().parse::<usize>().unwrap() > bytes);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(body).is_ok(),
            bytes >= 70
        );
    }
}

#[test]
fn a_reset_is_a_reset() {
    let server = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::reset());
    let mut client = Client::to(&server.token_url());
    client.send(good());
    assert_eq!(
        client.rest(),
        (Vec::new(), Some(ErrorKind::ConnectionReset))
    );
    server.assert_token_requests(1);
}

#[test]
fn raw_bytes_are_sent_as_they_are() {
    let server = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::raw("HTTP/9 what\0"));
    let mut client = Client::to(&server.token_url());
    client.send(good());
    assert_eq!(client.rest(), (b"HTTP/9 what\0".to_vec(), None));
}

#[test]
fn a_request_left_hanging_is_released_when_the_server_goes() {
    let server = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::hang());
    let mut client = Client::to(&server.token_url());
    client.send(good());
    server.await_token_requests(1);
    drop(server);
    assert!(client.is_closed());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is about real time")]
fn a_delay_comes_before_the_answer() {
    let server = FakeTokenServer::start().unwrap();
    let delay = Duration::from_millis(30);
    server.next_token_reply(Reply::token().after(delay));
    let begin = Instant::now();
    ask(&server, good()).token();
    assert!(begin.elapsed() >= delay, "{:?}", begin.elapsed());
}

#[test]
fn a_gate_holds_every_reply_until_it_opens() {
    let server = FakeTokenServer::start().unwrap();
    let (gate, second) = (Gate::new(), Gate::new());
    server.always_token_reply(Reply::token().gated(&gate).gated(&second));
    thread::scope(|scope| {
        let asking: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| ask(&server, good()).token()))
            .collect();
        server.await_token_requests(20);
        second.clone().open();
        assert_eq!(server.issued(), 0);
        assert!(asking.iter().all(|thread| !thread.is_finished()));
        assert_eq!(server.token_requests()[0].status(), None);
        gate.open();
        asking
            .into_iter()
            .for_each(|thread| drop(thread.join().unwrap()));
    });
    assert_eq!(server.max_concurrent_token_requests(), 20);
    assert!(
        server
            .token_requests()
            .iter()
            .all(|request| request.status() == Some(200))
    );
    ask(&server, good()).token();
    server.clear_log();
    assert_eq!(server.max_concurrent_token_requests(), 0);
}

#[test]
fn a_dripping_body_arrives_whole() {
    let server = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::token().drip(7, Duration::from_micros(100)));
    let mut client = Client::to(&server.token_url());
    client.exchange(good()).token();
    // The connection is fit for more.
    client.exchange(form(BASIC, GRANT)).token();
}

#[test]
#[should_panic(expected = "there is no member \"scope\" to change")]
fn a_member_of_a_reply_without_members_is_a_mistake() {
    drop(Reply::html().field("scope", "read"));
}

#[test]
fn what_only_a_response_has_is_a_mistake_elsewhere() {
    let gate = Gate::new();
    let kinds: [fn() -> Reply; 3] = [Reply::reset, Reply::hang, || Reply::raw("x")];
    for make in kinds {
        let changes: [Box<dyn Fn(Reply) -> Reply + std::panic::RefUnwindSafe>; 5] = [
            Box::new(|reply| reply.with_status(500)),
            Box::new(|reply| reply.header("X-Own", "1")),
            Box::new(|reply| reply.drip(1, Duration::ZERO)),
            Box::new(|reply| reply.gated_after_headers(&Gate::new())),
            Box::new(|reply| reply.gated_in_body(1, &Gate::new())),
        ];
        for change in &changes {
            let panic = std::panic::catch_unwind(|| drop(change(make()))).unwrap_err();
            let message = panic.downcast::<String>().unwrap();
            assert!(message.starts_with("there is no "), "{message}");
        }
        // When it comes is another matter.
        drop(make().after(Duration::from_millis(1)).gated(&gate));
    }
}
