//! What the server says when it says no, and what a caller learns from it.

use oauth_core::{ClientAuthMethod, Error, ErrorKind, OAuthErrorCode, TokenSource as _};

use crate::backend::{Backend, wait};
use crate::server::SERVER;

through_both! {
    a_wrong_secret_is_told_in_the_words_of_the_server
    raw_basic_with_reserved_characters_is_an_invalid_request
    an_unknown_resource_is_told
    a_scope_that_is_not_granted_is_seen_to_be_missing
    a_token_bound_to_a_certificate_is_refused_from_elsewhere
    a_server_that_nobody_vouches_for_is_not_talked_to
}

/// 401 with a challenge in the header, or 401 without one.
fn a_wrong_secret_is_told_in_the_words_of_the_server(backend: &Backend) {
    let place = &SERVER.plain;
    for (name, method) in [
        ("basic", ClientAuthMethod::ClientSecretBasic),
        ("post", ClientAuthMethod::ClientSecretPost),
    ] {
        let builder = backend.source(place, name).auth_method(method);
        let source = builder.client_secret("of another").build().unwrap();
        let error = wait(source.token()).unwrap_err();
        assert_refused(&error, &OAuthErrorCode::InvalidClient);
        let text = error.to_string();
        assert!(text.contains("client authentication failed"), "{text}");
    }
    assert_eq!(backend.seen().token_errors(), ["invalid_client"; 2]);
}

fn raw_basic_with_reserved_characters_is_an_invalid_request(backend: &Backend) {
    let builder = backend.with_secret(&SERVER.plain, "basic-reserved");
    let source = builder.auth_method(ClientAuthMethod::ClientSecretBasicRaw);
    let error = wait(source.build().unwrap().token()).unwrap_err();
    assert_refused(&error, &OAuthErrorCode::InvalidRequest);
}

fn an_unknown_resource_is_told(backend: &Backend) {
    let builder = backend.with_secret(&SERVER.plain, "basic");
    let source = builder.resource("https://unknown.example.com/");
    let error = wait(source.build().unwrap().token()).unwrap_err();
    assert_refused(&error, &OAuthErrorCode::InvalidTarget);
    assert!(!error.is_retryable());
}

/// Fewer scopes are named in the reply; if none is left, the reply names none.
fn a_scope_that_is_not_granted_is_seen_to_be_missing(backend: &Backend) {
    for (asked, granted) in [("read write", Some("read")), ("write", None)] {
        let builder = backend.with_secret(&SERVER.plain, "basic");
        let source = builder
            .scopes([asked])
            .resource("https://opaque.example.com/")
            .build()
            .unwrap();
        let token = wait(source.token()).unwrap();
        let scopes = token.scopes().map(ToString::to_string);
        assert_eq!(scopes.as_deref(), granted);
    }
}

/// By the API: the token is not healed by another one that is bound in the same way, and the answer is ours.
fn a_token_bound_to_a_certificate_is_refused_from_elsewhere(backend: &Backend) {
    let place = &SERVER.tls;
    let owner = Backend::new(backend.http_library(), "the owner of a certificate");
    let source = owner
        .presenting(&SERVER.certificates.client)
        .discovering(place, "tls-bound")
        .auth_method(ClientAuthMethod::TlsClientAuth);
    let client = backend.client(place, source.build().unwrap().cached());
    assert_eq!(client.call().status, 401);
    let refusal = "Bearer invalid_token: bound to another certificate";
    assert_eq!(backend.seen().api_errors(), [refusal; 2]);
}

/// RFC 6750 §5.3.
fn a_server_that_nobody_vouches_for_is_not_talked_to(backend: &Backend) {
    let stranger = Backend::distrusting(backend.http_library(), &backend.name);
    let source = stranger.with_secret(&SERVER.tls, "basic").build().unwrap();
    let error = wait(source.token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
}

#[track_caller]
fn assert_refused(error: &Error, code: &OAuthErrorCode) {
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert_eq!(error.oauth_error().map(|error| error.code()), Some(code));
}
