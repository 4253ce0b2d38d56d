//! Endpoints that are found by the issuer (RFC 8414).

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/recorder.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
mod recorder;

use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::future::join_all;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response};
use oauth_core::{
    AssertionAudience, ClientAuthMethod, ClientCredentials, ClientCredentialsBuilder,
    DiscoveryError, Error, ErrorKind, HttpClient, HttpError, JwsAlgorithm, JwsSigner, TokenSource,
    async_trait,
};
use oauth_testkit::ManualClock;
use recorder::{Recorder, TOKEN, answer, jwt};

const ISSUER: &str = "https://id.example.com/a";
const METADATA: &str =
    r#"{"issuer":"https://id.example.com/a","token_endpoint":"https://id.example.com/token?a=b"}"#;

fn builder(http: &Recorder) -> ClientCredentialsBuilder {
    ClientCredentials::discover(ISSUER, "me")
        .client_secret("hunter2")
        .http_client(http.clone())
}

fn ask(builder: ClientCredentialsBuilder) -> Result<(), Error> {
    block_on(builder.build()?.token()).map(drop)
}

fn urls(http: &Recorder) -> Vec<String> {
    let requests = http.requests();
    requests
        .iter()
        .map(|request| request.uri().to_string())
        .collect()
}

fn fault(error: &Error) -> &DiscoveryError {
    assert_eq!(error.kind(), ErrorKind::Discovery);
    assert!(!error.is_retryable());
    error.source().unwrap().downcast_ref().unwrap()
}

#[test]
fn the_token_endpoint_is_found_at_the_first_request_and_its_query_kept() {
    let http = Recorder::new([answer(200, METADATA)]);
    let source = builder(&http).build().unwrap();
    assert_eq!(http.count(), 0, "nothing is fetched before it is needed");
    block_on(source.token()).unwrap();
    block_on(source.token()).unwrap();
    let token_url = "https://id.example.com/token?a=b";
    assert_eq!(
        urls(&http),
        [
            "https://id.example.com/.well-known/oauth-authorization-server/a",
            token_url,
            token_url,
        ]
    );
    assert_eq!(http.requests()[0].method(), Method::GET);
    assert!(http.requests()[0].headers().get(AUTHORIZATION).is_none());
    assert!(http.requests()[1].headers().contains_key(AUTHORIZATION));
    let metadata = block_on(source.metadata()).unwrap().unwrap();
    assert_eq!(metadata.issuer(), ISSUER);
    assert_eq!(http.count(), 3);
}

#[test]
fn openid_connect_discovery_is_tried_where_there_is_no_oauth_metadata() {
    for first in [answer(404, ""), answer(200, "<html>"), answer(302, "")] {
        let http = Recorder::new([first, answer(200, METADATA)]);
        ask(builder(&http)).unwrap();
        assert_eq!(
            urls(&http)[1],
            "https://id.example.com/a/.well-known/openid-configuration"
        );
    }
}

#[test]
fn rfc_8414_section_3_3_metadata_of_another_issuer_is_not_used() {
    let other = r#"{"issuer":"https://id.example.com/a/","token_endpoint":"https://evil.test/t"}"#;
    let http = Recorder::new([
        answer(404, ""),
        answer(200, other),
        answer(404, ""),
        answer(200, other),
    ]);
    let error = ask(builder(&http)).unwrap_err();
    assert!(
        matches!(fault(&error), DiscoveryError::OtherIssuer { found, .. } if found == "https://id.example.com/a/"),
        "{error:?}"
    );
    assert_eq!(http.count(), 3, "no credentials are sent");

    let expecting = builder(&http).expected_issuer("https://id.example.com/a/");
    ask(expecting).unwrap();
    assert_eq!(urls(&http).last().unwrap(), "https://evil.test/t");
}

#[test]
fn metadata_may_be_elsewhere() {
    let http = Recorder::new([answer(200, METADATA)]);
    ask(builder(&http).metadata_url("https://meta.example.com/x")).unwrap();
    assert_eq!(urls(&http)[0], "https://meta.example.com/x");
}

