//! Nonces (RFC 9449 §8 and §9).

use oauth_testkit::{DpopNonce, DpopRules, Reply};
use serde_json::json;

use crate::jose::fresh_id;
use crate::setup::{Setup, challenged, refused};
use crate::support::Response;

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
