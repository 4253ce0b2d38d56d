//! Each way to authenticate, against a server that verifies it with another library: over the wire, to the API
//! and back.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use futures_executor::block_on;
use oauth_core::{
    AccessToken, AssertionAudience, ClientAuthMethod, ClientCredentials, ClientCredentialsBuilder,
    Error, ErrorKind, JwsAlgorithm, JwsSigner, OAuthErrorCode, SigningKey, TokenSource, TokenType,
};
use oauth_isahc::IsahcHttpClient;
use oauth_testkit::ClientAuthMethod as Accepted;
use oauth_testkit::{
    AssertionRules, DpopNonce, DpopRules, FakeTokenServer, FakeTokenServerBuilder, JwtAlgorithm,
};

const ID: &str = FakeTokenServer::CLIENT_ID;
const SECRET: &str = FakeTokenServer::CLIENT_SECRET;

const ALGORITHMS: [(JwsAlgorithm, JwtAlgorithm, &str); 10] = [
    (JwsAlgorithm::Rs256, JwtAlgorithm::Rs256, "rsa-pkcs1"),
    (JwsAlgorithm::Rs384, JwtAlgorithm::Rs384, "rsa-pkcs8"),
    (JwsAlgorithm::Rs512, JwtAlgorithm::Rs512, "rsa-pkcs8"),
    (JwsAlgorithm::Ps256, JwtAlgorithm::Ps256, "rsa-pkcs8"),
    (JwsAlgorithm::Ps384, JwtAlgorithm::Ps384, "rsa-pkcs8"),
    (JwsAlgorithm::Ps512, JwtAlgorithm::Ps512, "rsa-pkcs8"),
    (JwsAlgorithm::Es256, JwtAlgorithm::Es256, "p256-sec1"),
    (JwsAlgorithm::Es384, JwtAlgorithm::Es384, "p384-pkcs8"),
    (JwsAlgorithm::Es512, JwtAlgorithm::Es512, "p521-pkcs8"),
    (JwsAlgorithm::EdDsa, JwtAlgorithm::EdDsa, "ed25519-pkcs8"),
];

fn key(algorithm: JwsAlgorithm, file: &str) -> SigningKey {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../oauth-core/tests/keys");
    let pem = std::fs::read_to_string(format!("{folder}/{file}.pem")).unwrap();
    SigningKey::from_pem(algorithm, &pem).unwrap()
}

fn es256() -> SigningKey {
    key(JwsAlgorithm::Es256, "p256-pkcs8")
}

fn at(server: &FakeTokenServer, id: &str) -> ClientCredentialsBuilder {
    ClientCredentials::builder(server.token_url(), id).http_client(IsahcHttpClient::new().unwrap())
}

fn token(builder: ClientCredentialsBuilder) -> Result<AccessToken, Error> {
    block_on(builder.build()?.token())
}

/// A server with a client that has this key.
fn with_key(key: &SigningKey, algorithm: JwtAlgorithm) -> FakeTokenServerBuilder {
    let jwk = key.public_jwk().unwrap().to_string();
    FakeTokenServer::builder().client_key("signer", algorithm, jwk)
}

#[test]
fn a_private_key_of_each_algorithm_is_verified() {
    for (algorithm, accepted, file) in ALGORITHMS {
        let key = key(algorithm, file);
        let server = with_key(&key, accepted).start().unwrap();
        token(at(&server, "signer").private_key(key)).unwrap();
        let auth = server.token_requests()[0].client_auth().unwrap().clone();
        assert_eq!(auth.method, Accepted::PrivateKeyJwt, "{algorithm}");
        assert_eq!(auth.client_id, "signer");
    }
}

#[test]
fn another_key_than_the_registered_one_is_no_proof() {
    let server = with_key(&es256(), JwtAlgorithm::Es256).start().unwrap();
    let other = SigningKey::generate(JwsAlgorithm::Es256).unwrap();
    let error = token(at(&server, "signer").private_key(other)).unwrap_err();
    let code = error.oauth_error().unwrap().code();
    assert_eq!(*code, OAuthErrorCode::InvalidClient);
}

#[test]
fn a_secret_signs_with_each_hmac() {
    for algorithm in [
        JwsAlgorithm::Hs256,
        JwsAlgorithm::Hs384,
        JwsAlgorithm::Hs512,
    ] {
        let server = FakeTokenServer::builder().accept_auth(Accepted::SecretJwt);
        let server = server.start().unwrap();
        let by_hmac = at(&server, ID)
            .client_secret(SECRET)
            .auth_method(ClientAuthMethod::ClientSecretJwt)
            .hmac_algorithm(algorithm);
        token(by_hmac).unwrap();
    }
}

