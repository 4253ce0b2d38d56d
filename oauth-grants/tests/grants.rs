//! Each grant against a strict server, over HTTP, through the cache.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{
    ClientCredentials, Clock, ErrorKind, JwsAlgorithm, JwsSigner, Lease, MemoryStore,
    OAuthErrorCode, SigningKey, StoreError, StoredToken, SystemClock, TokenKey, TokenSource,
    TokenStore, async_trait,
};
use oauth_grants::{JwtBearer, JwtClaims, RefreshToken, TokenExchange, TokenTypeUri};
use oauth_isahc::IsahcHttpClient;
use oauth_testkit::{DpopNonce, DpopRules, FakeTokenServer, JwtAlgorithm, Reply, ScriptedSource};
use serde_json::json;

fn client(server: &FakeTokenServer) -> ClientCredentials {
    ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(IsahcHttpClient::new().unwrap())
        .build()
        .unwrap()
}

fn start() -> FakeTokenServer {
    FakeTokenServer::start().unwrap()
}

fn key_pair() -> (SigningKey, String) {
    let key = SigningKey::generate(JwsAlgorithm::Es256).unwrap();
    let jwk = key.public_jwk().unwrap().to_string();
    (key, jwk)
}

fn trusting(jwk: &str) -> FakeTokenServer {
    FakeTokenServer::builder()
        .trust_issuer("https://issuer.example.com", JwtAlgorithm::Es256, jwk)
        .start()
        .unwrap()
}

fn claims() -> JwtClaims {
    JwtClaims::new("https://issuer.example.com").subject("ada")
}

#[test]
fn rfc_7523_an_assertion_brings_a_token_and_no_assertion_is_sent_twice() {
    let (key, jwk) = key_pair();
    let server = trusting(&jwk);
    let source = JwtBearer::signed(client(&server), key, claims().claim("tenant", "a")).cached();

    let first = block_on(source.token()).unwrap();
    assert_eq!(block_on(source.token()).unwrap().generation(), 1);
    source.reject(&first);
    assert_eq!(block_on(source.token()).unwrap().generation(), 2);

    let requests = server.token_requests();
    assert_eq!(requests.len(), 2, "cached like any other");
    for request in &requests {
        let grant = request.grant_type();
        assert_eq!(grant, Some("urn:ietf:params:oauth:grant-type:jwt-bearer"));
        assert_eq!(request.param("assertion"), Some("<redacted>"));
    }
}

#[test]
fn rfc_7523_an_assertion_the_server_does_not_take_is_invalid_grant() {
    let (key, _) = key_pair();
    let (_, another) = key_pair();
    let server = trusting(&another);
    let source = JwtBearer::signed(client(&server), key, claims());
    let error = block_on(source.token()).unwrap_err();
    let code = error.oauth_error().unwrap().code().clone();
    assert_eq!(code, OAuthErrorCode::InvalidGrant);
    assert!(!error.is_retryable());
}

#[test]
fn rfc_7523_section_3_the_claims_are_those_asked_for_and_new_each_time() {
    use base64::Engine as _;
    let (key, jwk) = key_pair();
    let key = Arc::new(key);
    let said = Arc::new(std::sync::Mutex::new(Vec::new()));
    let server = trusting(&jwk);

    /// Keeps what it signs.
    struct Listening(
        Arc<SigningKey>,
        Arc<std::sync::Mutex<Vec<serde_json::Value>>>,
    );
    #[async_trait]
    impl JwsSigner for Listening {
        fn algorithm(&self) -> JwsAlgorithm {
            self.0.algorithm()
        }
        fn key_name(&self) -> String {
            self.0.key_name()
        }
        async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, oauth_core::Error> {
            let text = std::str::from_utf8(message).unwrap();
            let claims = text.split('.').nth(1).unwrap();
            let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims);
            let claims = serde_json::from_slice(&claims.unwrap()).unwrap();
            self.1.lock().unwrap().push(claims);
            self.0.sign(message).await
        }
    }

    let claims = claims()
        .lifetime(Duration::from_secs(120))
        .claim("tenant", json!({"id": 7}))
        .claim("iss", "someone else");
    let source = JwtBearer::signed(client(&server), Listening(key, Arc::clone(&said)), claims);
    block_on(source.token()).unwrap();
    block_on(source.token()).unwrap();
    let said = said.lock().unwrap();
    for claims in said.iter() {
        assert_eq!(claims["iss"], "https://issuer.example.com");
        assert_eq!(claims["sub"], "ada");
        assert_eq!(claims["aud"], server.token_url());
        assert_eq!(claims["tenant"]["id"], 7);
        let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert_eq!(lifetime, 120);
    }
    assert_ne!(said[0]["jti"], said[1]["jti"]);
}

