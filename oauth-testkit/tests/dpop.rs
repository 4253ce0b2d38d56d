//! DPoP (RFC 9449): proofs, bound tokens and nonces, right and wrong in each way there is.
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

use jose::{Key, fresh_id, now, sha256, with};
use oauth_testkit::{DpopNonce, DpopRules, FakeTokenServer, JwtAlgorithm, ManualClock, Reply};
use serde_json::{Value, json};
use support::{BASIC, Client, GRANT, Response, form, get};

/// A client with a key, and a server.
struct Setup {
    server: FakeTokenServer,
    key: Key,
    algorithm: JwtAlgorithm,
}

/// The authority of a URL.
fn host(url: &str) -> &str {
    url.split('/').nth(2).unwrap()
}

impl Setup {
    fn new(rules: DpopRules) -> Self {
        Self {
            server: FakeTokenServer::builder().dpop(rules).start().unwrap(),
            key: Key::for_algorithm(JwtAlgorithm::Es256),
            algorithm: JwtAlgorithm::Es256,
        }
    }

    fn plain() -> Self {
        Self::new(DpopRules::new())
    }

    fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": self.algorithm.name(), "jwk": self.key.jwk() })
    }

    fn claims(&self) -> Value {
        json!({
            "jti": fresh_id(), "htm": "POST", "htu": self.server.token_url(), "iat": now(),
        })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.key.sign(self.algorithm, header, claims)
    }

    /// A token request with these lines in its head.
    fn ask_with_lines(&self, lines: &str) -> Response {
        let request = form(&format!("{BASIC}{lines}"), GRANT);
        let url = self.server.token_url();
        let request = request.replace("Host: localhost", &format!("Host: {}", host(&url)));
        Client::to(&url).exchange(request)
    }

    fn ask_with_proof(&self, proof: &str) -> Response {
        self.ask_with_lines(&format!("DPoP: {proof}\r\n"))
    }

    /// A token request with the right proof but for these claims.
    fn ask(&self, changes: Value) -> Response {
        self.ask_with_proof(&self.sign(&self.header(), &with(self.claims(), changes)))
    }

    fn ask_with_header(&self, changes: Value) -> Response {
        self.ask_with_proof(&self.sign(&with(self.header(), changes), &self.claims()))
    }

    /// An API request with the right proof but for these claims.
    fn call(&self, token: &str, changes: Value) -> Response {
        let claims = json!({
            "jti": fresh_id(), "htm": "GET", "htu": self.server.api_url_for("/users"),
            "iat": now(), "ath": sha256(token),
        });
        let proof = self.sign(&self.header(), &with(claims, changes));
        self.call_with(token, &format!("DPoP: {proof}\r\n"))
    }

    fn call_with(&self, token: &str, lines: &str) -> Response {
        let url = self.server.api_url();
        let request = get("/users?page=2", token)
            .replace("Bearer", "DPoP")
            .replace(
                "Host: localhost\r\n",
                &format!("Host: {}\r\n{lines}", host(&url)),
            );
        Client::to(&url).exchange(request)
    }
}

#[track_caller]
fn refused(response: &Response, error: &str, description: &str) {
    assert_eq!((response.status, response.error().as_str()), (400, error));
    let told = response.json()["error_description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        told.contains(description),
        "{told:?} is not {description:?}"
    );
}

#[track_caller]
fn challenged(response: &Response, error: &str, description: &str) {
    assert_eq!(response.status, 401);
    let told = response.header("WWW-Authenticate").unwrap();
    assert!(
        told.starts_with("DPoP realm=\"api\", algs=\"RS256 "),
        "{told}"
    );
    assert!(told.contains(&format!("error=\"{error}\"")), "{told}");
    assert!(
        told.contains(description),
        "{told:?} is not {description:?}"
    );
}

#[test]
fn a_proof_binds_the_token_to_its_key_with_every_algorithm() {
    for algorithm in JwtAlgorithm::ALL {
        if algorithm.name().starts_with("HS") {
            continue;
        }
        let setup = Setup {
            key: Key::for_algorithm(algorithm),
            algorithm,
            ..Setup::plain()
        };
        let response = setup.ask(json!({}));
        assert_eq!(response.json()["token_type"], "DPoP", "{algorithm}");
        let token = response.token();
        assert_eq!(setup.call(&token, json!({})).status, 200, "{algorithm}");
    }
}