#[test]
fn every_assertion_is_new_to_the_server() {
    let server = with_key(&es256(), JwtAlgorithm::Es256).start().unwrap();
    let source = at(&server, "signer").private_key(es256()).build().unwrap();
    for _ in 0..5 {
        block_on(source.token()).unwrap();
    }
    server.assert_token_requests(5);
}

#[test]
fn a_server_that_wants_its_issuer_as_the_audience_gets_it() {
    let rules = AssertionRules::new().audience(oauth_testkit::AssertionAudience::Issuer);
    let server = with_key(&es256(), JwtAlgorithm::Es256)
        .assertion_rules(rules)
        .start()
        .unwrap();
    assert!(token(at(&server, "signer").private_key(es256())).is_err());
    let discovered = ClientCredentials::discover(server.issuer(), "signer")
        .private_key(es256())
        .assertion_audience(AssertionAudience::Issuer)
        .http_client(IsahcHttpClient::new().unwrap());
    token(discovered).unwrap();
}

#[test]
fn a_public_client_names_itself() {
    let server = FakeTokenServer::builder().public_client("public");
    let server = server.start().unwrap();
    token(at(&server, "public").auth_method(ClientAuthMethod::None)).unwrap();
}

#[test]
fn a_client_that_knows_the_issuer_only_finds_everything() {
    let server = FakeTokenServer::start().unwrap();
    let source = ClientCredentials::discover(server.issuer(), ID)
        .client_secret(SECRET)
        .http_client(IsahcHttpClient::new().unwrap())
        .build()
        .unwrap();
    let token = block_on(source.token()).unwrap();
    assert!(block_on(source.introspect(&token)).unwrap().is_active());
    block_on(source.revoke(&token)).unwrap();
    assert!(!block_on(source.introspect(&token)).unwrap().is_active());
}

/// Tokens bound to a new key, and the authorized client.
fn bound(server: &FakeTokenServer) -> oauth_isahc::Client {
    let source = at(server, ID)
        .client_secret(SECRET)
        .dpop(SigningKey::generate(JwsAlgorithm::Es256).unwrap())
        .build()
        .unwrap()
        .cached();
    oauth_isahc::client(source, [server.api_url()]).unwrap()
}

#[test]
fn a_bound_token_is_proved_at_every_request() {
    let rules = DpopRules::new().required();
    let server = FakeTokenServer::builder().dpop(rules).start().unwrap();
    let api = bound(&server);
    for path in ["/a?b=c", "/a%2fb", "/"] {
        let url = server.api_url_for(path);
        assert_eq!(api.get(&url).unwrap().status(), 200, "{path}");
        assert_eq!(api.post(&url, "x").unwrap().status(), 200, "{path}");
        assert_eq!(
            block_on(api.get_async(&url)).unwrap().status(),
            200,
            "{path}"
        );
    }
    server.assert_token_requests(1);
    server.assert_api_requests(9);
}

#[test]
fn nonces_are_taken_up_on_both_sides_and_cost_one_retry() {
    for nonce in [DpopNonce::Required, DpopNonce::OneTime] {
        let rules = DpopRules::new()
            .required()
            .nonce_at_token_endpoint(nonce)
            .nonce_at_api(nonce);
        let server = FakeTokenServer::builder().dpop(rules).start().unwrap();
        let api = bound(&server);
        for _ in 0..5 {
            assert_eq!(
                api.get(server.api_url()).unwrap().status(),
                200,
                "{nonce:?}"
            );
        }
        server.assert_token_requests(2);
        server.assert_api_requests(6);
    }
}

#[test]
fn a_server_that_does_not_know_dpop_is_no_downgrade() {
    let rules = DpopRules::unknown();
    let server = FakeTokenServer::builder().dpop(rules).start().unwrap();
    let bound = || {
        at(&server, ID)
            .client_secret(SECRET)
            .dpop(SigningKey::generate(JwsAlgorithm::EdDsa).unwrap())
    };
    let error = token(bound()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedTokenType);
    let accepted = token(bound().accept_bearer()).unwrap();
    assert_eq!(accepted.token_type(), TokenType::Bearer);
}

#[test]
fn p07_a_revoked_bound_token_is_replaced_within_the_call() {
    let rules = DpopRules::new()
        .required()
        .nonce_at_api(DpopNonce::Required);
    let server = FakeTokenServer::builder().dpop(rules).start().unwrap();
    let api = bound(&server);
    assert_eq!(api.get(server.api_url()).unwrap().status(), 200);
    server.revoke_all();
    assert_eq!(api.get(server.api_url()).unwrap().status(), 200);
    server.assert_token_requests(2);
}
