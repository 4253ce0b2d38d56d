//! What this server makes of client assertions (RFC 7523), ours and others.

use oauth_core::{
    AssertionAudience, Error, JwsAlgorithm, OAuthErrorCode, SigningKey, TokenSource as _,
};

use crate::backend::{Backend, wait};
use crate::server::SERVER;

through_both! {
    each_attempt_has_a_jti_of_its_own
    an_assertion_is_good_for_one_request
    keys_are_named_or_not
    the_audience_is_the_endpoint_or_the_issuer
    every_key_is_read_from_a_jwk_too
}

const NAME: &str = "key-ES256";

fn each_attempt_has_a_jti_of_its_own(backend: &Backend) {
    let key = SigningKey::from_pem(JwsAlgorithm::Es256, &SERVER.client(NAME).pem()).unwrap();
    let builder = backend.source(&SERVER.plain, NAME).private_key(key);
    let source = builder.build().unwrap();
    for _ in 0..3 {
        wait(source.token()).unwrap();
    }
}

/// So that the test above would fail if ours were not fresh.
fn an_assertion_is_good_for_one_request(backend: &Backend) {
    let assertion = backend.assertion(NAME, &SERVER.plain.token_url(), None);
    let builder = backend
        .source(&SERVER.plain, NAME)
        .client_assertion(assertion);
    let source = builder.build().unwrap();
    wait(source.token()).unwrap();
    assert_unknown_client(&wait(source.token()).unwrap_err());
}

fn keys_are_named_or_not(backend: &Backend) {
    for (key_id, is_good) in [
        (None, true),
        (Some("ES256-1"), true),
        (Some("of another"), false),
    ] {
        let registered = SERVER.client(NAME);
        let mut key = SigningKey::from_pem(JwsAlgorithm::Es256, &registered.pem()).unwrap();
        if let Some(key_id) = key_id {
            key = key.with_key_id(key_id);
        }
        let ours = backend.source(&SERVER.plain, NAME).private_key(key);
        let outcome = wait(ours.build().unwrap().token());
        assert_eq!(outcome.is_ok(), is_good, "{key_id:?}: {outcome:?}");
        // Theirs is treated alike.
        let theirs = backend.assertion(NAME, &SERVER.plain.token_url(), key_id);
        let theirs = backend.source(&SERVER.plain, NAME).client_assertion(theirs);
        let outcome = wait(theirs.build().unwrap().token());
        assert_eq!(outcome.is_ok(), is_good, "{key_id:?}: {outcome:?}");
    }
}

fn the_audience_is_the_endpoint_or_the_issuer(backend: &Backend) {
    let place = &SERVER.plain;
    let with = |audience: AssertionAudience| {
        let key = SigningKey::from_jwk(&SERVER.client(NAME).jwk()).unwrap();
        let builder = backend.source(place, NAME).private_key(key);
        let source = builder.assertion_audience(audience).build().unwrap();
        wait(source.token())
    };
    with(AssertionAudience::TokenEndpoint).unwrap();
    with(AssertionAudience::Exactly(place.issuer.clone())).unwrap();
    let elsewhere = "https://elsewhere.example.com/token".to_owned();
    assert_unknown_client(&with(AssertionAudience::Exactly(elsewhere)).unwrap_err());
}

/// As another library writes it, with all the numbers of an RSA key.
fn every_key_is_read_from_a_jwk_too(backend: &Backend) {
    for name in [
        "key-RS256",
        "key-ES256",
        "key-ES384",
        "key-ES512",
        "key-EdDSA",
    ] {
        let key = SigningKey::from_jwk(&SERVER.client(name).jwk()).unwrap();
        let source = backend.source(&SERVER.plain, name).private_key(key);
        let outcome = wait(source.build().unwrap().token());
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
}

#[track_caller]
fn assert_unknown_client(error: &Error) {
    let code = error.oauth_error().map(|error| error.code());
    assert_eq!(code, Some(&OAuthErrorCode::InvalidClient), "{error:?}");
}
