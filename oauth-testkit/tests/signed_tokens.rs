//! Signed access tokens (RFC 9068) and assertions as grants (RFC 7523 §2.1).
#![cfg(feature = "jose")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "support/jose.rs"]
mod jose;
mod support;

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jose::{Key, fresh_id, now, with};
use oauth_testkit::{FakeTokenServer, JwtAlgorithm, ManualClock, Reply};
use serde_json::{Value, json};
use support::{BASIC, GRANT, Response, ask, call, form, get, good};

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Header and claims of a token, once its signature is verified with the key that the server serves.
fn verified(server: &FakeTokenServer, token: &str) -> (Value, Value) {
    let path = server.jwks_url();
    let path = &path[path.find("/oauth").unwrap()..];
    let jwks = ask(
        server,
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    )
    .json();
    let jwk = &jwks["keys"][0];
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        panic!("not a JWT: {token}");
    };
    let octets = |name: &str| decode(jwk[name].as_str().unwrap());
    let point = [vec![4], octets("x"), octets("y")].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(format!("{header}.{claims}").as_bytes(), &decode(signature))
        .unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    assert_eq!(header["kid"], jwk["kid"]);
    assert_eq!((&jwk["alg"], &jwk["use"]), (&json!("ES256"), &json!("sig")));
    (header, serde_json::from_slice(&decode(claims)).unwrap())
}

#[test]
fn rfc9068_2_a_token_says_what_it_stands_for() {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder()
        .jwt_access_tokens()
        .clock(clock)
        .start()
        .unwrap();
    let token = ask(&server, form(BASIC, &format!("{GRANT}&scope=a+b"))).token();
    let (header, mut claims) = verified(&server, &token);
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("at+jwt"), &json!("ES256"))
    );
    assert!(
        claims["jti"]
            .take()
            .as_str()
            .is_some_and(|id| !id.is_empty())
    );
    assert_eq!(
        claims,
        json!({
            "iss": server.issuer(), "sub": "test-client", "client_id": "test-client",
            "aud": server.api_url(), "scope": "a b", "iat": 1_750_000_000,
            "exp": 1_750_003_600, "jti": null,
        })
    );
    assert_eq!(call(&server, get("/", &token)).status, 200);
    assert_ne!(ask(&server, good()).token(), ask(&server, good()).token());
    server.next_token_reply(Reply::token().expires_in(5));
    let (_, claims) = verified(&server, &ask(&server, good()).token());
    assert_eq!(claims["exp"], 1_750_000_005);
    // A token that was not issued here is none, however it is signed.
    assert_eq!(call(&server, get("/", &format!("{token}x"))).status, 401);
}

#[test]
fn tokens_mean_nothing_by_default() {
    let server = FakeTokenServer::start().unwrap();
    assert!(!ask(&server, good()).token().contains('.'));
}

#[test]
fn a_token_says_whom_it_is_for_and_to_what_it_is_bound() {
    let server = FakeTokenServer::builder()
        .jwt_access_tokens()
        .start()
        .unwrap();
    let body = format!("{GRANT}&resource=urn:a&resource=urn:b");
    let (_, claims) = verified(&server, &ask(&server, form(BASIC, &body)).token());
    assert_eq!(claims["aud"], json!(["urn:a", "urn:b"]));
    assert_eq!(claims.get("cnf"), None);

    let key = Key::for_algorithm(JwtAlgorithm::EdDsa);
    let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": key.jwk() });
    let claims = json!({
        "jti": fresh_id(), "htm": "POST", "htu": "http://localhost/oauth/token", "iat": now(),
    });
    let proof = key.sign(JwtAlgorithm::EdDsa, &header, &claims);
    let bound = ask(&server, form(&format!("{BASIC}DPoP: {proof}\r\n"), GRANT)).token();
    let (_, claims) = verified(&server, &bound);
    let jwk = key.jwk();
    let thumbprint = jose::sha256(&format!(
        r#"{{"crv":"Ed25519","kty":"OKP","x":{}}}"#,
        jwk["x"]
    ));
    assert_eq!(claims["cnf"], json!({ "jkt": thumbprint }));
}

/// A server that trusts `https://idp.test` by one key, and that key.
struct Setup {
    server: FakeTokenServer,
    key: Key,
}

impl Setup {
    fn new() -> Self {
        let key = Key::for_algorithm(JwtAlgorithm::Es256);
        let builder = FakeTokenServer::builder();
        let builder = builder.trust_issuer("https://idp.test", JwtAlgorithm::Es256, key.pem());
        Self {
            server: builder.start().unwrap(),
            key,
        }
    }

    fn assertion(&self, changes: Value) -> String {
        let claims = json!({
            "iss": "https://idp.test", "sub": "alice", "aud": self.server.token_url(),
            "exp": now() + 60, "iat": now(), "jti": fresh_id(),
        });
        let header = json!({ "alg": "ES256" });
        self.key
            .sign(JwtAlgorithm::Es256, &header, &with(claims, changes))
    }

