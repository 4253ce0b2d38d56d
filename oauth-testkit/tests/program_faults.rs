//! Each fault as JSON says it, as the bytes arrive.
#![cfg(feature = "program")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use program::Program;
use serde_json::{Value, json};
use support::{Client, good};

const SHORT: Duration = Duration::from_millis(20);

fn asking(program: &Program) -> Client {
    let mut client = Client::to(&program.url("token_url"));
    client.send(good());
    client
}

#[expect(clippy::disallowed_methods, reason = "it is about real time")]
fn timed(work: impl FnOnce() -> usize) -> (usize, Duration) {
    let begin = Instant::now();
    let bytes = work();
    (bytes, begin.elapsed())
}

/// The whole of a good answer: its length.
fn whole(program: &Program) -> usize {
    let response = asking(program).response().unwrap();
    response.token();
    response.head.len() + response.body.len()
}

/// What comes until nothing more does for a while: the bytes, or how many of them are of the body.
fn before_the_wait(client: &mut Client, body: Option<usize>) {
    let mut come = Vec::new();
    let body_bytes = |come: &[u8]| {
        let head = come.windows(4).position(|four| four == b"\r\n\r\n");
        head.map(|head| come.len() - head - 4)
    };
    while body_bytes(&come) != body {
        let mut piece = [0; 4096];
        let read = client.stream.read(&mut piece).unwrap();
        assert!(read > 0, "the connection ended after {come:?}");
        come.extend_from_slice(&piece[..read]);
    }
    client.stream.set_read_timeout(Some(SHORT)).unwrap();
    let (more, error) = client.rest();
    let waits = matches!(error, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(waits && more.is_empty(), "{more:?}, {error:?}");
    let timeout = Some(Duration::from_secs(10));
    client.stream.set_read_timeout(timeout).unwrap();
}

/// A fault that holds the answer back after so much of the body; `None` for all of it.
fn hangs(program: &Program, body: Option<usize>) {
    let mut client = asking(program);
    before_the_wait(&mut client, body);
    assert_eq!(program.admin("POST", "/gates/g/open", None).status, 204);
    let mut one = [0];
    client.stream.read_exact(&mut one).unwrap();
    assert_eq!(program.admin("DELETE", "/gates/g", None).status, 204);
}

fn ends(program: &Program, bytes: usize, error: Option<ErrorKind>) {
    let (come, how) = asking(program).rest();
    assert_eq!((come.len(), how), (bytes, error));
}

type Check = fn(&Program);

/// Each kind, and what the second request meets with.
fn kinds() -> Vec<(Value, Check)> {
    vec![
        (
            json!({ "latency": { "least_millis": 40, "jitter_millis": 0 } }),
            |program| {
                let (_, took) = timed(|| whole(program));
                assert!(took >= SHORT * 2, "{took:?}");
            },
        ),
        (
            json!({ "bandwidth": { "bytes_per_second": 5000 } }),
            |program| {
                let (bytes, took) = timed(|| whole(program));
                let bytes = u32::try_from(bytes).unwrap();
                assert!(took >= Duration::from_secs(bytes.into()) / 5000, "{took:?}");
            },
        ),
        (
            json!({ "slices": { "bytes": 10, "pause_millis": 2 } }),
            |program| {
                let (bytes, took) = timed(|| whole(program));
                let pieces = u64::try_from(bytes / 10).unwrap();
                assert!(took >= Duration::from_millis(2 * pieces), "{took:?}");
            },
        ),
        (json!({ "slow_close": { "delay_millis": 40 } }), |program| {
            let mut client = asking(program);
            let (come, took) = timed(|| {
                let (come, error) = client.rest();
                assert_eq!(error, None);
                let text = String::from_utf8(come).unwrap();
                assert!(!text.contains("Content-Length"), "{text}");
                text.len()
            });
            assert!(come > 0 && took >= SHORT * 2, "{took:?}");
        }),
        (
            json!({ "hang_before_headers": { "gate": "g" } }),
            |program| {
                hangs(program, None);
            },
        ),
        (
            json!({ "hang_after_headers": { "gate": "g" } }),
            |program| {
                hangs(program, Some(0));
            },
        ),
        (
            json!({ "hang_in_body": { "after": 7, "gate": "g" } }),
            |program| hangs(program, Some(7)),
        ),
        (json!("reset_before_response"), |program| {
            ends(program, 0, Some(ErrorKind::ConnectionReset));
        }),
        (json!({ "reset_in_response": { "after": 20 } }), |program| {
            ends(program, 20, Some(ErrorKind::ConnectionReset));
        }),
        (json!({ "truncate": { "after": 30 } }), |program| {
            ends(program, 30, None);
        }),
        (json!({ "garbage": { "bytes": 5 } }), |program| {
            let (come, error) = asking(program).rest();
            assert_eq!((come.len(), error), (5, None));
            assert!(!come[0].is_ascii());
        }),
        (json!("keep_alive_race"), |program| {
            asking(program).response().unwrap().token();
        }),
        (json!({ "outage": { "lasting_millis": 20 } }), |program| {
            let idle = Client::to(&program.url("token_url"));
            let address = idle.stream.peer_addr().unwrap();
            ends(program, 0, None);
            let back = (0..100_000).any(|_| {
                std::thread::yield_now();
                TcpStream::connect(address).is_ok()
            });
            assert!(back);
        }),
    ]
}

fn name(fault: &Value) -> String {
    match fault {
        Value::String(name) => name.clone(),
        other => other.as_object().unwrap().keys().next().unwrap().clone(),
    }
}

#[test]
fn each_kind_strikes_the_request_it_is_for_as_it_says() {
    let program = Program::start(&[]);
    for (fault, check) in kinds() {
        let name = name(&fault);
        let faults = json!({ "at": "token", "faults": [{ "nth": 2, "fault": fault }] });
        program.order("POST", "/faults", faults);
        program.order("DELETE", "/requests", json!(null));
        whole(&program);
        check(&program);
        whole(&program);
        let log = program.admin("GET", "/requests", None).json();
        let token = log["token"].as_array().unwrap();
        let told = token.iter().map(|request| request["faults"].clone());
        // A race spares the first request of a connection.
        let expected = match name.as_str() {
            "keep_alive_race" => json!([[], [], []]),
            _ => json!([[], [name], []]),
        };
        assert_eq!(told.collect::<Value>(), expected, "{log}");
    }
    let race = json!({ "at": "token", "faults": [{ "when": {}, "fault": "keep_alive_race" }] });
    program.order("POST", "/faults", race);
    let mut client = Client::to(&program.url("token_url"));
    client.exchange(good()).token();
    client.send(good());
    assert!(client.is_closed());
    let mut client = Client::to(&program.url("token_url"));
    client.exchange(good()).token();
    client.exchange(good()).token();
}

#[test]
fn the_description_has_each_kind_and_no_other() {
    let description: Value =
        serde_json::from_str(include_str!("../fake-token-server.openapi.json")).unwrap();
    let declared = description["components"]["schemas"]["Fault"]["oneOf"].clone();
    let mut names = BTreeSet::new();
    for kind in declared.as_array().unwrap() {
        match kind["properties"].as_object() {
            Some(one) => names.extend(one.keys().cloned()),
            None => {
                let texts = kind["enum"].as_array().unwrap().iter();
                names.extend(texts.map(|text| text.as_str().unwrap().to_owned()));
            }
        }
    }
    let kinds: BTreeSet<String> = kinds().iter().map(|(fault, _)| name(fault)).collect();
    assert_eq!(names, kinds);
}

#[test]
fn the_third_answer_to_one_client_is_reset_and_the_log_says_so() {
    let program = Program::start(&[
        "--public-client",
        "a",
        "--client",
        "test-client:test-secret",
    ]);
    let reset = json!({ "reset_in_response": { "after": 20 } });
    let when = json!({ "client": "a", "nth": 3 });
    let faults = json!({ "at": "token", "faults": [{ "when": when, "fault": reset }] });
    program.order("POST", "/faults", faults);
    let of_a = support::form("", &format!("{}&client_id=a", support::GRANT));
    let mut resets = Vec::new();
    for request in [&of_a, &of_a, &good(), &of_a, &of_a] {
        let mut client = Client::to(&program.url("token_url"));
        client.send(request);
        resets.push(client.response().is_err());
    }
    assert_eq!(resets, [false, false, false, true, false]);
    program.admin("POST", "/stop", None);
    let (_, log) = program.end();
    let struck: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line.get("faults").is_some())
        .collect();
    assert_eq!(struck.len(), 1, "{log}");
    assert_eq!(struck[0]["faults"], json!(["reset_in_response"]));
    assert_eq!(struck[0]["request"], 4);
}

