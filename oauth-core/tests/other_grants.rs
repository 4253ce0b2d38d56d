//! Token requests of grants that this crate does not have.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/recorder.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
mod recorder;

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_executor::block_on;
use oauth_core::{
    ClientAuthMethod, ClientCredentials, ClientCredentialsBuilder, Error, ErrorKind, SecretSource,
};
use recorder::{Recorder, answer};

const GRANT: &str = "urn:example:grant";

fn builder(http: &Recorder) -> ClientCredentialsBuilder {
    ClientCredentials::builder("https://id.example.com/token", "me")
        .client_secret("hunter2")
        .http_client(http.clone())
}

fn request(builder: ClientCredentialsBuilder, parameters: &[(&str, &str)]) -> Result<(), Error> {
    let client = builder.build()?;
    block_on(client.request(GRANT, parameters)).map(drop)
}

#[test]
fn rfc_6749_section_3_2_no_parameter_of_a_grant_is_sent_twice() {
    let http = Recorder::default();
    let twice = builder(&http).parameter("assertion", "of the builder");
    let by_post = builder(&http).auth_method(ClientAuthMethod::ClientSecretPost);
    let scoped = builder(&http).scopes(["read"]);
    for (builder, parameters, name) in [
        (twice, &[("assertion", "hunter2")][..], "assertion"),
        (by_post, &[("client_id", "me")], "client_id"),
        (scoped, &[("scope", "write")], "scope"),
        (builder(&http), &[("grant_type", "another")], "grant_type"),
        (builder(&http), &[("pin", "1"), ("pin", "2")], "pin"),
    ] {
        let error = request(builder, parameters).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let shown = error.to_string();
        assert!(shown.contains(name), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert_eq!(http.count(), 0);
}

#[test]
fn rfc_8693_section_2_1_resource_and_audience_may_be_several() {
    let http = Recorder::default();
    let parameters = [
        ("resource", "https://b.example.com"),
        ("audience", "b"),
        ("scope", "read"),
        ("client_id", "me"),
    ];
    let builder = builder(&http).resource("https://a.example.com");
    request(builder.audience("a"), &parameters).unwrap();
    let form = http.form(0);
    let several = |name: &str| form.iter().filter(|(known, _)| known == name).count();
    assert_eq!([several("resource"), several("audience")], [2, 2]);
}

#[test]
fn what_is_to_be_sent_once_is_made_anew_for_each_attempt() {
    let refusal = r#"{"error":"invalid_client","error_description":"badge 1 is not yours"}"#;
    let http = Recorder::new([answer(401, refusal), answer(401, refusal)]);
    let read = AtomicUsize::new(0);
    let secret = SecretSource::function("vault", move || {
        let number = read.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, Error>(format!("secret {number}").into()) }
    });
    let client = ClientCredentials::builder("https://id.example.com/token", "me")
        .client_secret(secret)
        .http_client(http.clone())
        .build()
        .unwrap();
    let made = AtomicUsize::new(0);
    let badge = || async {
        let number = made.fetch_add(1, Ordering::Relaxed);
        Ok(vec![("badge", format!("badge {number}").into())])
    };
    let error = block_on(client.request_with(GRANT, badge)).unwrap_err();
    let sent = [0, 1].map(|number| http.parameter(number, "badge").unwrap());
    assert_eq!(sent, ["badge 0", "badge 1"]);
    assert_eq!(http.count(), 2);
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("badge 1"), "it is secret: {shown}");
}

#[test]
fn what_cannot_be_made_is_the_callers_error_and_nothing_is_sent() {
    let http = Recorder::default();
    let client = builder(&http).build().unwrap();
    let sealed = || async { Err(Error::new(ErrorKind::Timeout, "the vault does not answer")) };
    let error = block_on(client.request_with(GRANT, sealed)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(http.count(), 0);
}