    fn ask(&self, changes: Value) -> Response {
        self.ask_with(&self.assertion(changes))
    }

    fn ask_with(&self, assertion: &str) -> Response {
        let grant = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer";
        ask(
            &self.server,
            form(BASIC, &format!("{grant}&assertion={assertion}")),
        )
    }
}

#[track_caller]
fn refused(response: &Response, error: &str, description: &str) {
    assert_eq!((response.status, response.error().as_str()), (400, error));
    response.assert_description(description);
}

#[test]
fn rfc7523_2_1_an_assertion_of_a_trusted_issuer_is_a_grant() {
    let setup = Setup::new();
    let token = setup.ask(json!({})).token();
    let body = format!("token={token}");
    let path = "/oauth/introspect";
    let told = ask(
        &setup.server,
        form(BASIC, &body).replace("/oauth/token", path),
    )
    .json();
    assert_eq!(
        (&told["sub"], &told["client_id"]),
        (&json!("alice"), &json!("test-client"))
    );
    let seen = &setup.server.token_requests()[0];
    assert_eq!(seen.param("assertion"), Some("<redacted>"));
}

#[test]
fn rfc7523_3_1_an_assertion_that_is_not_right_is_an_invalid_grant() {
    let setup = Setup::new();
    let wrong = |changes: Value, description: &str| {
        refused(&setup.ask(changes), "invalid_grant", description);
    };
    wrong(json!({ "iss": "https://else.test" }), "is not trusted");
    wrong(json!({ "iss": null }), "there is no iss");
    wrong(json!({ "sub": null }), "there is no sub");
    wrong(json!({ "aud": "https://else.test" }), "is none of");
    wrong(json!({ "exp": null }), "there is no exp");
    wrong(json!({ "exp": now() - 1 }), "has passed");
    wrong(json!({ "iat": now() + 5 }), "is in the future");
    wrong(json!({ "jti": null }), "there is no jti");
    let forged = Setup {
        key: Key::for_algorithm(JwtAlgorithm::Es256),
        ..Setup::new()
    };
    let audience = json!({ "aud": setup.server.token_url() });
    refused(
        &setup.ask_with(&forged.assertion(audience)),
        "invalid_grant",
        "signature is wrong",
    );
    refused(&setup.ask_with("x"), "invalid_grant", "not a JWT");
    refused(&setup.ask_with(""), "invalid_request", "no assertion");
    let once = setup.assertion(json!({}));
    setup.ask_with(&once).token();
    refused(&setup.ask_with(&once), "invalid_grant", "was used before");
}

#[test]
fn rfc8693_2_1_a_jwt_may_be_the_subject() {
    let setup = Setup::new();
    let exchange = |jwt: &str| {
        let grant = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
        let kind = "urn:ietf:params:oauth:token-type:jwt";
        let body = format!("{grant}&subject_token={jwt}&subject_token_type={kind}");
        ask(&setup.server, form(BASIC, &body))
    };
    exchange(&setup.assertion(json!({}))).token();
    refused(
        &exchange("x"),
        "invalid_request",
        "subject_token: the assertion is not a JWT",
    );
}

#[test]
fn rfc7662_2_1_a_client_may_assert_itself_at_the_endpoint_it_asks() {
    let key = Key::for_algorithm(JwtAlgorithm::Es256);
    let builder = FakeTokenServer::builder();
    let server = builder
        .client_key("c", JwtAlgorithm::Es256, key.pem())
        .start()
        .unwrap();
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let send = |path: &str, audience: String| {
        let claims = json!({
            "iss": "c", "sub": "c", "aud": audience, "exp": now() + 60, "jti": fresh_id(),
        });
        let assertion = key.sign(JwtAlgorithm::Es256, &json!({ "alg": "ES256" }), &claims);
        let body = format!("token=x&client_assertion={assertion}&client_assertion_type={kind}");
        ask(&server, form("", &body).replace("/oauth/token", path)).status
    };
    assert_eq!(send("/oauth/introspect", server.introspection_url()), 200);
    assert_eq!(send("/oauth/revoke", server.token_url()), 200);
    assert_eq!(send("/oauth/revoke", server.issuer()), 200);
    assert_eq!(send("/oauth/revoke", server.introspection_url()), 401);
}

#[test]
fn a_token_may_live_for_ever() {
    let server = FakeTokenServer::builder()
        .jwt_access_tokens()
        .token_lifetime(Duration::MAX)
        .start()
        .unwrap();
    let response = ask(&server, good());
    assert_eq!(response.json()["expires_in"], u64::MAX);
    assert!(server.is_live(&response.token()));
}