#[test]
fn each_failure_is_told_by_its_type() {
    let missing = || [answer(404, ""), answer(404, ""), answer(404, "")];
    let error = ask(builder(&Recorder::new(missing()))).unwrap_err();
    assert!(matches!(fault(&error), DiscoveryError::NotFound { status, .. } if *status == 404));
    assert!(
        format!("{error:#}").contains("oauth-authorization-server/a"),
        "{error:#}"
    );

    let html = [answer(404, ""), answer(200, "<html>"), answer(404, "")];
    let error = ask(builder(&Recorder::new(html))).unwrap_err();
    assert!(
        matches!(fault(&error), DiscoveryError::Malformed { .. }),
        "{error:?}"
    );

    let without = r#"{"issuer":"https://id.example.com/a"}"#;
    let error = ask(builder(&Recorder::new([answer(200, without)]))).unwrap_err();
    assert!(
        matches!(fault(&error), DiscoveryError::MissingEndpoint { .. }),
        "{error:?}"
    );

    let plain =
        r#"{"issuer":"https://id.example.com/a","token_endpoint":"http://id.example.com/t"}"#;
    let http = Recorder::new([answer(200, plain), answer(404, ""), answer(404, "")]);
    let error = ask(builder(&http)).unwrap_err();
    assert!(
        matches!(fault(&error), DiscoveryError::UnusableEndpoint { .. }),
        "{error:?}"
    );
}

#[test]
fn an_endpoint_of_no_use_costs_only_who_calls_it() {
    let metadata = r#"{"issuer":"https://id.example.com/a","token_endpoint":"https://id.example.com/t",
        "revocation_endpoint":"http://id.example.com/r","introspection_endpoint":"http://id.example.com/i"}"#;
    let http = Recorder::new([answer(200, metadata)]);
    let source = builder(&http).introspection_url("https://id.example.com/named");
    let source = source.build().unwrap();
    let token = block_on(source.token()).unwrap();
    let error = block_on(source.revoke(&token)).unwrap_err();
    assert!(
        matches!(fault(&error), DiscoveryError::UnusableEndpoint { name, .. } if name == "revocation_endpoint"),
        "{error:?}"
    );
    let _ = block_on(source.introspect(&token));
    assert_eq!(urls(&http)[2], "https://id.example.com/named");
}

#[test]
fn p10_neither_issuer_nor_metadata_url_may_be_in_plain_http() {
    let http = Recorder::default();
    let plain = ClientCredentials::discover("http://id.example.com", "me")
        .client_secret("hunter2")
        .http_client(http.clone());
    for bad in [
        plain,
        builder(&http).metadata_url("http://id.example.com/m"),
    ] {
        let error = bad.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("https"), "{error}");
    }
}

#[test]
fn a_server_out_of_order_is_an_error_that_passes() {
    let busy = Response::builder().status(503).header("retry-after", "7");
    let http = Recorder::new([busy.body(Bytes::new()).unwrap()]);
    let error = ask(builder(&http)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerUnavailable);
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(http.count(), 1, "no further place is tried");
}

