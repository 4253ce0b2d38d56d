//! The life of a token: kept, renewed, replaced when the API refuses it.

use std::sync::Arc;

use http::Method;
use oauth_core::{ClientCredentialsBuilder, JwsAlgorithm, SigningKey, TokenSource as _};

use crate::backend::{Backend, wait};
use crate::server::SERVER;

through_both! {
    one_token_serves_many_calls
    p07_a_revoked_token_is_replaced_within_the_call
    p07_a_revoked_token_that_is_bound_to_a_key_is_replaced_too
    p01_tokens_of_five_seconds_are_renewed_before_anyone_is_refused
}

fn one_token_serves_many_calls(backend: &Backend) {
    let place = &SERVER.plain;
    let source = backend
        .with_secret(place, "basic")
        .build()
        .unwrap()
        .cached();
    let client = backend.client(place, source);
    for _ in 0..10 {
        client.call().token();
    }
    assert_eq!(backend.seen().tokens(), 1);
}

fn p07_a_revoked_token_is_replaced_within_the_call(backend: &Backend) {
    revoke_and_call(backend, || backend.with_secret(&SERVER.plain, "basic"));
    let refusal = "Bearer invalid_token: unknown, expired or revoked";
    assert_eq!(backend.seen().api_errors(), [refusal]);
}

fn p07_a_revoked_token_that_is_bound_to_a_key_is_replaced_too(backend: &Backend) {
    revoke_and_call(backend, || {
        let key = SigningKey::generate(JwsAlgorithm::Es256).unwrap();
        backend.with_secret(&SERVER.plain, "dpop").dpop(key)
    });
    let seen = backend.seen();
    let refusals = seen.api_errors();
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    assert!(
        refusals[0].starts_with("DPoP use_dpop_nonce"),
        "{refusals:?}"
    );
    assert_eq!(
        refusals[1],
        "DPoP invalid_token: unknown, expired or revoked"
    );
}

fn revoke_and_call(backend: &Backend, builder: impl Fn() -> ClientCredentialsBuilder) {
    let place = &SERVER.plain;
    let revocation_url = format!("{}/revocation", place.token_url());
    let source = Arc::new(builder().build().unwrap().cached());
    let client = backend.client(place, Arc::clone(&source));
    assert_eq!(client.call().token()["number"], 1);
    let token = source.ready().unwrap();
    let owner = builder().revocation_url(revocation_url).build().unwrap();
    wait(owner.revoke(&token)).unwrap();
    assert_eq!(client.call().token()["number"], 2);
    assert_eq!(client.call().token()["number"], 2);
    assert_eq!(backend.seen().tokens(), 2);
}

/// Until the third: the whole life of the first is over by then.
fn p01_tokens_of_five_seconds_are_renewed_before_anyone_is_refused(backend: &Backend) {
    let place = &SERVER.plain;
    let source = backend
        .with_secret(place, "short")
        .build()
        .unwrap()
        .cached();
    let client = backend.client(place, source);
    let mut calls = 0;
    while client.send(Method::GET, "?pause=20").token()["number"] != 3 {
        calls += 1;
        assert!(calls < 1000, "no renewal");
    }
    let seen = backend.seen();
    assert_eq!((seen.tokens(), seen.accepted()), (3, calls + 1));
    assert!(seen.api_errors().is_empty(), "{seen:?}");
}
