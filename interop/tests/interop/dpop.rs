//! Nonces that both sides require, and that the API replaces with each answer.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use oauth_core::{JwsAlgorithm, SigningKey, TokenSource as _};

use crate::backend::{Backend, wait};
use crate::server::SERVER;

through_both! {
    a_nonce_costs_one_more_request_at_each_side
    keys_of_every_kind_bind_tokens
    the_api_takes_no_bound_token_without_its_proof
}

/// Of all the answers that follow, each brings the nonce for the next request.
fn a_nonce_costs_one_more_request_at_each_side(backend: &Backend) {
    let place = &SERVER.plain;
    let key = SigningKey::generate(JwsAlgorithm::Es256).unwrap();
    let builder = backend.with_secret(place, "dpop-nonce").dpop(key);
    let source = Arc::new(builder.build().unwrap().cached());
    let client = backend.client(place, Arc::clone(&source));
    for round in 1..=2 {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = client.send(method, "?part=of&no=proof");
            assert_eq!(answer.token()["number"], round);
        }
        source.reject(&source.ready().unwrap());
    }
    let seen = backend.seen();
    assert_eq!(seen.token_errors(), ["use_dpop_nonce"]);
    assert_eq!(
        seen.api_errors(),
        ["DPoP use_dpop_nonce: an old nonce, or none"]
    );
    assert_eq!((seen.tokens(), seen.accepted()), (2, 6));
}

fn keys_of_every_kind_bind_tokens(backend: &Backend) {
    let place = &SERVER.plain;
    for name in [
        "key-PS256",
        "key-RS256",
        "key-ES384",
        "key-ES512",
        "key-EdDSA",
    ] {
        let key = SigningKey::from_jwk(&SERVER.client(name).jwk()).unwrap();
        let source = backend
            .with_secret(place, "dpop")
            .dpop(key)
            .build()
            .unwrap();
        let answer = backend.client(place, source.cached()).call();
        assert_eq!(answer.token()["bound_to"], "key", "{name}");
    }
}

/// So that the tests above would fail if there were no proof.
fn the_api_takes_no_bound_token_without_its_proof(backend: &Backend) {
    let place = &SERVER.plain;
    let key = SigningKey::generate(JwsAlgorithm::Es256).unwrap();
    let source = backend
        .with_secret(place, "dpop")
        .dpop(key)
        .build()
        .unwrap();
    let token = wait(source.token()).unwrap();
    let http_client = backend.http_client();
    for scheme in ["Bearer", "DPoP"] {
        let request = Request::get(format!("{}/", place.api))
            .header("authorization", format!("{scheme} {}", token.secret()))
            .body(Bytes::new())
            .unwrap();
        assert_eq!(wait(http_client.send(request)).unwrap().status(), 401);
    }
    let seen = backend.seen();
    let refusals = seen.api_errors();
    assert_eq!(
        refusals[0],
        "Bearer invalid_token: the wrong scheme for this token"
    );
    assert!(
        refusals[1].starts_with("DPoP invalid_dpop_proof"),
        "{refusals:?}"
    );
}