#[test]
fn what_is_posted_takes_the_place_of_what_was_there() {
    let program = Program::start(&[]);
    let always = json!({
        "at": "token",
        "faults": [{ "when": {}, "uses": "always", "fault": "reset_before_response" }],
    });
    program.order("POST", "/faults", always.clone());
    assert!(asking(&program).response().is_err());
    program.order("POST", "/faults", json!({ "at": "token", "faults": [] }));
    whole(&program);
    program.order("POST", "/faults", always);
    program.order("DELETE", "/faults", json!(null));
    whole(&program);
}

#[test]
fn a_fault_has_one_way_to_say_whom_it_strikes() {
    let program = Program::start(&[]);
    let fault = "reset_before_response";
    for (wrong, told) in [
        (json!({ "fault": fault }), "needs one of"),
        (
            json!({ "nth": 1, "probability": 1, "fault": fault }),
            "needs one of",
        ),
        (json!({ "nth": 0, "fault": fault }), "counted from 1"),
        (
            json!({ "nth": 1, "uses": "once", "fault": fault }),
            "beside",
        ),
        (
            json!({ "when": { "path": "/" }, "fault": fault }),
            "for the API",
        ),
        (json!({ "probability": 2, "fault": fault }), "from 0 to 1"),
        (json!({ "nth": 1, "fault": { "truncate": {} } }), "after"),
        (
            json!({ "nth": 1, "fault": { "hang_in_body": { "after": 1, "gate": "" } } }),
            "gate",
        ),
    ] {
        let body = json!({ "at": "token", "faults": [wrong] });
        let response = program.admin("POST", "/faults", Some(&body));
        assert_eq!(response.status, 400, "{body}");
        let detail = response.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(told), "{detail}");
    }
    whole(&program);
}