#[test]
fn rfc_7523_section_3_an_assertion_is_new_also_where_the_server_asks_for_a_nonce() {
    let (key, jwk) = key_pair();
    let nonce = DpopNonce::Required;
    let server = FakeTokenServer::builder()
        .trust_issuer("https://issuer.example.com", JwtAlgorithm::Es256, &jwk)
        .dpop(DpopRules::new().required().nonce_at_token_endpoint(nonce))
        .start()
        .unwrap();
    let client = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .dpop(SigningKey::generate(JwsAlgorithm::Es256).unwrap())
        .http_client(IsahcHttpClient::new().unwrap())
        .build()
        .unwrap();
    let source = JwtBearer::signed(client, key, claims());
    block_on(source.token()).unwrap();
    server.assert_token_requests(2);
    block_on(source.token()).unwrap();
    server.assert_token_requests(3);
}

#[test]
fn an_assertion_from_elsewhere_is_asked_for_each_time() {
    let (key, jwk) = key_pair();
    let server = trusting(&jwk);
    let key = Arc::new(key);
    let audience = server.token_url();
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let source = JwtBearer::with(client(&server), move || {
        let ordinal = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let (key, audience) = (Arc::clone(&key), audience.clone());
        async move {
            let now = SystemClock::new().wall();
            let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            key.sign_jwt(&json!({
                "iss": "https://issuer.example.com", "sub": "ada", "aud": audience,
                "iat": now, "exp": now + 60, "jti": ordinal.to_string(),
            }))
            .await
        }
    });
    block_on(source.token()).unwrap();
    block_on(source.token()).unwrap();
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[test]
fn rfc_8693_a_token_is_exchanged_for_another() {
    let server = start();
    let subject = client(&server).cached();
    let source = TokenExchange::new(client(&server), subject.clone())
        .requested_token_type(TokenTypeUri::AccessToken)
        .cached();
    let token = block_on(source.token()).unwrap();
    assert_ne!(token.secret(), subject.ready().unwrap().secret());

    let requests = server.token_requests();
    assert_eq!(requests.len(), 2);
    let exchange = &requests[1];
    for (name, value) in [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("subject_token", "<redacted>"),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
    ] {
        assert_eq!(exchange.param(name), Some(value), "{name}");
    }
}

#[test]
fn rfc_8693_section_2_2_2_a_subject_token_that_is_refused_is_replaced_once() {
    let server = start();
    let subject = client(&server).cached();
    block_on(subject.token()).unwrap();
    server.revoke_all();
    let source = TokenExchange::new(client(&server), subject.clone());
    block_on(source.token()).unwrap();
    // Subject, exchange refused, subject anew, exchange.
    server.assert_token_requests(4);
    assert_eq!(subject.ready().unwrap().generation(), 2);
}

#[test]
fn rfc_8693_section_2_2_2_an_actor_token_that_is_refused_is_replaced_with_the_subjects() {
    let server = start();
    let (subject, actor) = (client(&server).cached(), client(&server).cached());
    let source = TokenExchange::new(client(&server), subject.clone())
        .actor(actor.clone(), TokenTypeUri::AccessToken);
    block_on(source.token()).unwrap();
    assert!(server.revoke(actor.ready().unwrap().secret()));
    block_on(source.token()).unwrap();
    // Three at first; exchange refused, both anew, exchange.
    server.assert_token_requests(7);
    assert_eq!(actor.ready().unwrap().generation(), 2);
    assert_eq!(subject.ready().unwrap().generation(), 2);
}

#[test]
fn rfc_6749_section_3_2_no_parameter_of_a_grant_is_sent_twice() {
    let server = start();
    let client = |name: &str| {
        client(&server)
            .with_parameter(name, "of the builder")
            .unwrap()
    };
    let assertion = || async { Ok("an assertion".into()) };
    let bearer = JwtBearer::with(client("assertion"), assertion);
    let refresh = RefreshToken::new(client("refresh_token"), "given");
    let exchange = TokenExchange::new(client("requested_token_type"), ScriptedSource::new())
        .requested_token_type(TokenTypeUri::Jwt);
    let sources: [&dyn TokenSource; 3] = [&bearer, &refresh, &exchange];
    for source in sources {
        let error = block_on(source.token()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
    server.assert_token_requests(0);
}

#[test]
fn rfc_8693_a_refusal_that_a_new_subject_token_does_not_cure_is_the_callers() {
    let server = start();
    let subject = client(&server).cached();
    block_on(subject.token()).unwrap();
    for _ in 0..2 {
        server.next_token_reply(Reply::oauth_error("invalid_target"));
    }
    let source = TokenExchange::new(client(&server), subject.clone());
    let error = block_on(source.token()).unwrap_err();
    assert_eq!(
        error.oauth_error().unwrap().code().as_str(),
        "invalid_target"
    );
    server.assert_token_requests(2);
    assert_eq!(subject.ready().unwrap().generation(), 1, "kept");
}

#[test]
fn rfc_8693_an_actor_acts_with_a_token_of_its_own() {
    let server = start();
    let source = TokenExchange::new(client(&server), client(&server).cached())
        .actor(client(&server).cached(), TokenTypeUri::AccessToken);
    block_on(source.token()).unwrap();
    let requests = server.token_requests();
    let exchange = requests.last().unwrap();
    assert_eq!(exchange.param("actor_token"), Some("<redacted>"));
    assert_eq!(
        exchange.param("actor_token_type"),
        Some("urn:ietf:params:oauth:token-type:access_token")
    );
}

fn refresh_token(server: &FakeTokenServer) -> String {
    server.issue_refresh_token(FakeTokenServer::CLIENT_ID, None)
}

#[test]
fn rfc_6749_section_6_each_refresh_token_is_used_once() {
    let server = start();
    let source = RefreshToken::new(client(&server), refresh_token(&server));
    let secrets = [(); 3].map(|()| block_on(source.token()).unwrap().secret().to_owned());
    assert!(secrets[0] != secrets[1] && secrets[1] != secrets[2]);
    let requests = server.token_requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[2].grant_type(), Some("refresh_token"));
    assert_eq!(requests[2].param("refresh_token"), Some("<redacted>"));
}

#[test]
fn rfc_6749_section_6_a_server_may_let_a_refresh_token_be_used_again() {
    let server = FakeTokenServer::builder()
        .keep_refresh_tokens()
        .start()
        .unwrap();
    let source = RefreshToken::new(client(&server), refresh_token(&server));
    block_on(source.token()).unwrap();
    block_on(source.token()).unwrap();
    server.assert_token_requests(2);
}

#[test]
fn p12_a_restart_and_another_process_go_on_with_the_refresh_token_in_the_store() {
    let server = start();
    let store = Arc::new(MemoryStore::new(SystemClock::new()));
    let first = refresh_token(&server);
    let process =
        || RefreshToken::new(client(&server), first.as_str()).kept_in(Arc::clone(&store), "ada");
    let (a, b) = (process(), process());
    for source in [&a, &b, &a, &process()] {
        block_on(source.token()).unwrap();
    }
    server.assert_token_requests(4);
}

#[test]
fn p12_processes_at_once_use_the_refresh_token_one_after_the_other() {
    let server = start();
    server.always_token_reply(Reply::usual().after(Duration::from_millis(10)));
    let store = Arc::new(MemoryStore::new(SystemClock::new()));
    let first = refresh_token(&server);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let source = RefreshToken::new(client(&server), first.as_str())
                    .kept_in(Arc::clone(&store), "ada");
                source.token_blocking().unwrap();
            });
        }
    });
    server.assert_token_requests(4);
    assert_eq!(server.max_concurrent_token_requests(), 1);
}