#[test]
fn without_a_proof_the_token_is_a_bearer_token_unless_one_is_required() {
    let setup = Setup::plain();
    let response = setup.ask_with_lines("");
    assert_eq!(response.json()["token_type"], "Bearer");
    let strict = Setup::new(DpopRules::new().required());
    refused(
        &strict.ask_with_lines(""),
        "invalid_dpop_proof",
        "there is no DPoP proof",
    );
    strict.ask(json!({})).token();
}

#[test]
fn a_server_may_know_nothing_of_it() {
    let setup = Setup::new(DpopRules::unknown());
    let response = setup.ask_with_proof("nonsense");
    assert_eq!(response.json()["token_type"], "Bearer");
    let token = response.token();
    let by_dpop = setup.call(&token, json!({}));
    assert_eq!(
        by_dpop.header("WWW-Authenticate"),
        Some("Bearer realm=\"api\"")
    );
}

#[test]
fn a_downgrade_can_be_scripted() {
    let setup = Setup::plain();
    setup
        .server
        .next_token_reply(Reply::token().field("token_type", "Bearer"));
    let response = setup.ask(json!({}));
    assert_eq!(response.json()["token_type"], "Bearer");
    // It is what it says.
    let mut api = Client::to(&setup.server.api_url());
    assert_eq!(api.exchange(get("/", &response.token())).status, 200);
}

#[test]
fn the_header_has_to_be_right() {
    let setup = Setup::plain();
    let wrong = |changes: Value, description: &str| {
        refused(
            &setup.ask_with_header(changes),
            "invalid_dpop_proof",
            description,
        );
    };
    wrong(json!({ "typ": null }), "there is no typ");
    wrong(json!({ "typ": "JWT" }), "is not dpop+jwt");
    wrong(json!({ "alg": null }), "no alg");
    wrong(json!({ "alg": "none" }), "is not supported");
    wrong(json!({ "alg": "HS256" }), "has no public key");
    wrong(json!({ "alg": "ES384" }), "is not a key for ES384");
    wrong(json!({ "crit": ["x"] }), "crit");
    wrong(json!({ "jwk": null }), "no jwk");
    wrong(json!({ "jwk": "text" }), "no jwk");
    let private = with(setup.key.jwk(), json!({ "d": "c2VjcmV0" }));
    wrong(json!({ "jwk": private }), "it is a private key");
    let other = Key::for_algorithm(JwtAlgorithm::Es256).jwk();
    wrong(json!({ "jwk": other }), "the signature is wrong");
    // The log does not repeat what the client should not have told.
    let shown = format!("{:?}", setup.server.token_requests());
    assert!(
        shown.contains("<redacted>") && !shown.contains("c2VjcmV0"),
        "{shown}"
    );
}

#[test]
fn what_is_no_proof_or_comes_twice_is_refused() {
    let setup = Setup::plain();
    refused(
        &setup.ask_with_proof("x"),
        "invalid_dpop_proof",
        "not a JWT",
    );
    let proof = || setup.sign(&setup.header(), &setup.claims());
    let twice = format!("DPoP: {}\r\nDPoP: {}\r\n", proof(), proof());
    refused(
        &setup.ask_with_lines(&twice),
        "invalid_dpop_proof",
        "more than one",
    );
}

#[test]
fn the_claims_have_to_be_right() {
    let setup = Setup::plain();
    let wrong = |changes: Value, description: &str| {
        refused(&setup.ask(changes), "invalid_dpop_proof", description);
    };
    wrong(json!({ "jti": null }), "there is no jti");
    wrong(json!({ "htm": null }), "there is no htm");
    wrong(json!({ "htm": "GET" }), "htm \"GET\" is not POST");
    wrong(json!({ "htm": "post" }), "is not POST");
    wrong(json!({ "htu": null }), "there is no htu");
    wrong(json!({ "iat": null }), "there is no iat");
    wrong(json!({ "iat": "now" }), "iat is not a number");
    wrong(json!({ "iat": now() + 5 }), "is in the future");
    wrong(json!({ "iat": now() - 70 }), "is too long ago");
    setup.ask(json!({ "iat": now() - 50 })).token();
}

#[test]
fn the_target_is_compared_normalised() {
    let setup = Setup::plain();
    let url = setup.server.token_url();
    let target = |htu: String| setup.ask(json!({ "htu": htu }));
    target(url.replace("http:", "HTTP:")).token();
    target(url.replace("token", "%74oken")).token();
    for wrong in [
        format!("{url}/"),
        url.replace("http:", "https:"),
        url.replace("127.0.0.1", "localhost"),
        url.replace("/oauth/", "/OAuth/"),
        setup.server.api_url(),
        "/oauth/token".to_owned(),
    ] {
        refused(&target(wrong), "invalid_dpop_proof", "htu");
    }
    for wrong in [format!("{url}?"), format!("{url}#x")] {
        refused(
            &target(wrong),
            "invalid_dpop_proof",
            "has a query or a fragment",
        );
    }
}

