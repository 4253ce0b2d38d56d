//! Asking about tokens (RFC 7662) and giving them back (RFC 7009).

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/recorder.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
mod recorder;

use futures_executor::block_on;
use http::header::AUTHORIZATION;
use oauth_core::{AccessToken, ClientCredentials, ClientCredentialsBuilder, ErrorKind};
use recorder::{Recorder, answer};

const URL: &str = "https://id.example.com/token";

fn builder(http: &Recorder) -> ClientCredentialsBuilder {
    ClientCredentials::builder(URL, "me")
        .client_secret("hunter2")
        .introspection_url("https://id.example.com/introspect?a=b")
        .revocation_url("https://id.example.com/revoke")
        .http_client(http.clone())
}

fn token() -> AccessToken {
    AccessToken::builder("t0ken").build().unwrap()
}

#[test]
fn rfc_7662_section_2_1_a_token_is_asked_about_by_an_authenticated_client() {
    let http = Recorder::new([answer(200, r#"{"active":true,"scope":"read"}"#)]);
    let found = block_on(builder(&http).build().unwrap().introspect(&token())).unwrap();
    assert!(found.is_active());
    let request = &http.requests()[0];
    assert_eq!(request.uri(), "https://id.example.com/introspect?a=b");
    assert!(request.headers().contains_key(AUTHORIZATION));
    assert_eq!(http.parameter(0, "token").as_deref(), Some("t0ken"));
    assert_eq!(
        http.parameter(0, "token_type_hint").as_deref(),
        Some("access_token")
    );
    assert_eq!(http.form(0).len(), 2, "no grant, no scope");
}

#[test]
fn rfc_7009_section_2_1_a_token_is_given_back_by_an_authenticated_client() {
    let http = Recorder::new([answer(200, "")]);
    block_on(builder(&http).build().unwrap().revoke(&token())).unwrap();
    let request = &http.requests()[0];
    assert_eq!(request.uri(), "https://id.example.com/revoke");
    assert!(request.headers().contains_key(AUTHORIZATION));
    assert_eq!(http.parameter(0, "token").as_deref(), Some("t0ken"));
}

#[test]
fn the_endpoints_are_discovered_too() {
    let metadata = r#"{"issuer":"https://id.example.com","token_endpoint":"https://h/t",
        "introspection_endpoint":"https://h/i"}"#;
    let http = Recorder::new([answer(200, metadata), answer(200, r#"{"active":false}"#)]);
    let source = ClientCredentials::discover("https://id.example.com", "me")
        .client_secret("hunter2")
        .http_client(http.clone())
        .build()
        .unwrap();
    assert!(!block_on(source.introspect(&token())).unwrap().is_active());
    assert_eq!(http.requests()[1].uri(), "https://h/i");
    let error = block_on(source.revoke(&token())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Discovery);
    assert!(
        format!("{error:#}").contains("revocation_endpoint"),
        "{error:#}"
    );
}

#[test]
fn an_endpoint_that_is_not_known_is_named() {
    let http = Recorder::default();
    let source = ClientCredentials::builder(URL, "me")
        .client_secret("hunter2")
        .http_client(http.clone())
        .build()
        .unwrap();
    let error = block_on(source.introspect(&token())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains(".introspection_url("), "{error}");
    assert_eq!(http.count(), 0);
}

#[test]
fn p10_the_endpoints_need_tls() {
    let http = Recorder::default();
    for bad in [
        builder(&http).introspection_url("http://id.example.com/i"),
        builder(&http).revocation_url("http://id.example.com/r"),
    ] {
        assert!(bad.build().unwrap_err().to_string().contains("https"));
    }
}

#[test]
fn p09_a_token_that_the_server_quotes_is_not_passed_on() {
    let quoting = r#"{"error":"invalid_request","error_description":"bad token t0ken of hunter2"}"#;
    let http = Recorder::new([answer(400, quoting)]);
    let error = block_on(builder(&http).build().unwrap().revoke(&token())).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("revocation endpoint"), "{shown}");
    assert!(
        !shown.contains("t0ken") && !shown.contains("hunter2"),
        "{shown}"
    );
}
