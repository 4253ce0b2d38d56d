//! What the program is told to answer, and when.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::orders::{call_api, open_token_request, script};
use crate::program::Program;
use crate::support::GRANT;

#[test]
fn every_kind_of_reply_reaches_the_client_as_it_was_scripted() {
    let program = Program::start(&[]);
    let answer = |reply: Value| {
        script(&program, "token", reply);
        program.token_request(GRANT)
    };
    let token = answer(json!({ "kind": "token", "expires_in": 5, "fields": { "scope": "x" } }));
    assert_eq!(token.json()["expires_in"], 5);
    assert_eq!(token.json()["scope"], "x");
    let same = answer(json!({ "kind": "same_token", "without_fields": ["expires_in"] }));
    assert_eq!(same.token(), token.token());
    assert_eq!(same.json().get("expires_in"), None);
    let error = answer(json!({
        "kind": "oauth_error", "error": "invalid_client", "description": "d", "uri": "u:u",
    }));
    assert_eq!(
        (error.status, error.error()),
        (401, "invalid_client".into())
    );
    assert_eq!(error.json()["error_description"], "d");
    assert_eq!(error.json()["error_uri"], "u:u");
    let unavailable = answer(json!({
        "kind": "status", "status": 503, "headers": { "Retry-After": "7", "X-A": ["1", "2"] },
        "body": "later",
    }));
    assert_eq!(unavailable.status, 503);
    assert_eq!(unavailable.header("Retry-After"), Some("7"));
    assert!(unavailable.head.contains("X-A: 1\r\nX-A: 2"));
    assert_eq!(unavailable.body, b"later");
    let page = answer(json!({ "kind": "html" }));
    assert_eq!(
        page.header("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    let elsewhere = answer(json!({ "kind": "redirect", "location": "http://b.example" }));
    assert_eq!(elsewhere.status, 307);
    assert_eq!(elsewhere.header("Location"), Some("http://b.example"));
    assert_eq!(
        answer(json!({ "kind": "oversized", "bytes": 5000 }))
            .body
            .len(),
        5000
    );
    let dripping = answer(json!({ "kind": "usual", "drip": { "bytes": 20, "pause_millis": 0 } }));
    assert_eq!(dripping.status, 200);
    let null = answer(json!({ "kind": "status", "status": 200, "json": null }));
    assert_eq!(null.body, b"null");
}

#[test]
fn every_fault_reaches_the_client_as_it_was_scripted() {
    let program = Program::start(&[]);
    let answer = |reply: Value| {
        script(&program, "token", reply);
        open_token_request(&program).rest()
    };
    let (bytes, error) = answer(json!({ "kind": "truncated", "bytes": 10 }));
    assert!(bytes.ends_with(b"\r\n\r\n{\"access_t"), "{bytes:?}");
    assert_eq!(error, None);
    let raw = answer(json!({ "kind": "raw", "body_base64": "AAEC" }));
    assert_eq!(raw, (vec![0, 1, 2], None));
    let (nothing, reset) = answer(json!({ "kind": "reset" }));
    assert_eq!(nothing, b"");
    assert_eq!(reset, Some(ErrorKind::ConnectionReset));
}

#[test]
fn a_sticky_reply_stays_until_the_reset() {
    let program = Program::start(&[]);
    let down = json!({
        "to": "token", "uses": "always", "reply": { "kind": "status", "status": 500 },
    });
    program.order("POST", "/replies", down);
    for _ in 0..3 {
        assert_eq!(program.token_request(GRANT).status, 500);
    }
    program.admin("POST", "/reset", None);
    assert_eq!(program.token_request(GRANT).status, 200);
    let counts = program.admin("GET", "/counts", None).json();
    assert_eq!(counts["token_requests"], 1);
}

#[test]
fn a_gate_holds_requests_until_it_is_opened() {
    let program = Program::start(&[]);
    let held = json!({ "kind": "usual", "gates": ["first"] });
    script(&program, "token", held.clone());
    script(&program, "token", held);
    let mut clients = [open_token_request(&program), open_token_request(&program)];
    let awaited = program.order("POST", "/await", json!({ "at": "token", "count": 2 }));
    assert_eq!(awaited, json!({ "arrived": true, "count": 2 }));
    let counts = program.admin("GET", "/counts", None).json();
    assert_eq!(counts["issued_tokens"], 0);
    assert_eq!(counts["max_concurrent_token_requests"], 2);
    assert_eq!(program.admin("POST", "/gates/frist/open", None).status, 404);
    assert_eq!(program.admin("POST", "/gates/first/open", None).status, 204);
    for client in &mut clients {
        client.response().unwrap().token();
    }
}

#[test]
fn a_gate_within_a_reply_holds_the_rest_of_it() {
    let program = Program::start(&[]);
    let text = json!({ "kind": "status", "status": 200, "body": "abcdef" });
    for (member, gate, sent) in [
        ("gate_after_headers", json!("a"), ""),
        ("gate_in_body", json!({ "bytes": 2, "gate": "b" }), "ab"),
    ] {
        let mut reply = text.clone();
        reply[member] = gate;
        script(&program, "token", reply);
        let mut client = open_token_request(&program);
        let end = format!("\r\n\r\n{sent}");
        let mut seen = String::new();
        while !seen.ends_with(&end) {
            let mut byte = [0];
            client.stream.read_exact(&mut byte).unwrap();
            seen.push(char::from(byte[0]));
        }
        client.stream.set_nonblocking(true).unwrap();
        let nothing = client.stream.read(&mut [0]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        client.stream.set_nonblocking(false).unwrap();
        let name = if sent.is_empty() { "a" } else { "b" };
        let opened = program.admin("POST", &format!("/gates/{name}/open"), None);
        assert_eq!(opened.status, 204);
        let mut rest = vec![0; 6 - sent.len()];
        client.stream.read_exact(&mut rest).unwrap();
        assert_eq!(rest, &b"abcdef"[sent.len()..]);
    }
    for (both, says) in [
        (
            json!({ "kind": "usual", "gate_after_headers": "a", "gate_in_body": { "bytes": 1, "gate": "a" } }),
            "only one",
        ),
        (
            json!({ "kind": "reset", "gate_after_headers": "a" }),
            "is not for",
        ),
        (
            json!({ "kind": "usual", "gate_after_headers": "" }),
            "name of a gate",
        ),
    ] {
        let reply = json!({ "to": "token", "reply": both });
        let refused = program.admin("POST", "/replies", Some(&reply));
        assert_eq!(refused.status, 400);
        let detail = refused.json()["detail"].to_string();
        assert!(detail.contains(says), "{detail}");
    }
}

#[test]
fn an_origin_that_is_down_refuses_until_it_is_back_at_its_port() {
    let program = Program::start(&[]);
    let connect = |name: &str| {
        let url = program.url(name);
        let authority = url.split('/').nth(2).unwrap().to_owned();
        TcpStream::connect(authority).map(drop)
    };
    let down = |at: &str, down: bool| {
        program.order("POST", "/outages", json!({ "at": at, "down": down }));
    };
    for (at, name, other) in [
        ("token", "token_url", "api_url"),
        ("api", "api_url", "token_url"),
    ] {
        down(at, true);
        down(at, true);
        let refused = connect(name).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        connect(other).unwrap();
        down(at, false);
        connect(name).unwrap();
    }
    down("api", true);
    program.admin("POST", "/reset", None);
    connect("api_url").unwrap();
}

#[test]
fn what_is_expected_is_told_apart_from_what_came() {
    let program = Program::start(&[]);
    let verdict = || program.admin("GET", "/expectations", None).json();
    let expect = |form: Value| program.order("POST", "/expectations", form);
    expect(json!({ "at": "token", "when": { "client": "test-client" } }));
    expect(json!({ "at": "token", "at_least": 1, "at_most": 2 }));
    expect(json!({ "at": "api", "when": { "path": "/things" }, "times": 0 }));
    assert_eq!(verdict()["met"], false);
    let token = program.token_request(GRANT).token();
    assert_eq!(verdict(), json!({ "met": true, "unmet": "" }));
    call_api(&program, &token);
    let unmet = verdict()["unmet"].as_str().unwrap().to_owned();
    assert!(unmet.starts_with("expected 0 API requests"), "{unmet}");
    assert!(!unmet.contains(&token), "{unmet}");
    assert_eq!(program.admin("DELETE", "/expectations", None).status, 204);
    assert_eq!(verdict()["met"], true);
    for wrong in [
        json!({ "at": "token", "times": 1, "at_most": 2 }),
        json!({ "at": "token", "when": { "path": "/" } }),
    ] {
        let refused = program.admin("POST", "/expectations", Some(&wrong));
        assert_eq!(refused.status, 400);
    }
    // It does not hold up the end.
    expect(json!({ "at": "token", "times": 7 }));
    program.admin("POST", "/stop", None);
    let (status, log) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn waiting_in_vain_ends_in_time_and_says_so() {
    let program = Program::start(&[]);
    let wait = json!({ "at": "api", "count": 1, "within_millis": 1 });
    let awaited = program.order("POST", "/await", wait);
    assert_eq!(awaited, json!({ "arrived": false, "count": 0 }));
}

#[test]
fn tokens_expire_when_the_clock_is_moved_and_die_when_they_are_revoked() {
    let program = Program::start(&["--clock", "standing", "--token-lifetime", "60"]);
    let token = program.token_request(GRANT).token();
    assert_eq!(call_api(&program, &token).status, 200);
    let before = program.admin("GET", "/clock", None).json();
    assert_eq!(before["runs"], false);
    program.order("POST", "/clock", json!({ "advance_seconds": 59.5 }));
    assert_eq!(call_api(&program, &token).status, 200);
    let after = program.order("POST", "/clock", json!({ "suspend_seconds": 0.5 }));
    assert_eq!(after["elapsed_seconds"], 60.0);
    assert_eq!(call_api(&program, &token).status, 401);
    let stepped = program.order("POST", "/clock", json!({ "step_seconds": -60 }));
    assert_eq!(stepped["unix_seconds"], before["unix_seconds"]);

    let token = program.token_request(GRANT).token();
    let revoked = program.order("POST", "/revoke", json!({ "token": token }));
    assert_eq!(revoked["revoked"], true);
    assert_eq!(call_api(&program, &token).status, 401);
}

#[test]
fn a_list_with_a_mistake_in_it_scripts_nothing_and_names_the_mistake() {
    let program = Program::start(&[]);
    let mistakes = [
        (json!({ "kind": "status" }), "needs \"status\""),
        (
            json!({ "kind": "status", "status": 1000 }),
            "1000 is not a status",
        ),
        (
            json!({ "kind": "reset", "status": 200 }),
            "\"status\" is not for",
        ),
        (
            json!({ "kind": "token", "body": "b" }),
            "\"body\" is not for",
        ),
        (json!({ "kind": "raw", "body_base64": "?" }), "not Base64"),
        (
            json!({ "kind": "usual", "gates": ["a/b"] }),
            "the name of a gate",
        ),
        (json!({ "kind": "tokn" }), "unknown variant `tokn`"),
        (
            json!({ "kind": "usual", "afer": 1 }),
            "unknown field `afer`",
        ),
        (
            json!({ "kind": "oversized", "bytes": u32::MAX }),
            "\"bytes\" is more",
        ),
    ];
    for (mistake, text) in mistakes {
        let list = json!([
            { "to": "token", "reply": { "kind": "status", "status": 500 } },
            { "to": "token", "reply": mistake },
        ]);
        let refused = program.admin("POST", "/replies", Some(&list));
        assert_eq!(refused.status, 400);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.starts_with("reply 2: ") && detail.contains(text),
            "{detail}"
        );
    }
    assert_eq!(program.token_request(GRANT).status, 200);
}

#[test]
fn a_reply_is_for_the_requests_that_it_chooses() {
    let program = Program::start(&[]);
    let second = json!({ "client": "test-client", "nth": 2 });
    let down = json!({ "kind": "status", "status": 500 });
    let form = json!({ "to": "token", "when": second, "reply": down });
    program.order("POST", "/replies", form);
    let seen = [(); 3].map(|()| program.token_request(GRANT).status);
    assert_eq!(seen, [200, 500, 200]);
    for when in [
        json!({ "path": "/" }),
        json!({ "nth": 0 }),
        json!({ "nth": 1, "from_nth": 1 }),
    ] {
        let form = json!({ "to": "token", "when": when, "reply": down });
        assert_eq!(program.admin("POST", "/replies", Some(&form)).status, 400);
    }
}

#[test]
fn faults_strike_until_they_are_cleared_and_a_wrong_plan_changes_nothing() {
    let program = Program::start(&[]);
    let plan = |probability: f64| {
        let fault = json!({ "probability": probability, "fault": { "garbage": { "bytes": 5 } } });
        json!({ "at": "token", "seed": 7, "faults": [fault] })
    };
    program.order("POST", "/faults", plan(1.0));
    assert_eq!(
        program.admin("POST", "/faults", Some(&plan(2.0))).status,
        400
    );
    assert_eq!(open_token_request(&program).rest().0.len(), 5);
    program.admin("DELETE", "/faults", None);
    assert_eq!(program.token_request(GRANT).status, 200);
}