#[test]
fn a_proof_is_good_once() {
    let setup = Setup::plain();
    let claims = setup.claims();
    let proof = || setup.sign(&setup.header(), &claims);
    setup.ask_with_proof(&proof()).token();
    refused(
        &setup.ask_with_proof(&proof()),
        "invalid_dpop_proof",
        "was used before",
    );
    // Another key may have used the same id.
    let other = Setup {
        key: Key::for_algorithm(JwtAlgorithm::Es256),
        ..setup
    };
    let proof = other.sign(&other.header(), &claims);
    other.ask_with_proof(&proof).token();
}

#[test]
fn the_servers_clock_judges_the_age() {
    let clock = ManualClock::new();
    let rules = DpopRules::new().max_age(Duration::from_secs(10));
    let setup = Setup {
        server: FakeTokenServer::builder()
            .dpop(rules)
            .clock(clock.clone())
            .start()
            .unwrap(),
        ..Setup::plain()
    };
    let start = 1_750_000_000;
    setup.ask(json!({ "iat": start })).token();
    refused(
        &setup.ask(json!({ "iat": start + 1 })),
        "invalid_dpop_proof",
        "in the future",
    );
    clock.advance(Duration::from_secs(10));
    setup.ask(json!({ "iat": start })).token();
    clock.advance(Duration::from_secs(1));
    refused(
        &setup.ask(json!({ "iat": start })),
        "invalid_dpop_proof",
        "too long ago",
    );
}

#[test]
fn at_the_api_the_proof_has_to_fit_the_request_and_the_token() {
    let setup = Setup::plain();
    let token = setup.ask(json!({})).token();
    let wrong = |changes: Value, description: &str| {
        challenged(
            &setup.call(&token, changes),
            "invalid_dpop_proof",
            description,
        );
    };
    wrong(json!({ "ath": null }), "there is no ath");
    wrong(json!({ "ath": sha256("other") }), "ath is not the hash");
    wrong(json!({ "htm": "POST" }), "is not GET");
    wrong(json!({ "htu": setup.server.token_url() }), "htu");
    wrong(
        json!({ "htu": setup.server.api_url_for("/users?page=2") }),
        "has a query",
    );
    challenged(
        &setup.call_with(&token, ""),
        "invalid_dpop_proof",
        "there is no DPoP proof",
    );
    assert_eq!(setup.call(&token, json!({})).status, 200);
    let seen = setup.server.api_requests().pop().unwrap();
    assert_eq!(seen.dpop_proof().unwrap().claims()["htm"], "GET");
    assert!(seen.token_was_live());
    assert_eq!(seen.header("dpop"), Some("<redacted>"));
}

#[test]
fn a_bound_token_is_good_with_its_key_alone() {
    let setup = Setup::plain();
    let bound = setup.ask(json!({})).token();
    let mut api = Client::to(&setup.server.api_url());
    let as_bearer = api.exchange(get("/users", &bound));
    challenged(
        &as_bearer,
        "invalid_token",
        "bound to a key, and there is no DPoP proof",
    );
    let bearer = setup.ask_with_lines("").token();
    challenged(
        &setup.call(&bearer, json!({})),
        "invalid_token",
        "not bound to a key",
    );
    setup.server.revoke(&bound);
    challenged(
        &setup.call(&bound, json!({})),
        "invalid_token",
        "was revoked",
    );
    challenged(
        &setup.call("made-up", json!({})),
        "invalid_token",
        "is unknown",
    );

    let bound = setup.ask(json!({})).token();
    let thief = Setup {
        key: Key::for_algorithm(JwtAlgorithm::Es256),
        ..setup
    };
    challenged(
        &thief.call(&bound, json!({})),
        "invalid_token",
        "bound to another key",
    );
}

