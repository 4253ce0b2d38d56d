//! Faults for requests that the test has chosen, by number or by matching.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::ErrorKind;

use oauth_testkit::{
    ApiMatch, FakeTokenServer, Fault, FaultPlan, Gate, Match, Reply, TokenMatch, TokenRequest,
};
use support::{Client, ask, call, form, get, good};

/// What becomes of token requests one after the other, each on a connection of its own: the bytes of the answer, and
/// whether the connection ends in a reset.
fn outcomes(server: &FakeTokenServer, requests: &[String]) -> Vec<(usize, bool)> {
    let outcome = |request: &String| {
        let mut client = Client::to(&server.token_url());
        client.send(request.replace("Host: localhost", "Host: localhost\r\nConnection: close"));
        let (bytes, error) = client.rest();
        (bytes.len(), error == Some(ErrorKind::ConnectionReset))
    };
    requests.iter().map(outcome).collect()
}

fn of_client(id: &str) -> String {
    form("", &format!("{}&client_id={id}", support::GRANT))
}

const RESET: Fault = Fault::ResetInResponse { after: 20 };

#[test]
fn a_plan_strikes_the_request_of_this_number_and_no_other() {
    let plan = FaultPlan::new().at(2, RESET).at(4, RESET).at(4, RESET);
    let struck: Vec<usize> = (1..=5).map(|n| plan.faults_of(n).len()).collect();
    assert_eq!(struck, [0, 1, 0, 2, 0]);
    let server = FakeTokenServer::start().unwrap();
    server.set_token_faults(FaultPlan::new().at(2, RESET));
    let resets: Vec<bool> = outcomes(&server, &[good(), good(), good()])
        .into_iter()
        .map(|(_, is_reset)| is_reset)
        .collect();
    assert_eq!(resets, [false, true, false]);
}

#[test]
fn by_number_and_by_chance_go_into_one_plan() {
    let plan = FaultPlan::seeded(42)
        .with(0.5, Fault::ResetBeforeResponse)
        .at(3, RESET);
    let without = FaultPlan::seeded(42).with(0.5, Fault::ResetBeforeResponse);
    for request in 1..=20 {
        let more = usize::from(request == 3);
        let expected = without.faults_of(request).len() + more;
        assert_eq!(plan.faults_of(request).len(), expected, "{request}");
    }
}

#[test]
#[should_panic(expected = "counted from 1")]
fn there_is_no_request_number_zero() {
    drop(FaultPlan::new().at(0, RESET));
}

#[test]
fn the_third_response_to_one_client_is_reset_after_twenty_bytes() {
    let server = FakeTokenServer::builder()
        .public_client("a")
        .public_client("b")
        .start()
        .unwrap();
    server.when(TokenMatch::client("a").nth(3)).suffers(RESET);
    let order = ["a", "b", "a", "b", "b", "a", "a"].map(of_client);
    let seen = outcomes(&server, &order);
    let struck: Vec<usize> = (0..7).filter(|index| seen[*index].1).collect();
    assert_eq!(struck, [5], "{seen:?}");
    assert_eq!(seen[5], (20, true));
    let requests = server.token_requests();
    let faulty = requests.iter().filter(|seen| !seen.faults().is_empty());
    assert_eq!(faulty.count(), 1);
    assert_eq!(server.issued(), 7, "the server did its part each time");
}

#[test]
fn a_rule_has_faults_once_and_then_always() {
    let server = FakeTokenServer::start().unwrap();
    let after = |after| Fault::Truncate { after };
    server
        .when(TokenMatch::any())
        .suffers(after(1))
        .suffers(after(2))
        .always_suffers(after(3));
    let lengths = |server: &FakeTokenServer| -> Vec<usize> {
        let seen = outcomes(server, &[good(), good(), good(), good()]);
        seen.into_iter().map(|(length, _)| length).collect()
    };
    assert_eq!(lengths(&server), [1, 2, 3, 3]);
    server.reset_replies();
    assert_eq!(lengths(&server), [3; 4], "these are no replies");
    server.clear_faults();
    assert!(lengths(&server).into_iter().all(|length| length > 100));
}

