//! Proofs on API requests (RFC 9449 §7, §9).

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/recorder.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
mod recorder;

use std::sync::{Arc, Mutex};

use futures_executor::block_on;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use oauth_core::{
    AccessToken, Authorizer, CachedTokenSource, Dpop, Error, ErrorKind, Exchange, JwsAlgorithm,
    JwsSigner, StoredToken, SystemClock, Target, TokenSource, TokenType, Verdict, async_trait,
};
use recorder::jwt;
use serde_json::{Value, json};

const URL: &str = "https://API.example.com:443/a%2fb?c=d";
/// RFC 9449 §7.1, with its `ath`.
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

struct Key(Value);

#[async_trait]
impl JwsSigner for Key {
    fn algorithm(&self) -> JwsAlgorithm {
        JwsAlgorithm::Es256
    }

    fn public_jwk(&self) -> Option<&Value> {
        Some(&self.0)
    }

    fn key_name(&self) -> String {
        "key".into()
    }

    async fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0; 64])
    }
}

/// Gives tokens of one type, and counts those rejected.
struct Bound {
    dpop: Dpop,
    token_type: TokenType,
    rejected: Mutex<usize>,
}

impl Bound {
    fn new(token_type: TokenType) -> Arc<Self> {
        let key = Key(json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}));
        Arc::new(Self {
            dpop: Dpop::new(Arc::new(key), Arc::new(SystemClock::new())).unwrap(),
            token_type,
            rejected: Mutex::new(0),
        })
    }

    fn rejected(&self) -> usize {
        *self.rejected.lock().unwrap()
    }
}

#[async_trait]
impl TokenSource for Bound {
    async fn token(&self) -> Result<AccessToken, Error> {
        let token = AccessToken::builder(TOKEN).token_type(self.token_type);
        Ok(token.build()?)
    }

    fn dpop(&self) -> Option<&Dpop> {
        Some(&self.dpop)
    }

    fn reject(&self, _: &AccessToken) {
        *self.rejected.lock().unwrap() += 1;
    }
}

fn authorizer(source: &Arc<Bound>) -> Authorizer {
    let origins = ["https://api.example.com", "https://other.example.com"];
    Authorizer::new(source.clone(), origins).unwrap()
}

fn exchange<'a>(authorizer: &'a Authorizer, url: &str) -> Exchange<&'a Authorizer> {
    let uri: Uri = url.to_lowercase().parse().unwrap();
    let target = Target::of(&uri).with_method(&Method::PATCH);
    authorizer.exchange(&target).unwrap()
}

fn authorized(exchange: &mut Exchange<&Authorizer>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    block_on(exchange.authorize(&mut headers)).unwrap();
    headers
}

fn claims(headers: &HeaderMap) -> Value {
    let proofs: Vec<_> = headers.get_all("dpop").iter().collect();
    assert_eq!(proofs.len(), 1, "RFC 9449 §4.3");
    let [_, claims] = jwt(proofs[0].to_str().unwrap());
    claims
}

fn review(exchange: &mut Exchange<&Authorizer>, status: u16, headers: &[(&str, &str)]) -> Verdict {
    let headers = headers.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    });
    let target = Target::new("https", "api.example.com", None);
    let status = StatusCode::from_u16(status).unwrap();
    exchange.review(&target, status, &headers.collect())
}