#[test]
fn a_required_proof_is_asked_for_where_there_is_no_token() {
    let setup = Setup::new(DpopRules::new().required());
    let mut api = Client::to(&setup.server.api_url());
    let bare = api.exchange("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let challenge = bare.header("WWW-Authenticate").unwrap();
    assert!(
        challenge.starts_with("DPoP realm=") && !challenge.contains("error"),
        "{challenge}"
    );
}

fn nonce_of(response: &Response) -> String {
    response.header("DPoP-Nonce").expect("a nonce").to_owned()
}

#[test]
fn a_nonce_is_asked_for_given_and_renewed() {
    let setup = Setup::new(DpopRules::new().nonce_at_token_endpoint(DpopNonce::Required));
    let asked = setup.ask(json!({}));
    refused(&asked, "use_dpop_nonce", "the proof has no nonce");
    let nonce = nonce_of(&asked);
    let granted = setup.ask(json!({ "nonce": nonce }));
    let token = granted.token();
    // It is good for more than one request, and every response says which it is.
    assert_eq!(nonce_of(&granted), nonce);
    setup.ask(json!({ "nonce": nonce })).token();
    refused(
        &setup.ask(json!({ "nonce": "made-up" })),
        "use_dpop_nonce",
        "not the server's",
    );

    setup.server.renew_dpop_nonces();
    setup.server.next_token_reply(Reply::status(503));
    let failed = setup.ask(json!({ "nonce": nonce }));
    assert_eq!(failed.status, 503);
    let renewed = nonce_of(&failed);
    assert_ne!(renewed, nonce);
    refused(
        &setup.ask(json!({ "nonce": nonce })),
        "use_dpop_nonce",
        "not the server's",
    );
    setup.ask(json!({ "nonce": renewed })).token();
    // The API wants none and gives none.
    let served = setup.call(&token, json!({}));
    assert_eq!((served.status, served.header("DPoP-Nonce")), (200, None));
    assert_eq!(
        setup.server.token_requests()[1]
            .dpop_proof()
            .unwrap()
            .claims()["nonce"],
        nonce
    );
}

#[test]
fn the_nonces_of_the_two_origins_are_not_the_same() {
    let rules = DpopRules::new()
        .nonce_at_token_endpoint(DpopNonce::Required)
        .nonce_at_api(DpopNonce::Required);
    let setup = Setup::new(rules);
    let of_server = nonce_of(&setup.ask(json!({})));
    let token = setup.ask(json!({ "nonce": of_server })).token();
    let asked = setup.call(&token, json!({ "nonce": of_server }));
    challenged(&asked, "use_dpop_nonce", "not the server's");
    let of_api = nonce_of(&asked);
    assert_ne!(of_api, of_server);
    assert_eq!(setup.call(&token, json!({ "nonce": of_api })).status, 200);
    refused(
        &setup.ask(json!({ "nonce": of_api })),
        "use_dpop_nonce",
        "not the server's",
    );
}

#[test]
fn a_nonce_may_be_good_once() {
    let rules = DpopRules::new().nonce_at_api(DpopNonce::OneTime);
    let setup = Setup::new(rules);
    let token = setup.ask(json!({})).token();
    let first = nonce_of(&setup.call(&token, json!({})));
    let served = setup.call(&token, json!({ "nonce": first }));
    assert_eq!(served.status, 200);
    challenged(
        &setup.call(&token, json!({ "nonce": first })),
        "use_dpop_nonce",
        "no longer",
    );
    let second = nonce_of(&served);
    assert_eq!(setup.call(&token, json!({ "nonce": second })).status, 200);
    let third = nonce_of(&setup.call(&token, json!({})));
    setup.server.renew_dpop_nonces();
    challenged(
        &setup.call(&token, json!({ "nonce": third })),
        "use_dpop_nonce",
        "no longer",
    );
}

#[test]
fn an_attempt_with_a_nonce_needs_another_proof_id() {
    let setup = Setup::new(DpopRules::new().nonce_at_token_endpoint(DpopNonce::Required));
    let id = fresh_id();
    let nonce = nonce_of(&setup.ask(json!({ "jti": id })));
    let again = setup.ask(json!({ "jti": id, "nonce": nonce }));
    refused(&again, "invalid_dpop_proof", "was used before");
}

#[test]
fn a_nonce_can_be_scripted() {
    let setup = Setup::new(DpopRules::new().nonce_at_api(DpopNonce::Required));
    let token = setup.ask(json!({})).token();
    let reply = Reply::status(204).header("DPoP-Nonce", "scripted");
    setup.server.next_api_reply(reply);
    let response = setup.call(&token, json!({}));
    assert_eq!(nonce_of(&response), "scripted");
    assert_eq!(response.head.matches("DPoP-Nonce").count(), 1);
}
