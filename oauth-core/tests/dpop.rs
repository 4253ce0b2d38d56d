//! Tokens bound to a key (RFC 9449), at the token endpoint.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/recorder.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
mod recorder;

use std::error::Error as _;

use bytes::Bytes;
use futures_executor::block_on;
use http::Response;
use oauth_core::{
    AccessToken, CachedTokenSource, ClientCredentials, ClientCredentialsBuilder, DiscoveryError,
    Error, ErrorKind, JwsAlgorithm, JwsSigner, MemoryStore, SystemClock, TokenSource, TokenType,
    async_trait,
};
use recorder::{Recorder, answer, jwt};
use serde_json::{Value, json};

const URL: &str = "https://ID.example.com:443/a%2fb?tenant=a";
const BOUND: &str = r#"{"access_token":"t0ken","token_type":"DPoP","expires_in":3600}"#;
const USE_NONCE: &str = r#"{"error":"use_dpop_nonce"}"#;

/// Shows the key of the examples in RFC 9449, private half and all, and signs by its name.
struct Key(Value);

fn key() -> Key {
    Key(json!({
        "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "crv": "P-256",
        "d": "hunter2",
    }))
}

#[async_trait]
impl JwsSigner for Key {
    fn algorithm(&self) -> JwsAlgorithm {
        JwsAlgorithm::Es256
    }

    fn public_jwk(&self) -> Option<&Value> {
        Some(&self.0)
    }

    fn key_name(&self) -> String {
        "example".into()
    }

    async fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(b"signed".to_vec())
    }
}

fn builder(http: &Recorder) -> ClientCredentialsBuilder {
    ClientCredentials::builder(URL, "me")
        .private_key(key())
        .dpop(key())
        .http_client(http.clone())
}

fn ask(builder: ClientCredentialsBuilder) -> Result<AccessToken, Error> {
    block_on(builder.build()?.token())
}

fn with_nonce(mut answer: Response<Bytes>, nonce: &'static str) -> Response<Bytes> {
    let headers = answer.headers_mut();
    headers.insert("dpop-nonce", http::HeaderValue::from_static(nonce));
    answer
}

/// Header and claims of the one proof of a request.
fn proof(http: &Recorder, number: usize) -> [Value; 2] {
    let requests = http.requests();
    let proofs: Vec<_> = requests[number].headers().get_all("dpop").iter().collect();
    assert_eq!(proofs.len(), 1, "RFC 9449 §4.3");
    assert!(proofs[0].is_sensitive());
    jwt(proofs[0].to_str().unwrap())
}

fn nonce(http: &Recorder, number: usize) -> Value {
    proof(http, number)[1]["nonce"].clone()
}

#[test]
fn a_token_request_bears_a_proof_and_brings_a_bound_token() {
    let http = Recorder::new([answer(200, BOUND)]);
    let token = ask(builder(&http)).unwrap();
    assert_eq!(token.token_type(), TokenType::Dpop);
    assert_eq!(token.header(), "DPoP t0ken");
    let [header, claims] = proof(&http, 0);
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&"dpop+jwt".into(), &"ES256".into())
    );
    assert_eq!(
        header["jwk"].as_object().unwrap().len(),
        4,
        "the public half only"
    );
    assert_eq!(claims["htm"], "POST");
    assert_eq!(claims["htu"], "https://id.example.com/a%2Fb");
    assert_eq!(claims.get("ath"), None);
    assert_eq!(claims.get("nonce"), None);
}

fn discovered(http: &Recorder) -> ClientCredentialsBuilder {
    ClientCredentials::discover("https://id.example.com", "me")
        .client_secret("hunter2")
        .dpop(key())
        .http_client(http.clone())
}

fn metadata(algorithms: Option<Value>) -> Response<Bytes> {
    let mut metadata = json!({
        "issuer": "https://id.example.com",
        "token_endpoint": "https://id.example.com/token",
    });
    if let Some(algorithms) = algorithms {
        metadata["dpop_signing_alg_values_supported"] = algorithms;
    }
    answer(200, String::leak(metadata.to_string()))
}

