//! A process that is short of something when it wants its first token.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs::File;
use std::process::Command;

use oauth_core::{ClientCredentials, ErrorKind, TokenSource};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::FakeTokenServer;

#[test]
fn a_shortage_at_the_first_request_is_over_when_it_is_over() {
    let server = FakeTokenServer::start().unwrap();
    let outcome = Command::new("sh")
        .args(["-c", r#"ulimit -n 64 && exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "first_request_without_file_descriptors"])
        .args(["--nocapture", "--test-threads=1"])
        .env("OAUTH_TEST_TOKEN_URL", server.token_url())
        .output()
        .unwrap();
    assert!(outcome.status.success(), "{outcome:?}");
    server.assert_token_requests(1);
}

/// Does nothing by itself: the test above runs it in a process of its own.
#[test]
fn first_request_without_file_descriptors() {
    let Ok(token_url) = std::env::var("OAUTH_TEST_TOKEN_URL") else {
        return;
    };
    let source = ClientCredentials::builder(token_url, FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap();
    let mut open = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        open.push(file);
    }
    let error = futures_executor::block_on(source.token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error:?}");
    drop(open);
    let token = futures_executor::block_on(source.token());
    assert_eq!(token.unwrap().generation(), 0);
}
