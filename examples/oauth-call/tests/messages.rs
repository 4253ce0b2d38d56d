//! What the program says when it cannot go on. `INSTA_UPDATE=always` takes new texts over.

// Some of it is in the words of the system.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use oauth_testkit::{FakeTokenServer, Reply};

#[test]
fn p09_each_message_is_the_one_on_record_and_shows_no_secret() {
    let server = FakeTokenServer::start().unwrap();
    let (token_url, api_url) = (server.token_url(), server.api_url());
    let mut said = String::new();
    let mut run = |when: &str, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oauth-call"));
        command.env("TEST_SECRET", FakeTokenServer::CLIENT_SECRET);
        command
            .env("WRONG_SECRET", "wr0ng")
            .env_remove("RUST_LOG")
            .args(arguments);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code().unwrap();
        said += &format!("{when} (ends with {code})\n");
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            said += &format!("    {line}\n");
        }
    };
    let client = [
        "--token-url",
        &token_url,
        "--client-id",
        FakeTokenServer::CLIENT_ID,
    ];
    let with = |more: &[&'static str]| {
        let mut all = client.to_vec();
        all.extend(more);
        all.push(&api_url);
        all
    };
    run("no token URL", &["--client-id", "x", &api_url]);
    run("no secret", &with(&[]));
    run("no key", &with(&["--auth", "private-key-jwt"]));
    run("no certificate", &with(&["--auth", "mtls"]));
    run("no assertion", &with(&["--auth", "assertion-file"]));
    let secret = ["--secret-env", "TEST_SECRET"];
    let with_secret = |more: &[&'static str]| with(&[&secret, more].concat());
    run(
        "a variable that is not set",
        &with(&["--secret-env", "NO_SUCH_VARIABLE"]),
    );
    run(
        "a file that is not there",
        &with(&["--secret-file", "/nonexistent"]),
    );
    run("a header that is none", &with_secret(&["-H", "x"]));
    run(
        "a header of its own",
        &with_secret(&["-H", "Authorization: hunter2"]),
    );
    run(
        "a parameter that is none",
        &with_secret(&["--param", "hunter2"]),
    );
    run(
        "a parameter of its own",
        &with_secret(&["--param", "scope=x"]),
    );
    run(
        "a store that is none",
        &with_secret(&["--store", "ftp://x"]),
    );
    run("no requests", &with_secret(&["--requests", "0"]));
    run(
        "requests and a time",
        &with_secret(&["--requests", "2", "--duration", "1"]),
    );
    run("no secret wanted", &with_secret(&["--auth", "none"]));
    let mut elsewhere = client.to_vec();
    elsewhere.extend(secret);
    elsewhere.push("https://me:hunter2@127.0.0.1/");
    run("a password in the URL", &elsewhere);
    *elsewhere.last_mut().unwrap() = "nonsense";
    run("a URL that is none", &elsewhere);

    run("a wrong secret", &with(&["--secret-env", "WRONG_SECRET"]));
    server.next_token_reply(Reply::oauth_error("invalid_scope").description("no such scope"));
    run("a wrong scope", &with_secret(&["--scope", "write"]));
    server.always_token_reply(Reply::html());
    run("a page", &with_secret(&[]));
    server.always_token_reply(Reply::status(503).header("Retry-After", "7"));
    run("out of order", &with_secret(&[]));
    server.always_token_reply(Reply::status(404));
    run("nothing there", &with_secret(&[]));

    for secret in [FakeTokenServer::CLIENT_SECRET, "wr0ng", "hunter2"] {
        assert!(!said.contains(secret), "{said}");
    }
    let said = said.replace(token_url.trim_end_matches("/oauth/token"), "<server>");
    insta::assert_snapshot!("oauth_call", said.replace(&api_url, "<api>"));
}
