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
    run(
        "no certificate file",
        &with(&["--cert", "/nonexistent", "--cert-key", "/nonexistent"]),
    );
    run("a header that is none", &with_secret(&["-H", "x"]));
    run("a header's name", &with_secret(&["-H", "hunter2 y: x"]));
    run("a header's value", &with_secret(&["-H", "x: hunter2é"]));
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
    run("no secret wanted", &with_secret(&["--auth", "none"]));
    run(
        "an issuer that is not known",
        &with_secret(&["--auth", "secret-jwt", "--audience-of-assertion", "issuer"]),
    );
    let mut inside = vec!["--token-url", "https://me:hunter2@127.0.0.1/"];
    inside.extend(["--client-id", "x", "--secret-env", "TEST_SECRET", &api_url]);
    run("a password in the token URL", &inside);
    let mut elsewhere = client.to_vec();
    elsewhere.extend(secret);
    elsewhere.push("https://me:hunter2@127.0.0.1/");
    run("a password in the URL", &elsewhere);
    *elsewhere.last_mut().unwrap() = "nonsense";
    run("a URL that is none", &elsewhere);

    let issuer = server.issuer();
    let mut discovered = vec!["--issuer", &issuer, "--client-id", "x"];
    discovered.extend(secret);
    discovered.push(&api_url);
    let metadata = [
        ("other metadata", server.metadata()),
        ("metadata without a token endpoint", server.metadata()),
    ];
    for (when, mut metadata) in metadata {
        if when == "other metadata" {
            metadata["issuer"] = "https://other.example".into();
        } else if let Some(members) = metadata.as_object_mut() {
            members.remove("token_endpoint");
        }
        server.always_metadata_reply(Reply::status(200).json(metadata));
        run(when, &discovered);
        server.reset_replies();
    }
    run("a wrong secret", &with(&["--secret-env", "WRONG_SECRET"]));
    server.next_token_reply(Reply::status(403));
    run("no reason", &with_secret(&[]));
    server.next_token_reply(Reply::token().field("token_type", "Bearer"));
    run("a token that is not bound", &with_secret(&["--dpop"]));
    server.next_token_reply(Reply::oauth_error("invalid_scope").description("no such scope"));
    run("a wrong scope", &with_secret(&["--scope", "write"]));
    let refusal = |status, challenge: &str| {
        server.next_api_reply(Reply::status(status).header("WWW-Authenticate", challenge));
    };
    refusal(
        403,
        "Bearer error=\"insufficient_scope\", error_description=\"read only\", scope=\"write\"",
    );
    run("a scope is missing", &with_secret(&[]));
    for _ in 0..2 {
        refusal(401, "Bearer realm=\"things\", error=\"invalid_token\"");
    }
    run("two tokens rejected", &with_secret(&[]));
    refusal(401, "Bearer error=\"invalid_token\"");
    server.next_token_reply(Reply::token());
    server.next_token_reply(Reply::oauth_error("access_denied").description("blocked"));
    run("a token rejected and no other", &with_secret(&[]));
    server.always_token_reply(Reply::html());
    run("a page", &with_secret(&[]));
    server.always_token_reply(Reply::status(503).header("Retry-After", "7"));
    run("out of order", &with_secret(&[]));
    server.always_token_reply(Reply::status(404));
    run("nothing there", &with_secret(&[]));

    for secret in [FakeTokenServer::CLIENT_SECRET, "wr0ng", "hunter2"] {
        assert!(!said.contains(secret), "{said}");
    }
    for of_the_libraries in ["(…)", "::", "()", " ."] {
        assert!(!said.contains(of_the_libraries), "{said}");
    }
    let said = said.replace(token_url.trim_end_matches("/oauth/token"), "<server>");
    insta::assert_snapshot!("oauth_call", said.replace(&api_url, "<api>"));
}
