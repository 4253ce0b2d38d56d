//! P13: no tenant is ever given the token of another.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Barrier;
use std::thread;

use common::sources;
use futures_executor::block_on;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use oauth_core::{Authorizer, Error, ErrorKind, RequestSource, Target, TokenSource, Verdict};

const API: Target<'static> = Target::new("https", "api.example.com", None);

#[derive(Clone)]
struct Tenant(&'static str);

fn authorizer() -> Authorizer {
    let sources = sources();
    Authorizer::per_request(["https://api.example.com"], move |_, extensions| {
        let Some(Tenant(tenant)) = extensions.get() else {
            return Err(Error::new(ErrorKind::Configuration, "no tenant is named"));
        };
        Ok(sources.get(*tenant)?)
    })
    .unwrap()
}

fn of(tenant: &'static str) -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(Tenant(tenant));
    extensions
}

fn bearer(headers: &HeaderMap) -> &str {
    headers[AUTHORIZATION].to_str().unwrap()
}

#[test]
fn p13_tenants_never_get_each_others_tokens_and_a_rejection_is_of_one_only() {
    let rejection = HeaderMap::from_iter([(
        WWW_AUTHENTICATE,
        HeaderValue::from_static(r#"Bearer error="invalid_token""#),
    )]);
    for _ in 0..200 {
        let authorizer = authorizer();
        let together = Barrier::new(4);
        thread::scope(|scope| {
            for tenant in ["a", "b", "a", "b"] {
                let (authorizer, together, rejection) = (&authorizer, &together, &rejection);
                scope.spawn(move || {
                    together.wait();
                    let mut exchange = authorizer.exchange_for(&API, &of(tenant)).unwrap();
                    let mut headers = HeaderMap::new();
                    block_on(exchange.authorize(&mut headers)).unwrap();
                    assert_eq!(bearer(&headers), format!("Bearer {tenant}-1"));
                    // Nobody rejects before everybody has the first token.
                    together.wait();
                    if tenant == "a" {
                        let verdict = exchange.review(&API, StatusCode::UNAUTHORIZED, rejection);
                        assert_eq!(verdict, Verdict::Resend);
                    }
                    headers.clear();
                    block_on(exchange.authorize(&mut headers)).unwrap();
                    let number = if tenant == "a" { 2 } else { 1 };
                    assert_eq!(bearer(&headers), format!("Bearer {tenant}-{number}"));
                });
            }
        });
    }
}

#[test]
fn p13_a_request_that_names_no_tenant_fails_before_it_could_be_sent() {
    let authorizer = authorizer();
    let error = authorizer.exchange(&API).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.to_string(), "no tenant is named");
}

#[test]
fn p13_without_a_default_source_a_request_has_to_bring_its_own() {
    let authorizer = Authorizer::by_request_source(["https://api.example.com"]).unwrap();
    let mut headers = HeaderMap::new();
    let mut exchange = authorizer.exchange(&API).unwrap();
    let error = block_on(exchange.authorize(&mut headers)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let error = exchange.authorize_blocking(&mut headers).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(headers.is_empty());

    let sources = sources();
    let mut extensions = Extensions::new();
    extensions.insert(RequestSource::new(sources.get("acme").unwrap()));
    let mut exchange = authorizer.exchange_for(&API, &extensions).unwrap();
    block_on(exchange.authorize(&mut headers)).unwrap();
    assert_eq!(bearer(&headers), "Bearer acme-1");
}

#[test]
fn p10_a_source_of_the_requests_own_goes_to_the_same_origins_only() {
    let sources = sources();
    let authorizer = Authorizer::new(sources.get("default").unwrap(), ["https://api.example.com"]);
    let authorizer = authorizer.unwrap();
    let elsewhere = Target::new("https", "evil.example.com", None);
    let own = sources.get("acme").unwrap();
    let mut extensions = Extensions::new();
    extensions.insert(RequestSource::new(own.clone()));
    for error in [
        authorizer
            .exchange_for(&elsewhere, &extensions)
            .unwrap_err(),
        authorizer
            .exchange_with(&elsewhere, own.clone())
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
    }
    let mut headers = HeaderMap::new();
    let mut exchange = authorizer.exchange_with(&API, own.clone()).unwrap();
    block_on(exchange.authorize(&mut headers)).unwrap();
    assert_eq!(bearer(&headers), "Bearer acme-1");
    assert!(sources.get("default").unwrap().ready().is_none());
}
