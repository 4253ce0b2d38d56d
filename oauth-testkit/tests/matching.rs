//! Replies and expectations by matching.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use oauth_testkit::{ApiMatch, FakeTokenServer, Gate, Reply, TokenMatch};
use support::{BASIC, GRANT, ask, call, form, get, good};

fn asking_for(scope: &str) -> String {
    form(BASIC, &format!("{GRANT}&scope={scope}"))
}

/// What a failed expectation says.
fn complaint(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("the expectation is not met");
    *panic.downcast::<String>().expect("a message")
}

#[test]
fn a_reply_goes_to_the_client_the_scope_and_the_nth_request_it_is_for() {
    let server = FakeTokenServer::builder()
        .client("test-client", "test-secret")
        .client("other", "secret")
        .start()
        .unwrap();
    server
        .when(TokenMatch::client("test-client").scope("read").nth(3))
        .reply(Reply::status(503));
    let other = form(
        "",
        &format!("{GRANT}&client_id=other&client_secret=secret&scope=read"),
    );
    let requests = [
        asking_for("read"),
        asking_for("write+read"),
        asking_for("write"),
        other.clone(),
        other,
        asking_for("read"),
        asking_for("read"),
    ];
    let statuses: Vec<u16> = requests
        .iter()
        .map(|request| ask(&server, request).status)
        .collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 503, 200]);
}

#[test]
fn a_rule_gives_its_replies_in_order_then_the_sticky_one() {
    let server = FakeTokenServer::start().unwrap();
    server.always_token_reply(Reply::status(500));
    server.next_token_reply(Reply::status(501));
    server
        .when(TokenMatch::any().scope("a"))
        .reply(Reply::status(502))
        .reply(Reply::status(503))
        .always(Reply::status(504));
    let statuses: Vec<u16> = ["a", "b", "a", "a", "a", "b"]
        .iter()
        .map(|scope| ask(&server, asking_for(scope)).status)
        .collect();
    assert_eq!(statuses, [502, 501, 503, 504, 504, 500]);
    server.reset_replies();
    ask(&server, asking_for("a")).token();
}

#[test]
fn of_several_rules_those_used_once_go_first_and_the_youngest_stays() {
    let server = FakeTokenServer::start().unwrap();
    server.when(TokenMatch::any()).always(Reply::status(500));
    server.when(TokenMatch::any()).reply(Reply::status(501));
    server.when(TokenMatch::any()).reply(Reply::status(502));
    server
        .when(TokenMatch::any().from_nth(2))
        .always(Reply::status(503));
    let statuses: Vec<u16> = (0..3).map(|_| ask(&server, good()).status).collect();
    assert_eq!(statuses, [501, 502, 503]);
}

#[test]
fn the_first_of_several_sticky_rules_serves_what_the_others_do_not_match() {
    let server = FakeTokenServer::start().unwrap();
    server.when(TokenMatch::any()).always(Reply::status(500));
    server
        .when(
            TokenMatch::any()
                .param("resource", "https://r.example")
                .header("Host", "localhost"),
        )
        .always(Reply::status(501));
    assert_eq!(ask(&server, good()).status, 500);
    let with = form(BASIC, &format!("{GRANT}&resource=https://r.example"));
    assert_eq!(ask(&server, with).status, 501);
}

#[test]
fn an_api_reply_goes_to_its_path_method_and_token() {
    let server = FakeTokenServer::start().unwrap();
    let (first, second) = (ask(&server, good()).token(), ask(&server, good()).token());
    server
        .when(
            ApiMatch::path("/a")
                .method("GET")
                .token(2)
                .header("Host", "localhost"),
        )
        .reply(Reply::status(503));
    let statuses = [
        call(&server, get("/a", &first)).status,
        call(&server, get("/b", &second)).status,
        call(&server, get("/a", &second).replace("GET", "PUT")).status,
        call(&server, get("/a?x=1", &second)).status,
        call(&server, get("/a", &second)).status,
    ];
    assert_eq!(statuses, [200, 200, 200, 503, 200]);
}

#[test]
fn a_request_astray_is_for_no_rule() {
    let server = FakeTokenServer::start().unwrap();
    server.when(TokenMatch::any()).reply(Reply::status(503));
    server.expect(TokenMatch::any()).times(1);
    let astray = good().replace("/oauth/token", "/elsewhere");
    assert_eq!(ask(&server, astray).status, 404);
    assert_eq!(ask(&server, good()).status, 503);
}

#[test]
fn an_expectation_that_is_met_lets_the_server_go_in_peace() {
    let server = FakeTokenServer::start().unwrap();
    server.expect(TokenMatch::any()).times(2);
    server.expect(TokenMatch::any().scope("read")).at_most(1);
    server.expect(TokenMatch::any().from_nth(2)).at_least(1);
    server.expect(ApiMatch::path("/admin")).never();
    ask(&server, good());
    // Neither forgets what is expected.
    server.clear_log();
    server.reset_replies();
    ask(&server, asking_for("read"));
    server.verify();
}

#[test]
fn an_expectation_that_is_not_met_is_told_when_the_server_goes() {
    let server = FakeTokenServer::start().unwrap();
    server.expect(TokenMatch::any().scope("read")).times(2);
    server.expect(ApiMatch::path("/users"));
    ask(&server, asking_for("write"));
    ask(&server, asking_for("read"));
    assert!(complaint(|| server.verify()).contains("there were 1"));

    let message = complaint(|| drop(server));
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(
        lines[0],
        "expected 2 token requests (scope \"read\"), there were 1:"
    );
    assert!(lines[1].starts_with("   #1 POST /oauth/token"), "{message}");
    assert!(lines[2].starts_with("-> #2 POST /oauth/token"), "{message}");
    assert!(lines[2].ends_with("-> 200"), "{message}");
    assert_eq!(
        lines[3..],
        [
            "expected at least 1 API requests (path /users), there were 0:",
            "   (no requests)"
        ]
    );
}

#[test]
fn a_request_too_many_is_told_too() {
    let server = FakeTokenServer::start().unwrap();
    server.expect(TokenMatch::any()).at_most(1);
    ask(&server, good());
    ask(&server, good());
    assert!(complaint(|| drop(server)).contains("expected at most 1"));
}

#[test]
fn a_server_dropped_by_a_panic_does_not_panic_again() {
    let message = complaint(|| {
        let server = FakeTokenServer::start().unwrap();
        server.expect(TokenMatch::any()).times(1);
        panic!("{}", "the first failure");
    });
    assert_eq!(message, "the first failure");
}

#[test]
fn a_failed_expectation_leaves_nothing_listening() {
    let server = FakeTokenServer::start().unwrap();
    let url = server.api_url();
    server.expect(TokenMatch::any()).times(1);
    complaint(|| drop(server));
    let authority = url.trim_start_matches("http://");
    assert!(std::net::TcpStream::connect(authority).is_err());
}

#[test]
fn api_requests_served_at_one_time_are_counted() {
    let server = FakeTokenServer::start().unwrap();
    let gate = Gate::new();
    server.always_api_reply(Reply::usual().gated(&gate));
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| call(&server, get("/", "x")));
        }
        server.await_api_requests(5);
        gate.open();
    });
    call(&server, get("/", "x"));
    assert_eq!(server.max_concurrent_api_requests(), 5);
    assert_eq!(server.max_concurrent_token_requests(), 0);
    server.clear_log();
    assert_eq!(server.max_concurrent_api_requests(), 0);
}
