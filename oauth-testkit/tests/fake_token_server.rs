//! The program `fake-token-server`, as a program in another language sees it.
#![cfg(feature = "program")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::process::Stdio;

use program::{Program, command, request};
use serde_json::{Value, json};
use support::{Client, GRANT, Response};

fn script(program: &Program, to: &str, reply: Value) {
    program.order("POST", "/replies", json!({ "to": to, "reply": reply }));
}

fn call_api(program: &Program, token: &str) -> Response {
    let head = format!("Authorization: Bearer {token}\r\n");
    Client::to(&program.url("api_url")).exchange(request("GET", "/things", &head, ""))
}

fn open_token_request(program: &Program) -> Client {
    let mut client = Client::to(&program.url("token_url"));
    client.send(support::good());
    client
}

#[test]
fn help_tells_of_every_option_and_a_wrong_one_is_refused() {
    let help = command(&["--help"]).output().unwrap();
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    for option in [
        "--config",
        "--client",
        "--tls",
        "--clock",
        "--jwt-access-tokens",
    ] {
        assert!(text.contains(option), "{option} is not in {text}");
    }
    let wrong = command(&["--clockwork"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn it_prints_its_urls_for_people_too() {
    let mut child = command(&["--until-stdin-ends"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    let mut stdout = child.stdout.take().unwrap();
    std::io::Read::read_to_string(&mut stdout, &mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let token_url = text.lines().find(|line| line.starts_with("token url "));
    assert!(token_url.unwrap().contains("http://127.0.0.1:"), "{text}");
}

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
    assert_eq!(reset, Some(std::io::ErrorKind::ConnectionReset));
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
fn a_file_sets_it_up_and_an_option_takes_the_place_of_what_the_file_says() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let file = format!("{folder}/fake-token-server.json");
    let setup = json!({
        "clients": [{ "id": "from-file", "secret": "s" }, { "id": "open", "public": true }],
        "accept_auth": ["client_secret_post"],
        "scopes": ["read"],
        "token_lifetime_seconds": 7,
        "issuer_path": "/tenant",
        "jwt_access_tokens": true,
        "assertions": { "audience": "issuer", "require_kid": true },
        "dpop": { "token_nonce": "one_time" },
        "replies": [{ "to": "token", "reply": { "kind": "status", "status": 500 } }],
    });
    fs::write(&file, setup.to_string()).unwrap();
    let program = Program::start(&["--config", &file, "--token-lifetime", "9"]);
    assert!(program.url("issuer").ends_with("/tenant"));
    let form = "grant_type=client_credentials&client_id=from-file&client_secret=s";
    let ask = |form: &str| Client::to(&program.url("token_url")).exchange(support::form("", form));
    assert_eq!(ask(form).status, 500);
    let granted = ask(form);
    assert_eq!(granted.json()["expires_in"], 9);
    assert_eq!(granted.json()["scope"], "read");
    assert_eq!(granted.token().split('.').count(), 3);
    let public = ask("grant_type=client_credentials&client_id=open");
    assert_eq!(public.status, 200, "{:?}", public.body);
    assert_eq!(program.token_request(GRANT).error(), "invalid_client");

    let wrong = [
        (json!({ "clients": [{ "id": "a" }] }), "no secret"),
        (
            json!({ "clients": [{ "id": "a", "key": {}, "key_algorithm": "RS1" }] }),
            "RS1",
        ),
        (json!({ "accept_auth": ["basic"] }), "client_secret_basic"),
        (
            json!({ "token_lifetime": 7 }),
            "unknown field `token_lifetime`",
        ),
        (json!({ "issuer_path": "tenant" }), "issuer_path"),
        (
            json!({ "replies": [{ "to": "api", "reply": { "kind": "raw" } }] }),
            "reply 1",
        ),
    ];
    for (setup, text) in wrong {
        fs::write(&file, setup.to_string()).unwrap();
        let refused = command(&["--config", &file]).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{setup}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(text), "{said}");
    }
}

#[test]
fn a_port_that_is_asked_for_is_had_again_after_the_end() {
    // Below those that the system gives to whoever asks for any.
    let port = (20_000 + std::process::id() % 10_000).to_string();
    for _ in 0..2 {
        let program = Program::start(&["--admin-port", &port]);
        assert!(program.url("admin_url").ends_with(&port));
        program.token_request(GRANT);
        program.admin("POST", "/stop", None);
        assert!(program.end().0.success());
    }
    let _program = Program::start(&["--admin-port", &port]);
    let taken = command(&["--admin-port", &port]).output().unwrap();
    assert_eq!(taken.status.code(), Some(2));
    assert!(
        String::from_utf8(taken.stderr)
            .unwrap()
            .contains("admin API")
    );
}

#[test]
fn the_log_has_two_lines_a_request_and_no_secret() {
    let program = Program::start(&["--client", "app:s3cr3t-of-app", "--clock", "standing"]);
    let form = "grant_type=client_credentials&client_id=app&client_secret=s3cr3t-of-app";
    let mut client = Client::to(&program.url("token_url"));
    let token = client.exchange(support::form("", form)).token();
    call_api(&program, &token);
    script(&program, "api", json!({ "kind": "reset" }));
    let mut reset = Client::to(&program.url("api_url"));
    reset.send(support::get("/x?access_token=in-query", &token));
    reset.rest();
    program.admin("POST", "/stop", None);
    let (_, log) = program.end();
    for secret in ["s3cr3t-of-app", "in-query", token.as_str()] {
        assert!(!log.contains(secret), "a secret is in {log}");
    }
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            let end = line
                .get("status")
                .or(line.get("ends"))
                .unwrap_or(&line["origin"]);
            (
                line["event"].as_str().unwrap(),
                line["request"].as_u64().unwrap(),
                end.clone(),
            )
        })
        .collect();
    let expected = [
        ("arrived", 1, json!("token")),
        ("answered", 1, json!(200)),
        ("arrived", 2, json!("api")),
        ("answered", 2, json!(200)),
        ("arrived", 3, json!("api")),
        ("answered", 3, json!("reset")),
    ];
    assert_eq!(seen, expected);
    assert_eq!(lines[0]["clients"], json!(["app"]));
}

#[test]
fn it_stops_when_standard_input_ends_though_requests_hang_and_somebody_waits() {
    let mut program = Program::start(&["--quiet"]);
    script(&program, "token", json!({ "kind": "hang" }));
    let mut hanging = open_token_request(&program);
    program.order("POST", "/await", json!({ "at": "token", "count": 1 }));
    let wait = json!({ "at": "token", "count": 9, "within_millis": 60_000 }).to_string();
    let mut waiting = Client::to(&program.url("admin_url"));
    let head = "Content-Type: application/json\r\n";
    waiting.send(request("POST", "/await", head, &wait));
    program.close_stdin();
    // Both ends are seen before the read timeout of the clients, a sixth of the wait that was asked for.
    assert!(hanging.is_closed());
    if let Ok(response) = waiting.response() {
        assert_eq!(response.json()["arrived"], false);
    }
    let (status, log) = program.end();
    assert_eq!((status.code(), log.as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn it_stops_at_sigterm_and_at_ctrl_c() {
    for signal in ["TERM", "INT"] {
        let program = Program::start(&[]);
        let id = program.child.id().to_string();
        let kill = std::process::Command::new("sh")
            .args(["-c", "kill -s $0 $1", signal, &id])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(program.end().0.code(), Some(0), "{signal}");
    }
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