#[test]
fn metadata_is_fetched_again_after_its_lifetime_and_kept_if_that_fails() {
    let clock = ManualClock::new();
    let moved =
        r#"{"issuer":"https://id.example.com/a","token_endpoint":"https://id.example.com/new"}"#;
    let http = Recorder::new([
        answer(200, METADATA),
        answer(200, TOKEN),
        answer(200, TOKEN),
        answer(503, ""),
        answer(200, TOKEN),
        answer(200, TOKEN),
        answer(200, moved),
    ]);
    let source = builder(&http)
        .metadata_lifetime(Duration::from_secs(100))
        .clock(clock.clone())
        .build()
        .unwrap();
    let asked = || {
        let before = http.count();
        block_on(source.token()).unwrap();
        urls(&http).split_off(before)
    };
    let (known, new) = (
        "https://id.example.com/token?a=b",
        "https://id.example.com/new",
    );
    assert_eq!(asked()[1..], [known]);
    clock.advance(Duration::from_secs(99));
    assert_eq!(asked(), [known]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(asked()[1..], [known], "the server is out of order");
    clock.advance(Duration::from_secs(9));
    assert_eq!(asked(), [known], "and is left alone for a while");
    clock.advance(Duration::from_secs(1));
    assert_eq!(asked()[1..], [new]);
}

#[test]
fn p04_concurrent_callers_share_one_fetch_and_its_error() {
    let http = Gated::default();
    let source = ClientCredentials::discover(ISSUER, "me")
        .client_secret("hunter2")
        .http_client(http.clone())
        .build()
        .unwrap();
    let mut callers = Box::pin(join_all((0..10).map(|_| source.token())));
    let mut context = Context::from_waker(Waker::noop());
    assert!(callers.as_mut().poll(&mut context).is_pending());
    http.open.store(true, Ordering::Relaxed);
    let outcomes = block_on(callers);
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(http.asked.load(Ordering::Relaxed), 1);
}

/// Answers 503 once it is open.
#[derive(Clone, Default)]
struct Gated {
    open: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl HttpClient for Gated {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        poll_fn(|context| {
            context.waker().wake_by_ref();
            match self.open.load(Ordering::Relaxed) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        Ok(answer(503, ""))
    }
}

#[test]
fn a_secret_goes_the_way_the_server_names_unless_the_client_has_an_opinion() {
    let metadata = r#"{"issuer":"https://id.example.com/a","token_endpoint":"https://h/t",
        "token_endpoint_auth_methods_supported":["client_secret_post"]}"#;
    let http = Recorder::new([answer(200, metadata)]);
    ask(builder(&http)).unwrap();
    assert_eq!(
        http.parameter(1, "client_secret").as_deref(),
        Some("hunter2")
    );

    let http = Recorder::new([answer(200, metadata)]);
    ask(builder(&http).auth_method(ClientAuthMethod::ClientSecretBasic)).unwrap();
    assert!(http.requests()[1].headers().contains_key(AUTHORIZATION));
    assert_eq!(http.parameter(1, "client_secret"), None);
}

#[test]
fn rfc_8705_section_5_a_certificate_goes_to_the_alias() {
    let metadata = r#"{"issuer":"https://id.example.com/a","token_endpoint":"https://h/t",
        "mtls_endpoint_aliases":{"token_endpoint":"https://mtls.h/t"}}"#;
    let http = Recorder::new([answer(200, metadata)]);
    let by_certificate = ClientCredentials::discover(ISSUER, "me")
        .auth_method(ClientAuthMethod::TlsClientAuth)
        .http_client(http.clone());
    ask(by_certificate).unwrap();
    assert_eq!(urls(&http)[1], "https://mtls.h/t");
    assert_eq!(http.parameter(1, "client_id").as_deref(), Some("me"));
}

struct Key;

#[async_trait]
impl JwsSigner for Key {
    fn algorithm(&self) -> JwsAlgorithm {
        JwsAlgorithm::Es256
    }

    fn key_name(&self) -> String {
        "key".into()
    }

    async fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0; 64])
    }
}

#[test]
fn an_assertion_may_be_meant_for_the_issuer_that_was_discovered() {
    for (audience, wanted) in [
        (AssertionAudience::Issuer, ISSUER),
        (
            AssertionAudience::TokenEndpoint,
            "https://id.example.com/token?a=b",
        ),
    ] {
        let http = Recorder::new([answer(200, METADATA)]);
        let by_key = ClientCredentials::discover(ISSUER, "me")
            .private_key(Key)
            .assertion_audience(audience)
            .http_client(http.clone());
        ask(by_key).unwrap();
        let assertion = http.parameter(1, "client_assertion").unwrap();
        assert_eq!(jwt(&assertion)[1]["aud"], wanted);
    }
}

#[test]
fn p13_issuers_have_keys_of_their_own() {
    let http = Recorder::default();
    let of = |issuer: &str| {
        ClientCredentials::discover(issuer, "me")
            .client_secret("hunter2")
            .http_client(http.clone())
    };
    let builders = [
        of("https://a"),
        of("https://b"),
        of("https://a").expected_issuer("https://b"),
        of("https://a").metadata_url("https://b/m"),
        of("https://a").auth_method(ClientAuthMethod::ClientSecretBasic),
        ClientCredentials::builder("https://a", "me")
            .client_secret("hunter2")
            .http_client(http.clone()),
    ];
    let count = builders.len();
    let keys: std::collections::BTreeSet<_> = builders
        .into_iter()
        .map(|builder| builder.build().unwrap().key())
        .collect();
    assert_eq!(keys.len(), count);
}
