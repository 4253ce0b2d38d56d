//! P9: no secret in the `Debug` of any public type that holds one.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::time::SystemTime;

use common::Canned;
use futures_executor::block_on;
use http::{HeaderMap, StatusCode};
use oauth_core::{
    AccessToken, Authorizer, BodyBuffer, CachedTokenSource, ClientAuthMethod, ClientCredentials,
    ClientCredentialsBuilder, Error, Lease, MemoryStore, SecretSource, SecretString, StoredToken,
    SystemClock, Target, TokenKey, TokenSource, TokenStore, TokenType,
};

const CLIENT_SECRET: &str = "hunter2";
const TOKEN: &str = "t0ken";

fn builder() -> ClientCredentialsBuilder {
    ClientCredentials::builder("https://id.example.com/token", "me")
        .client_secret(CLIENT_SECRET)
        .http_client(Canned::token())
}

#[test]
fn p09_no_debug_output_holds_a_secret() {
    let raw = AccessToken::builder(TOKEN).token_type(TokenType::Dpop);
    let mut shown = vec![format!("{raw:?}"), format!("{:?}", raw.build().unwrap())];

    let post = builder().auth_method(ClientAuthMethod::ClientSecretPost);
    shown.push(format!("{:?} {post:?}", SecretString::from(CLIENT_SECRET)));
    let credentials = post.build().unwrap();
    shown.push(format!("{credentials:?} {:?}", credentials.key()));

    let cache = CachedTokenSource::builder(builder().build().unwrap());
    shown.push(format!("{cache:?}"));
    let source = cache.build();
    let token = block_on(source.token()).unwrap();
    shown.push(format!("{source:?} {token:?} {:?}", token.header()));

    let authorizer = Authorizer::new(source, ["https://api.example.com"]).unwrap();
    let target = Target::new("https", "api.example.com", None);
    let mut exchange = authorizer.exchange(&target).unwrap();
    let mut headers = HeaderMap::new();
    block_on(exchange.authorize(&mut headers)).unwrap();
    exchange.review(&target, StatusCode::UNAUTHORIZED, &HeaderMap::new());
    shown.push(format!("{authorizer:?} {exchange:?} {headers:?}"));

    let stored = StoredToken::new(
        token.clone(),
        SystemTime::UNIX_EPOCH,
        SystemTime::UNIX_EPOCH,
    );
    let store = MemoryStore::new(SystemClock::new());
    let key = TokenKey::builder("test")
        .field("client_secret", CLIENT_SECRET)
        .build();
    block_on(store.save(&key, &stored)).unwrap();
    shown.push(format!(
        "{stored:?} {store:?} {key:?} {key} {:?}",
        Lease::new(1)
    ));

    let mut body = BodyBuffer::new();
    body.push(TOKEN.as_bytes());
    shown.push(format!("{body:?}"));

    for text in shown {
        assert!(
            !text.contains(CLIENT_SECRET) && !text.contains(TOKEN),
            "{text}"
        );
    }
}

#[test]
fn p09_no_source_of_a_secret_and_no_way_to_authenticate_shows_it() {
    let sources = [
        SecretSource::value(CLIENT_SECRET),
        CLIENT_SECRET.into(),
        String::from(CLIENT_SECRET).into(),
        SecretString::from(CLIENT_SECRET).into(),
        SecretSource::function("vault", || async { Ok::<_, Error>(CLIENT_SECRET.into()) }),
    ];
    for source in sources {
        let by_assertion = || {
            ClientCredentials::builder("https://id.example.com/token", "me")
                .client_assertion(source.clone())
                .http_client(Canned::token())
        };
        let by_secret = by_assertion().client_secret(source.clone());
        let credentials = by_assertion().build().unwrap();
        let error = by_secret.build().unwrap_err();
        let shown = format!(
            "{source:?} {:?} {credentials:?} {error:?}",
            by_assertion().client_secret(source.clone())
        );
        assert!(!shown.contains(CLIENT_SECRET), "{shown}");
    }
}

#[test]
fn p09_an_error_never_quotes_the_body_or_the_secret() {
    for (status, body) in [
        (200, "t0ken"),
        (200, r#"{"access_token":"t0ken t0ken"}"#),
        (200, r#"{"access_token":"t0ken","token_type":"t0ken"}"#),
        (
            400,
            r#"{"error":"invalid_client","error_description":"not hunter2"}"#,
        ),
        (500, "t0ken"),
    ] {
        let source = builder()
            .http_client(Canned::new([(status, body)]))
            .build()
            .unwrap();
        let error = block_on(source.token()).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", Arc::new(error.clone()));
        assert!(
            !shown.contains(CLIENT_SECRET) && !shown.contains(TOKEN),
            "{shown}"
        );
    }
}