#[test]
fn rfc_9449_section_5_1_a_key_for_an_algorithm_that_the_server_does_not_list_asks_for_no_token() {
    let http = Recorder::new([metadata(Some(json!(["RS256", "PS256"])))]);
    let source = discovered(&http).build().unwrap();
    let error = block_on(source.token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Discovery);
    assert!(!error.is_retryable());
    let fault = DiscoveryError::DpopAlgorithm {
        algorithm: "ES256",
        supported: vec!["RS256".into(), "PS256".into()],
    };
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    assert_eq!(cause, Some(&fault));
    let text = fault.to_string();
    assert!(
        text.contains("RS256, PS256") && text.contains("ES256"),
        "{text}"
    );
    block_on(source.token()).unwrap_err();
    assert_eq!(http.count(), 1, "the metadata, and no token request");
}

#[test]
fn a_key_for_an_algorithm_that_the_server_lists_or_one_where_it_lists_none_is_used() {
    for algorithms in [Some(json!(["EdDSA", "ES256"])), Some(json!([])), None] {
        let http = Recorder::new([metadata(algorithms), answer(200, BOUND)]);
        ask(discovered(&http)).unwrap();
        assert_eq!(http.count(), 2);
    }
}

#[test]
fn rfc_9449_section_8_a_nonce_is_asked_for_once_and_everything_signed_anew() {
    let http = Recorder::new([with_nonce(answer(400, USE_NONCE), "n1"), answer(200, BOUND)]);
    ask(builder(&http)).unwrap();
    assert_eq!(http.count(), 2);
    assert_eq!(nonce(&http, 1), "n1");
    let unique = |number: usize| proof(&http, number)[1]["jti"].clone();
    assert_ne!(unique(0), unique(1));
    let assertion = |number: usize| {
        let assertion = http.parameter(number, "client_assertion").unwrap();
        jwt(&assertion)[1]["jti"].clone()
    };
    assert_ne!(assertion(0), assertion(1), "RFC 7523 §3");
}

#[test]
fn a_server_that_is_never_content_with_a_nonce_is_left_alone() {
    let refusals = ["n1", "n2", "n3"].map(|nonce| with_nonce(answer(400, USE_NONCE), nonce));
    let http = Recorder::new(refusals);
    let error = ask(builder(&http)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(http.count(), 2);

    let http = Recorder::new([answer(400, USE_NONCE)]);
    assert!(ask(builder(&http)).is_err());
    assert_eq!(http.count(), 1, "without a nonce there is nothing to try");
}

#[test]
fn rfc_9449_section_8_2_any_response_may_bring_the_next_nonce() {
    let http = Recorder::new([
        with_nonce(answer(200, BOUND), "n1"),
        with_nonce(answer(503, ""), "n2"),
        with_nonce(answer(200, BOUND), "not a nonce"),
        answer(200, BOUND),
    ]);
    let source = builder(&http).build().unwrap();
    for _ in 0..4 {
        let _ = block_on(source.token());
    }
    let nonces = [0, 1, 2, 3].map(|number| nonce(&http, number));
    assert_eq!(nonces, [Value::Null, "n1".into(), "n2".into(), "n2".into()]);
}

#[test]
fn rfc_9449_section_5_a_bearer_token_is_refused_unless_that_is_allowed() {
    let http = Recorder::default();
    let error = ask(builder(&http)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedTokenType);
    assert!(error.to_string().contains("accept_bearer"), "{error}");
    let token = ask(builder(&http).accept_bearer()).unwrap();
    assert_eq!(token.token_type(), TokenType::Bearer);
    assert!(ask(builder(&http).accept_bearer().no_accept_bearer()).is_err());
}

#[test]
fn a_key_without_a_public_half_is_refused() {
    for jwk in [
        json!({"kty": "oct", "k": "hunter2"}),
        json!({"kty": "EC"}),
        json!(7),
    ] {
        let error = builder(&Recorder::default())
            .dpop(Key(jwk))
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("JWK"), "{error}");
    }
}

