//! The endpoints beside the one for tokens: metadata (RFC 8414), introspection (RFC 7662), revocation (RFC 7009).

use std::error::Error as _;

use oauth_core::{ClientCredentials, DiscoveryError, Error, ErrorKind, TokenSource as _};

use crate::backend::{Backend, wait};
use crate::server::{Place, SERVER};

through_both! {
    a_token_is_asked_about_and_given_back
    metadata_is_found_at_the_place_of_openid_connect
    another_name_of_the_host_is_another_issuer
    an_issuer_without_metadata_is_told
}

fn a_token_is_asked_about_and_given_back(backend: &Backend) {
    for place in [&SERVER.plain, &SERVER.tls] {
        let source = discovering(backend, place).scopes(["read"]);
        let source = source.build().unwrap();
        let token = wait(source.token()).unwrap();
        let about = wait(source.introspect(&token)).unwrap();
        assert!(about.is_active());
        assert_eq!(about.client_id(), Some("basic"));
        assert_eq!(
            about.scopes().map(|scopes| scopes.to_string()).as_deref(),
            Some("read")
        );
        assert!(about.expires_at().is_some());
        assert_eq!(about.member("iss").unwrap(), &place.issuer);
        wait(source.revoke(&token)).unwrap();
        assert!(!wait(source.introspect(&token)).unwrap().is_active());
        // RFC 7009 §2.2: that it is gone already is no error.
        wait(source.revoke(&token)).unwrap();
    }
}

/// This server has none at the place of RFC 8414. One issuer is a whole origin, the other has a path.
fn metadata_is_found_at_the_place_of_openid_connect(backend: &Backend) {
    for place in [&SERVER.plain, &SERVER.tls] {
        let source = discovering(backend, place).build().unwrap();
        let metadata = wait(source.metadata()).unwrap().unwrap();
        assert_eq!(metadata.issuer(), place.issuer);
        assert_eq!(
            metadata.token_endpoint().unwrap().to_string(),
            place.token_url()
        );
        let methods = metadata.token_endpoint_auth_methods_supported().unwrap();
        assert!(
            methods.iter().any(|method| method == "private_key_jwt"),
            "{methods:?}"
        );
    }
}

fn another_name_of_the_host_is_another_issuer(backend: &Backend) {
    let named = &SERVER.plain.issuer;
    let reached = named.replace("127.0.0.1", "localhost");
    let builder = || {
        ClientCredentials::discover(&reached, "basic")
            .client_secret(SERVER.client("basic").secret())
            .http_client(backend.http_client())
    };
    let error = wait(builder().build().unwrap().token()).unwrap_err();
    assert!(
        matches!(cause(&error), DiscoveryError::OtherIssuer { found, .. } if found == named),
        "{error:?}"
    );
    wait(builder().expected_issuer(named).build().unwrap().token()).unwrap();
}

fn an_issuer_without_metadata_is_told(backend: &Backend) {
    let (origin, _) = SERVER.tls.issuer.rsplit_once('/').unwrap();
    let source = ClientCredentials::discover(origin, "basic")
        .client_secret(SERVER.client("basic").secret())
        .http_client(backend.http_client());
    let error = wait(source.build().unwrap().token()).unwrap_err();
    assert!(
        matches!(cause(&error), DiscoveryError::NotFound { status, .. } if *status == 404),
        "{error:?}"
    );
}

fn discovering(backend: &Backend, place: &Place) -> oauth_core::ClientCredentialsBuilder {
    let builder = backend.discovering(place, "basic");
    builder.client_secret(SERVER.client("basic").secret())
}

#[track_caller]
fn cause(error: &Error) -> &DiscoveryError {
    assert_eq!(error.kind(), ErrorKind::Discovery, "{error:?}");
    error.source().unwrap().downcast_ref().unwrap()
}