#[test]
fn p13_who_granted_access_is_part_of_the_key() {
    let server = start();
    let store = Arc::new(MemoryStore::new(SystemClock::new()));
    let (ada, bob) = (refresh_token(&server), refresh_token(&server));
    let source = |token: &str, name: &str| {
        RefreshToken::new(client(&server), token).kept_in(Arc::clone(&store), name)
    };
    block_on(source(&ada, "ada").token()).unwrap();
    block_on(source(&bob, "bob").token()).unwrap();
    block_on(source("long used", "ada").token()).unwrap();
    server.assert_token_requests(3);
}

#[test]
fn a_refresh_token_that_was_revoked_is_invalid_grant_and_not_tried_again() {
    let server = start();
    let source = RefreshToken::new(client(&server), "never issued");
    let error = block_on(source.token()).unwrap_err();
    let code = error.oauth_error().unwrap().code().clone();
    assert_eq!(code, OAuthErrorCode::InvalidGrant);
    server.assert_token_requests(1);
}

/// Fails at everything.
struct Broken;

#[async_trait]
impl TokenStore for Broken {
    async fn load(&self, _: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        Err(StoreError::new("out of order"))
    }
    async fn save(&self, _: &TokenKey, _: &StoredToken) -> Result<(), StoreError> {
        Err(StoreError::new("out of order"))
    }
    async fn remove(&self, _: &TokenKey, _: &StoredToken) -> Result<(), StoreError> {
        Err(StoreError::new("out of order"))
    }
    async fn lease(&self, _: &TokenKey, _: Duration) -> Result<Option<Lease>, StoreError> {
        Err(StoreError::new("out of order"))
    }
    async fn release(&self, _: &TokenKey, _: Lease) -> Result<(), StoreError> {
        Err(StoreError::new("out of order"))
    }
}

#[test]
fn p11_a_broken_store_loses_no_refresh_token_of_this_process() {
    let server = start();
    let source = RefreshToken::new(client(&server), refresh_token(&server)).kept_in(Broken, "ada");
    block_on(source.token()).unwrap();
    block_on(source.token()).unwrap();
    server.assert_token_requests(2);
}

#[test]
fn p09_nothing_shows_a_secret_of_a_grant() {
    let server = start();
    let secret = "not-a-g00d-refresh-token";
    server.always_token_reply(
        Reply::oauth_error("invalid_grant").description(format!("unknown: {secret}")),
    );
    let source = RefreshToken::new(client(&server), secret);
    let error = block_on(source.token()).unwrap_err();
    let shown = format!("{source:?} {error:?} {error:#}");
    assert!(!shown.contains(secret), "{shown}");
}