#[test]
fn the_key_is_shown_through_the_cache_and_named_by_its_thumbprint() {
    let http = Recorder::new([answer(200, BOUND)]);
    let source = std::sync::Arc::new(builder(&http).build().unwrap().cached());
    let dpop = source.dpop().unwrap();
    assert_eq!(
        dpop.thumbprint(),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
        "RFC 9449 §6.1"
    );
    let shown = format!("{dpop:?} {source:?} {:?}", source.source());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn p13_tokens_bound_to_different_keys_have_different_keys() {
    let http = Recorder::default();
    let other = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"});
    let base = || {
        ClientCredentials::builder(URL, "me")
            .client_secret("s")
            .http_client(http.clone())
    };
    let keys = [base(), base().dpop(key()), base().dpop(Key(other))];
    let keys: std::collections::BTreeSet<_> = keys
        .into_iter()
        .map(|builder| builder.build().unwrap().key())
        .collect();
    assert_eq!(keys.len(), 3);
}

#[test]
fn the_key_of_a_grant_depends_on_server_client_scopes_and_parameters_alone() {
    let http = Recorder::default();
    let plain = ClientCredentials::builder(URL, "me")
        .client_secret("s")
        .http_client(http.clone())
        .build()
        .unwrap();
    let bound = builder(&http).build().unwrap();
    assert_ne!(plain.key(), bound.key());
    assert_eq!(plain.grant_key(), bound.grant_key());
    let others = [
        plain.with_scopes(["read"]).unwrap(),
        plain.with_parameter("audience", "a").unwrap(),
        ClientCredentials::builder(URL, "you")
            .client_secret("s")
            .http_client(http.clone())
            .build()
            .unwrap(),
    ];
    for other in others {
        assert_ne!(plain.grant_key(), other.grant_key());
    }
}

#[test]
fn p13_no_store_gives_a_bearer_token_to_who_wants_it_bound() {
    let http = Recorder::default();
    let source = builder(&http).accept_bearer().build().unwrap();
    let store = std::sync::Arc::new(MemoryStore::new(SystemClock::new()));
    let shared = |source: ClientCredentials| {
        let key = source.key();
        let cached = CachedTokenSource::builder(source);
        cached.store(std::sync::Arc::clone(&store), key).build()
    };
    block_on(shared(source).token()).unwrap();
    let strict = shared(builder(&http).build().unwrap());
    let error = block_on(strict.token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedTokenType);

    let plain = |accepts: bool| {
        let builder = ClientCredentials::builder(URL, "me").client_secret("s");
        let builder = builder.http_client(http.clone());
        let builder = if accepts {
            builder.accept_bearer()
        } else {
            builder
        };
        builder.build().unwrap().key()
    };
    assert_eq!(plain(true), plain(false), "without a key it means nothing");
}

#[cfg(feature = "jwt")]
#[test]
fn rfc_9449_section_4_3_a_proof_is_signed_by_the_key_that_it_names() {
    use jsonwebtoken::jwk::Jwk;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation};

    let http = Recorder::new([answer(200, BOUND)]);
    let key = oauth_core::SigningKey::generate(JwsAlgorithm::Es256).unwrap();
    ask(builder(&http).dpop(key)).unwrap();
    let [header, _] = proof(&http, 0);
    let jwk: Jwk = serde_json::from_value(header["jwk"].clone()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let proof = http.requests()[0].headers()["dpop"].clone();
    let public = DecodingKey::from_jwk(&jwk).unwrap();
    jsonwebtoken::decode::<Value>(proof.to_str().unwrap(), &public, &validation).unwrap();
}
