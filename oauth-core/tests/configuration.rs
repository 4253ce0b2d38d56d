//! Wrong input: a clear error that names the value, and never a secret.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use common::Canned;
use oauth_core::{Authorizer, ClientAuthMethod, ClientCredentials, Error, ErrorKind, HttpError};

const URL: &str = "https://id.example.com/token";

fn build(token_url: &str, client_id: &str, scopes: &[&str]) -> Result<ClientCredentials, Error> {
    ClientCredentials::builder(token_url, client_id)
        .client_secret("hunter2")
        .scopes(scopes)
        .http_client(Canned::token())
        .build()
}

/// The text of the error, after checking what holds for all of them.
fn refusal(result: Result<ClientCredentials, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(!error.is_retryable());
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    error.to_string()
}

#[test]
fn good_input_is_taken() {
    assert!(build(URL, "me", &["read", "write"]).is_ok());
    assert!(build("http://127.0.0.1:8080/token?tenant=a", "me", &[]).is_ok());
}

#[test]
fn p10_a_token_url_in_plain_http_is_refused_by_name() {
    let text = refusal(build("http://id.example.com/token", "me", &[]));
    assert!(
        text.contains("http://id.example.com/token") && text.contains("https"),
        "{text}"
    );
}

#[test]
fn a_token_url_with_a_fragment_is_refused_by_name() {
    let text = refusal(build("https://id.example.com/token#top", "me", &[]));
    assert!(
        text.contains("https://id.example.com/token#") && text.contains("fragment"),
        "{text}"
    );
}

#[test]
fn p09_a_token_url_with_user_info_is_refused_without_showing_it() {
    let text = refusal(build("https://me:hunter2@id.example.com/token", "me", &[]));
    assert!(text.contains("user information"), "{text}");
}

#[test]
fn an_empty_client_id_is_refused() {
    assert!(refusal(build(URL, "", &[])).contains("client id is empty"));
}

#[test]
fn a_scope_with_an_illegal_character_is_refused_by_name() {
    let text = refusal(build(URL, "me", &["read", "wri\"te"]));
    assert!(text.contains(r#"wri\"te"#), "{text}");
}

#[test]
fn what_is_missing_is_named_with_the_method_that_gives_it() {
    let builder = || ClientCredentials::builder(URL, "me");
    let text = refusal(builder().http_client(Canned::token()).build());
    assert!(text.contains("client_secret("), "{text}");
    let text = refusal(builder().client_secret("hunter2").build());
    assert!(text.contains("http_client("), "{text}");
}

#[test]
fn a_parameter_of_the_protocol_or_given_twice_is_refused_by_name() {
    let builder = || {
        ClientCredentials::builder(URL, "me")
            .client_secret("hunter2")
            .http_client(Canned::token())
    };
    let text = refusal(builder().parameter("grant_type", "password").build());
    assert!(text.contains("grant_type"), "{text}");
    let text = refusal(
        builder()
            .parameter("audience", "a")
            .parameter("audience", "b")
            .build(),
    );
    assert!(
        text.contains("audience") && text.contains("twice"),
        "{text}"
    );
}

#[test]
fn what_raw_basic_cannot_carry_is_refused() {
    let result = ClientCredentials::builder(URL, "a:b")
        .client_secret("hunter2")
        .auth_method(ClientAuthMethod::ClientSecretBasicRaw)
        .http_client(Canned::token())
        .build();
    assert!(refusal(result).contains("colon"));
}

#[test]
fn p10_an_origin_with_a_path_is_refused_by_name_and_no_origin_too() {
    let authorizer = |origins: &[&str]| {
        let source = build(URL, "me", &[]).unwrap().cached();
        Authorizer::new(source, origins)
    };
    assert!(authorizer(&["https://api.example.com"]).is_ok());
    for bad in [
        "https://api.example.com/v1",
        "http://api.example.com",
        "api.example.com",
    ] {
        let error = authorizer(&["https://fine.example.com", bad]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(bad), "{error}");
    }
    assert!(
        authorizer(&[])
            .unwrap_err()
            .to_string()
            .contains("no origin")
    );
}

#[test]
fn an_error_tells_its_causes_once_and_on_demand() {
    let error = Error::from(HttpError::connect("the host is down"));
    assert_eq!(error.kind(), ErrorKind::Connect);
    let shown = error.to_string();
    assert!(
        shown.starts_with("no connection to the server could be made ("),
        "{shown}"
    );
    assert_eq!(format!("{error:#}"), format!("{shown}: the host is down"));
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the host is down"
    );
}