#[test]
fn one_rule_has_replies_and_faults_for_the_same_requests() {
    let server = FakeTokenServer::start().unwrap();
    let rule = || server.when(TokenMatch::any().nth(2));
    rule().reply(Reply::status(503)).suffers(RESET);
    let seen = outcomes(&server, &[good(), good(), good()]);
    assert_eq!(seen[1], (20, true));
    let statuses: Vec<_> = server
        .token_requests()
        .iter()
        .map(TokenRequest::status)
        .collect();
    assert_eq!(statuses, [Some(200), Some(503), Some(200)]);
}

#[test]
fn faults_of_several_rules_and_of_a_plan_add_up() {
    let server = FakeTokenServer::start().unwrap();
    let gate = Gate::new();
    let until = gate.clone();
    server.set_token_faults(FaultPlan::new().at(1, Fault::HangBeforeHeaders { until }));
    server.when(TokenMatch::any()).suffers(RESET);
    server
        .when(TokenMatch::any())
        .suffers(Fault::Truncate { after: 10 });
    let mut client = Client::to(&server.token_url());
    client.send(good());
    server.await_token_requests(1);
    gate.open();
    assert_eq!(client.rest().0.len(), 10);
    assert_eq!(server.token_requests()[0].faults().len(), 3);
}

#[test]
fn exactly_one_keep_alive_race_is_brought_about() {
    let server = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::token());
    server.next_token_reply(Reply::status(503));
    server.expect(TokenMatch::any()).times(4);
    server.when(TokenMatch::any()).suffers(Fault::KeepAliveRace);
    // It waits for a connection that was idle.
    ask(&server, good()).token();
    let mut idle = Client::to(&server.token_url());
    assert_eq!(idle.exchange(good()).status, 503);
    idle.send(good());
    assert!(idle.is_closed());
    let mut again = Client::to(&server.token_url());
    again.exchange(good()).token();
    again.exchange(good()).token();
    // The one that was lost took no reply, and is neither logged nor expected.
    server.assert_token_requests(4);
}

#[test]
fn faults_at_the_api_go_by_what_its_requests_are() {
    let server = FakeTokenServer::start().unwrap();
    let (first, second) = (ask(&server, good()).token(), ask(&server, good()).token());
    server
        .when(ApiMatch::path("/a").token(2))
        .always_suffers(Fault::Truncate { after: 9 });
    let truncated = |path, token: &str| {
        let mut client = Client::to(&server.api_url());
        client.send(get(path, token));
        client.response().is_err()
    };
    assert!(truncated("/a", &second) && truncated("/a?x=1", &second));
    assert!(!truncated("/a", &first) && !truncated("/b", &second));
    server.clear_faults();
    assert_eq!(call(&server, get("/a", &second)).status, 200);
}

#[test]
fn what_goes_astray_suffers_from_no_rule() {
    let server = FakeTokenServer::start().unwrap();
    server
        .when(TokenMatch::any())
        .always_suffers(Fault::ResetBeforeResponse);
    let astray = good().replace("/oauth/token", "/elsewhere");
    assert_eq!(ask(&server, astray).status, 404);
}

#[test]
fn a_condition_may_call_the_server() {
    let server = std::sync::Arc::new(FakeTokenServer::start().unwrap());
    let called = std::sync::Arc::downgrade(&server);
    let calls_back = move |_: &TokenRequest| {
        let server = called.upgrade().unwrap();
        server
            .when(TokenMatch::any().nth(1))
            .reply(Reply::status(503));
        server.token_request_count() == 0
    };
    let requests: TokenMatch = Match::any().that("calls back", calls_back);
    server.when(requests).reply(Reply::status(502));
    // What was scripted after its arrival is for the next one.
    assert_eq!(ask(&server, good()).status, 502);
    assert_eq!(ask(&server, good()).status, 503);
}

#[test]
fn who_reads_garbage_is_no_longer_being_served() {
    let server = FakeTokenServer::start().unwrap();
    // More than the buffers of a connection hold: it is being sent for as long as nobody reads on.
    let garbage = Fault::Garbage { bytes: 64 << 20 };
    server.set_token_faults(FaultPlan::new().at(1, garbage));
    let mut reading = Client::to(&server.token_url());
    reading.send(good());
    std::io::Read::read_exact(&mut reading.stream, &mut [0]).unwrap();
    ask(&server, good()).token();
    assert_eq!(server.max_concurrent_token_requests(), 1);
}
