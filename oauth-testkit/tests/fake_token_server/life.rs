//! How the program starts, what it prints, and how it ends.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::orders::{call_api, open_token_request, script};
use crate::program::{Program, command, request};
use crate::support::{self, Client, GRANT, get};

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
    reset.send(get("/x?access_token=in-query", &token));
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
