//! Proofs, and the tokens that are bound to their key.

use std::time::Duration;

use oauth_testkit::{DpopRules, FakeTokenServer, JwtAlgorithm, ManualClock, Reply};
use serde_json::{Value, json};

use crate::jose::{Key, now, sha256, with};
use crate::setup::{Setup, challenged, refused};
use crate::support::{Client, get};

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