const USE_NONCE: (&str, &str) = ("www-authenticate", r#"DPoP error="use_dpop_nonce""#);
const INVALID_TOKEN: (&str, &str) = ("www-authenticate", r#"DPoP error="invalid_token""#);

#[test]
fn rfc_9449_section_7_1_a_request_bears_the_token_and_a_proof_for_it() {
    let source = Bound::new(TokenType::Dpop);
    let authorizer = authorizer(&source);
    let mut exchange = exchange(&authorizer, URL);
    let headers = authorized(&mut exchange);
    assert_eq!(headers[AUTHORIZATION], format!("DPoP {TOKEN}"));
    let claims = claims(&headers);
    assert_eq!(claims["htm"], "PATCH");
    assert_eq!(claims["htu"], "https://api.example.com/a%2Fb");
    assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    assert_eq!(claims.get("nonce"), None);
}

#[test]
fn every_proof_is_a_new_one() {
    let source = Bound::new(TokenType::Dpop);
    let authorizer = authorizer(&source);
    let unique = || {
        let mut exchange = exchange(&authorizer, URL);
        claims(&authorized(&mut exchange))["jti"].to_string()
    };
    assert_ne!(unique(), unique());
}

#[test]
fn synchronous_code_proves_it_too() {
    let source = Bound::new(TokenType::Dpop);
    let authorizer = authorizer(&source);
    let mut headers = HeaderMap::new();
    exchange(&authorizer, URL)
        .authorize_blocking(&mut headers)
        .unwrap();
    assert_eq!(claims(&headers)["htm"], "PATCH");
}

#[test]
fn a_token_in_hand_is_not_put_on_without_its_proof_and_every_answer_may_bring_a_nonce() {
    let source = Arc::new(CachedTokenSource::new(Bound::new(TokenType::Dpop)));
    block_on(source.token()).unwrap();
    let authorizer = Authorizer::new(source, ["https://api.example.com"]).unwrap();
    let mut exchange = exchange(&authorizer, URL);
    let mut headers = HeaderMap::new();
    assert!(!exchange.authorize_if_ready(&mut headers));
    assert!(headers.is_empty(), "{headers:?}");
    block_on(exchange.authorize(&mut headers)).unwrap();
    assert_eq!(claims(&headers)["htm"], "PATCH");
    assert!(exchange.concerns(StatusCode::OK));
}

/// Has a token, and fails whoever wants another.
struct InHand(Arc<Bound>, AccessToken);

#[async_trait]
impl TokenSource for InHand {
    async fn token(&self) -> Result<AccessToken, Error> {
        Err(Error::new(ErrorKind::ServerUnavailable, "not needed"))
    }

    fn with_ready(&self, look: &mut dyn FnMut(&AccessToken)) -> bool {
        look(&self.1);
        true
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.0.dpop()
    }
}

#[test]
fn p02_with_a_token_in_hand_no_other_is_asked_for_to_prove_it() {
    let bound = Bound::new(TokenType::Dpop);
    let token = block_on(bound.token()).unwrap();
    let source = InHand(bound, token);
    let authorizer = Authorizer::new(source, ["https://api.example.com"]).unwrap();
    let mut exchange = exchange(&authorizer, URL);
    assert_eq!(claims(&authorized(&mut exchange))["htm"], "PATCH");
    let mut headers = HeaderMap::new();
    exchange.authorize_blocking(&mut headers).unwrap();
    assert_eq!(claims(&headers)["htm"], "PATCH");
}

#[test]
fn rfc_9449_section_9_a_nonce_is_taken_up_and_the_request_sent_once_more() {
    let source = Bound::new(TokenType::Dpop);
    let authorizer = authorizer(&source);
    let mut exchange = exchange(&authorizer, URL);
    authorized(&mut exchange);
    let verdict = review(&mut exchange, 401, &[USE_NONCE, ("dpop-nonce", "n1")]);
    assert_eq!(verdict, Verdict::Resend);
    assert_eq!(claims(&authorized(&mut exchange))["nonce"], "n1");
    let verdict = review(&mut exchange, 401, &[USE_NONCE, ("dpop-nonce", "n2")]);
    assert_eq!(verdict, Verdict::Done, "once");
    assert_eq!(source.rejected(), 0, "the token is as good as before");
}

#[test]
fn a_want_of_a_nonce_without_a_nonce_is_the_callers() {
    let source = Bound::new(TokenType::Dpop);
    let authorizer = authorizer(&source);
    let mut exchange = exchange(&authorizer, URL);
    authorized(&mut exchange);
    assert_eq!(review(&mut exchange, 401, &[USE_NONCE]), Verdict::Done);
}

#[test]
fn a_rejected_token_is_rejected_whatever_nonce_comes_along() {
    let source = Bound::new(TokenType::Dpop);
    let authorizer = authorizer(&source);
    let mut exchange = exchange(&authorizer, URL);
    authorized(&mut exchange);
    let answer = [INVALID_TOKEN, ("dpop-nonce", "n1")];
    assert_eq!(review(&mut exchange, 401, &answer), Verdict::Resend);
    assert_eq!(source.rejected(), 1);
    assert_eq!(claims(&authorized(&mut exchange))["nonce"], "n1");
}

#[test]
fn rfc_9449_section_8_2_any_response_brings_a_nonce_for_its_own_origin_only() {
    let source = Bound::new(TokenType::Dpop);
    let authorizer = authorizer(&source);
    let nonce = |url: &str| {
        let mut exchange = exchange(&authorizer, url);
        claims(&authorized(&mut exchange)).get("nonce").cloned()
    };
    for (status, given) in [(200, "n1"), (404, "n2"), (503, "n3")] {
        let mut exchange = exchange(&authorizer, URL);
        authorized(&mut exchange);
        assert_eq!(
            review(&mut exchange, status, &[("dpop-nonce", given)]),
            Verdict::Done
        );
        assert_eq!(nonce(URL), Some(given.into()));
    }
    assert_eq!(nonce("https://other.example.com/"), None);

    // What another origin answers, after a redirect, is not this one's.
    let mut redirected = exchange(&authorizer, "https://other.example.com/");
    authorized(&mut redirected);
    review(&mut redirected, 200, &[("dpop-nonce", "n4")]);
    assert_eq!(nonce("https://other.example.com/"), None);
    assert_eq!(nonce(URL), Some("n3".into()));
}

#[test]
fn a_bearer_token_needs_no_proof() {
    let source = Bound::new(TokenType::Bearer);
    let authorizer = authorizer(&source);
    let mut exchange = exchange(&authorizer, URL);
    assert!(authorized(&mut exchange).get("dpop").is_none());
    let answer = [USE_NONCE, ("dpop-nonce", "n1")];
    assert_eq!(review(&mut exchange, 401, &answer), Verdict::Done);
}

#[test]
fn without_method_and_path_there_is_no_proof_and_no_request() {
    let source = Bound::new(TokenType::Dpop);
    let authorizer = authorizer(&source);
    let bare = Target::new("https", "api.example.com", None);
    for target in [bare, bare.with_path("/"), bare.with_method(&Method::GET)] {
        let error = authorizer.exchange(&target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("with_method"), "{error}");
    }
    assert!(
        authorizer
            .exchange(&bare.with_path("/").with_method(&Method::GET))
            .is_ok()
    );
}

#[test]
fn p09_the_key_is_in_no_token_and_so_in_no_store() {
    let key = Arc::new(Key(
        json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
    ));
    let source = Bound {
        dpop: Dpop::new(key.clone(), Arc::new(SystemClock::new())).unwrap(),
        token_type: TokenType::Dpop,
        rejected: Mutex::new(0),
    };
    let token = block_on(source.token()).unwrap();
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    let stored = StoredToken::new(token, epoch, epoch);
    drop(source);
    assert_eq!(
        Arc::strong_count(&key),
        1,
        "the store keeps {stored:?} alone"
    );
}
