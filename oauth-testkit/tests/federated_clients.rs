//! Clients whom a platform vouches for: what it gives them is used until it expires.
#![cfg(feature = "jose")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "support/jose.rs"]
mod jose;
mod support;

use std::fs;
use std::time::Duration;

use futures_executor::block_on;
use jose::{Key, with};
use oauth_core::{ClientCredentials, SecretSource, TokenSource};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::{
    AssertionRules, FakeTokenServer, FakeTokenServerBuilder, FederatedIdentity, JwtAlgorithm,
    ManualClock, TokenMatch,
};
use serde_json::{Value, json};
use support::{GRANT, Response, ask, form};

const TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
const ALGORITHM: JwtAlgorithm = JwtAlgorithm::Es256;
const ISSUER: &str = "https://kubernetes.default.svc";
const ACCOUNT: &str = "system:serviceaccount:shop:orders";
const AUDIENCE: &str = "api://AzureADTokenExchange";
/// Where a clock that is moved by hand begins.
const START: u64 = 1_750_000_000;

struct Platform {
    server: FakeTokenServer,
    key: Key,
    clock: ManualClock,
}

impl Platform {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(change: impl FnOnce(FakeTokenServerBuilder) -> FakeTokenServerBuilder) -> Self {
        let (key, clock) = (Key::for_algorithm(ALGORITHM), ManualClock::new());
        let account = FederatedIdentity::new(ISSUER, ACCOUNT, ALGORITHM, key.pem());
        let builder = FakeTokenServer::builder()
            .clock(clock.clone())
            .federated_client("orders", account.audience(AUDIENCE));
        let server = change(builder).start().unwrap();
        Self { server, key, clock }
    }

    /// As a platform writes it: for hours, and without `jti`.
    fn token(&self, changes: Value) -> String {
        let claims = json!({
            "iss": ISSUER, "sub": ACCOUNT, "aud": [AUDIENCE], "iat": START, "exp": START + 7200,
        });
        let header = json!({ "alg": ALGORITHM.name(), "kid": "cluster" });
        self.key.sign(ALGORITHM, &header, &with(claims, changes))
    }

    fn ask(&self, token: &str, client: &str) -> Response {
        let assertion = format!("client_assertion_type={TYPE}&client_assertion={token}");
        ask(
            &self.server,
            form("", &format!("{GRANT}&{assertion}{client}")),
        )
    }

    #[track_caller]
    fn refuses(&self, changes: Value, told: &str) {
        let response = self.ask(&self.token(changes), "&client_id=orders");
        assert_eq!(
            (response.status, &*response.error()),
            (401, "invalid_client")
        );
        let description = response.json()["error_description"].to_string();
        assert!(description.contains(told), "{description}");
    }
}

#[test]
fn the_token_of_a_platform_is_good_until_it_expires() {
    let platform = Platform::new();
    let token = platform.token(json!({}));
    for _ in 0..3 {
        platform.ask(&token, "&client_id=orders").token();
    }
    platform.clock.advance(Duration::from_secs(7199));
    platform.ask(&token, "&client_id=orders").token();
    platform.clock.advance(Duration::from_secs(1));
    assert_eq!(platform.ask(&token, "&client_id=orders").status, 401);
    let rotated = json!({ "iat": START + 7200, "exp": START + 14_400 });
    platform
        .ask(&platform.token(rotated), "&client_id=orders")
        .token();
}

#[test]
fn its_client_is_known_by_its_id_or_by_the_identity() {
    let platform = Platform::new();
    platform
        .server
        .expect(TokenMatch::client("orders"))
        .times(1);
    platform
        .ask(&platform.token(json!({})), "&client_id=orders")
        .token();
    platform.ask(&platform.token(json!({})), "").token();
    let other = platform.ask(&platform.token(json!({})), "&client_id=other");
    assert_eq!(other.error(), "invalid_client");
}

#[test]
fn what_another_platform_account_or_key_says_is_refused() {
    let platform = Platform::new();
    platform.refuses(
        json!({ "iss": "https://other.example" }),
        "no identity with iss",
    );
    platform.refuses(json!({ "sub": "other" }), "no identity with sub");
    platform.refuses(json!({ "aud": platform.server.token_url() }), "is none of");
    platform.refuses(json!({ "exp": null }), "there is no exp");
    platform.refuses(json!({ "iat": START + 1 }), "in the future");
    let forger = Platform::new();
    let forged = forger.token(json!({}));
    let response = platform.ask(&forged, "&client_id=orders");
    assert!(
        response.json()["error_description"]
            .to_string()
            .contains("signature")
    );
}

#[test]
fn without_an_audience_of_its_own_the_rules_say_whom_it_is_for() {
    let key = Key::for_algorithm(ALGORITHM);
    let account = FederatedIdentity::new(ISSUER, "second", ALGORITHM, key.pem());
    let platform = Platform::with(|builder| builder.federated_client("orders", account));
    let sign = |audience: &str| {
        let claims = json!({ "iss": ISSUER, "sub": "second", "aud": audience, "exp": START + 60 });
        key.sign(ALGORITHM, &json!({ "alg": ALGORITHM.name() }), &claims)
    };
    let issuer = platform.server.issuer();
    platform.ask(&sign(&issuer), "&client_id=orders").token();
    assert_eq!(
        platform.ask(&sign(AUDIENCE), "&client_id=orders").status,
        401
    );
}

#[test]
fn rules_may_let_any_assertion_be_used_again() {
    let key = Key::for_algorithm(ALGORITHM);
    let server = FakeTokenServer::builder()
        .clock(ManualClock::new())
        .client_key("service", ALGORITHM, key.pem())
        .assertion_rules(AssertionRules::new().reusable())
        .start()
        .unwrap();
    let claims = json!({
        "iss": "service", "sub": "service", "aud": server.token_url(), "exp": START + 60,
    });
    let assertion = key.sign(ALGORITHM, &json!({ "alg": ALGORITHM.name() }), &claims);
    let body = format!("{GRANT}&client_assertion_type={TYPE}&client_assertion={assertion}");
    for _ in 0..2 {
        ask(&server, form("", &body)).token();
    }
}

#[test]
fn a_client_with_the_token_in_a_file_gets_through_until_and_after_it_is_rotated() {
    let platform = Platform::new();
    let file = format!("{}/federated-token", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&file, platform.token(json!({}))).unwrap();
    let client = ClientCredentials::builder(platform.server.token_url(), "orders")
        .client_assertion(SecretSource::file(&file))
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap();
    block_on(client.token()).unwrap();
    block_on(client.token()).unwrap();
    platform.clock.advance(Duration::from_secs(7200));
    block_on(client.token()).unwrap_err();
    let rotated = json!({ "iat": START + 7200, "exp": START + 14_400 });
    fs::write(&file, platform.token(rotated)).unwrap();
    block_on(client.token()).unwrap();
}

#[test]
fn a_key_that_cannot_be_read_is_told_by_the_issuer() {
    let account = FederatedIdentity::new(ISSUER, ACCOUNT, ALGORITHM, "no key");
    let shown = format!("{account:?}");
    assert!(!shown.contains("no key"), "{shown}");
    let builder = FakeTokenServer::builder().federated_client("orders", account);
    let error = builder.start().unwrap_err().to_string();
    assert!(error.contains(ISSUER), "{error}");
}
