//! One client that asks for many tokens.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_executor::block_on;
use oauth_core::{
    ClientCredentials, ClientCredentialsBuilder, ErrorKind, HttpClient, HttpError, TokenSource,
    async_trait,
};

/// Grants everything, and keeps what was asked for.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

#[async_trait]
impl HttpClient for Asked {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let form = String::from_utf8_lossy(request.body()).into_owned();
        self.0.lock().unwrap().push(form);
        let body = r#"{"access_token":"t","expires_in":3600}"#;
        Ok(http::Response::new(body.into()))
    }
}

fn builder(http_client: &Arc<Asked>) -> ClientCredentialsBuilder {
    ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
        .client_secret("shh")
        .http_client(http_client.clone())
}

#[test]
fn a_client_asks_for_other_scopes_and_parameters_than_its_own() {
    let asked = Arc::new(Asked::default());
    let client = builder(&asked)
        .scopes(["read"])
        .audience("a")
        .build()
        .unwrap();
    let other = client.with_scopes(["write", "read"]).unwrap();
    let other = other.with_parameter("audience", "b").unwrap();
    let other = other.with_parameter("tenant", "t 1").unwrap();
    for source in [&client, &other] {
        block_on(source.token()).unwrap();
    }
    assert_eq!(
        *asked.0.lock().unwrap(),
        [
            "grant_type=client_credentials&scope=read&audience=a",
            "grant_type=client_credentials&scope=write+read&audience=b&tenant=t+1"
        ]
    );
}

#[test]
fn p13_its_tokens_have_the_key_that_they_have_for_a_client_of_their_own() {
    let asked = Arc::new(Asked::default());
    let client = builder(&asked)
        .scopes(["read"])
        .audience("a")
        .build()
        .unwrap();
    let own = builder(&asked)
        .scopes(["write"])
        .audience("b")
        .build()
        .unwrap();
    let shared = client.with_scopes(["write"]).unwrap();
    assert_ne!(shared.key(), client.key());
    assert_ne!(shared.key(), own.key());
    let shared = shared.with_parameter("audience", "b").unwrap();
    assert_eq!(shared.key(), own.key());
}

#[test]
fn what_the_builder_refuses_is_refused_later_too() {
    let client = builder(&Arc::default()).build().unwrap();
    for refused in [
        client.with_scopes(["wri\"te"]),
        client.with_parameter("client_id", "someone-else"),
        client.with_parameter("resource", "no-uri"),
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Configuration);
    }
}
