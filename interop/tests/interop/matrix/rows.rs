//! The rows of the matrix: how each asks for a token.

use std::fmt::Write as _;

use oauth_core::{
    AssertionAudience, ClientAuthMethod, ClientCredentialsBuilder, JwsAlgorithm, SecretSource,
    SigningKey, TokenSource as _,
};

use super::Row;
use crate::backend::{Backend, wait};
use crate::server::{Place, SERVER};

rows! {
    basic "`client_secret_basic`"
        |backend| plain(&backend, backend.with_secret(&SERVER.plain, "basic"));
    basic_reserved "`client_secret_basic`, reserved characters in id and secret"
        |backend| plain(&backend, backend.with_secret(&SERVER.plain, "basic-reserved"));
    basic_raw "`client_secret_basic`, raw"
        |backend| plain(&backend, raw(backend.with_secret(&SERVER.plain, "basic")));
    basic_raw_reserved "`client_secret_basic`, raw, reserved characters"
        |backend| refused(&backend, raw(backend.with_secret(&SERVER.plain, "basic-reserved")));
    basic_over_tls "`client_secret_basic`, over TLS"
        |backend| accepted(&backend, &SERVER.tls, backend.with_secret(&SERVER.tls, "basic"));
    post "`client_secret_post`"
        |backend| plain(&backend, post_with(&backend, "post"));
    post_reserved "`client_secret_post`, reserved characters in id and secret"
        |backend| plain(&backend, post_with(&backend, "post-reserved"));
    secret_hs256 "`client_secret_jwt`, HS256"
        |backend| secret_jwt(&backend, JwsAlgorithm::Hs256);
    secret_hs384 "`client_secret_jwt`, HS384"
        |backend| secret_jwt(&backend, JwsAlgorithm::Hs384);
    secret_hs512 "`client_secret_jwt`, HS512"
        |backend| secret_jwt(&backend, JwsAlgorithm::Hs512);
    key_rs256 "`private_key_jwt`, RS256"
        |backend| private_key_jwt(&backend, JwsAlgorithm::Rs256);
    key_rs384 "`private_key_jwt`, RS384"
        |backend| private_key_jwt(&backend, JwsAlgorithm::Rs384);
    key_rs512 "`private_key_jwt`, RS512"
        |backend| private_key_jwt(&backend, JwsAlgorithm::Rs512);
    key_ps256 "`private_key_jwt`, PS256"
        |backend| private_key_jwt(&backend, JwsAlgorithm::Ps256);
    key_ps384 "`private_key_jwt`, PS384"
        |backend| private_key_jwt(&backend, JwsAlgorithm::Ps384);
    key_ps512 "`private_key_jwt`, PS512"
        |backend| private_key_jwt(&backend, JwsAlgorithm::Ps512);
    key_es256 "`private_key_jwt`, ES256"
        |backend| private_key_jwt(&backend, JwsAlgorithm::Es256);
    key_es384 "`private_key_jwt`, ES384"
        |backend| private_key_jwt(&backend, JwsAlgorithm::Es384);
    key_es512 "`private_key_jwt`, ES512"
        |backend| private_key_jwt(&backend, JwsAlgorithm::Es512);
    key_eddsa "`private_key_jwt`, EdDSA"
        |backend| private_key_jwt(&backend, JwsAlgorithm::EdDsa);
    assertion_file "assertion from a file, of somebody else's making"
        |backend| {
            let builder = backend.source(&SERVER.plain, "key-ES256");
            plain(&backend, builder.client_assertion(assertion_file(&backend)))
        };
    issuer_as_audience "`private_key_jwt` for the issuer, which is discovered"
        |backend| {
            let key = key("key-ES256", JwsAlgorithm::Es256);
            let builder = backend.discovering(&SERVER.tls, "key-ES256").private_key(key);
            accepted(&backend, &SERVER.tls, builder.assertion_audience(AssertionAudience::Issuer))
        };
    tls_client_auth "`tls_client_auth`, at the discovered alias"
        |backend| {
            let backend = backend.presenting(&SERVER.certificates.client);
            certificate(&backend, "tls")
        };
    self_signed "`self_signed_tls_client_auth`, at the discovered alias"
        |backend| {
            let backend = backend.presenting(&SERVER.certificates.self_signed);
            certificate(&backend, "self-signed")
        };
    certificate_bound "`tls_client_auth`, token bound to the certificate"
        |backend| {
            let backend = backend.presenting(&SERVER.certificates.client);
            certificate(&backend, "tls-bound")
        };
    without_certificate "`tls_client_auth`, without a certificate"
        |backend| refused(&backend, by_certificate(&backend, "tls"));
    none "`none`"
        |backend| {
            let builder = backend.source(&SERVER.plain, "none");
            plain(&backend, builder.auth_method(ClientAuthMethod::None))
        };
    dpop "DPoP"
        |backend| plain(&backend, backend.with_secret(&SERVER.plain, "dpop").dpop(fresh_key()));
    dpop_over_tls "DPoP, over TLS, the issuer below a path"
        |backend| {
            let builder = backend.discovering(&SERVER.tls, "dpop");
            let builder = builder.client_secret(SERVER.client("dpop").secret());
            accepted(&backend, &SERVER.tls, builder.dpop(fresh_key()))
        };
    dpop_nonce "DPoP, nonce required"
        |backend| {
            let builder = backend.with_secret(&SERVER.plain, "dpop-nonce");
            plain(&backend, builder.dpop(fresh_key()))
        };
    dpop_nonce_with_key "DPoP, nonce required, `private_key_jwt`"
        |backend| {
            let key = key("key-nonce", JwsAlgorithm::Es256);
            let builder = backend.source(&SERVER.plain, "key-nonce").private_key(key);
            plain(&backend, builder.dpop(fresh_key()))
        };
    dpop_missing "token that must be bound, without DPoP"
        |backend| refused(&backend, backend.with_secret(&SERVER.plain, "dpop"));
    discovered "endpoints discovered"
        |backend| {
            let builder = backend.discovering(&SERVER.tls, "post");
            let builder = builder.client_secret(SERVER.client("post").secret());
            let builder = builder.auth_method(ClientAuthMethod::ClientSecretPost);
            accepted(&backend, &SERVER.tls, builder)
        };
    opaque_resource "resource indicator, opaque token"
        |backend| plain(&backend, for_resources(&backend, &["https://opaque.example.com/"]));
    jwt_resource "resource indicator, token that is a JWT"
        |backend| plain(&backend, for_resources(&backend, &["https://jwt.example.com/"]));
    two_resources "two resource indicators"
        |backend| {
            let both = ["https://opaque.example.com/", "https://jwt.example.com/"];
            refused(&backend, for_resources(&backend, &both))
        };
}

fn raw(builder: ClientCredentialsBuilder) -> ClientCredentialsBuilder {
    builder.auth_method(ClientAuthMethod::ClientSecretBasicRaw)
}

fn post_with(backend: &Backend, name: &str) -> ClientCredentialsBuilder {
    let builder = backend.with_secret(&SERVER.plain, name);
    builder.auth_method(ClientAuthMethod::ClientSecretPost)
}

fn secret_jwt(backend: &Backend, algorithm: JwsAlgorithm) -> String {
    let builder = backend.with_secret(&SERVER.plain, &format!("secret-{algorithm}"));
    let builder = builder.auth_method(ClientAuthMethod::ClientSecretJwt);
    plain(backend, builder.hmac_algorithm(algorithm))
}

/// With a key in PEM, as another library wrote it.
fn private_key_jwt(backend: &Backend, algorithm: JwsAlgorithm) -> String {
    let name = format!("key-{algorithm}");
    let builder = backend.source(&SERVER.plain, &name);
    plain(backend, builder.private_key(key(&name, algorithm)))
}

fn key(name: &str, algorithm: JwsAlgorithm) -> SigningKey {
    SigningKey::from_pem(algorithm, &SERVER.client(name).pem()).unwrap()
}

fn fresh_key() -> SigningKey {
    SigningKey::generate(JwsAlgorithm::Es256).unwrap()
}

fn assertion_file(backend: &Backend) -> SecretSource {
    let assertion = backend.assertion("key-ES256", &SERVER.plain.token_url(), None);
    let name = format!(
        "{}-{}.jwt",
        backend.http_library().name(),
        std::process::id()
    );
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, assertion).unwrap();
    SecretSource::file(path)
}

fn for_resources(backend: &Backend, resources: &[&str]) -> ClientCredentialsBuilder {
    let builder = backend.with_secret(&SERVER.plain, "basic");
    let resources = resources.iter().copied();
    resources.fold(builder, ClientCredentialsBuilder::resource)
}

fn by_certificate(backend: &Backend, name: &str) -> ClientCredentialsBuilder {
    let builder = backend.discovering(&SERVER.tls, name);
    builder.auth_method(ClientAuthMethod::TlsClientAuth)
}

fn certificate(backend: &Backend, name: &str) -> String {
    accepted(backend, &SERVER.tls, by_certificate(backend, name))
}

fn plain(backend: &Backend, builder: ClientCredentialsBuilder) -> String {
    accepted(backend, &SERVER.plain, builder)
}

/// Gets a token, calls the API twice, and tells what that found out about the token.
fn accepted(backend: &Backend, place: &Place, builder: ClientCredentialsBuilder) -> String {
    let client = backend.client(place, builder.build().unwrap().cached());
    client.call().token();
    let answer = client.call();
    let token = answer.token();
    assert_eq!(token["asked_by"], backend.name, "{token}");
    assert_eq!(backend.seen().accepted(), 2);
    let say = |member: &str| token[member].as_str().map(|text| format!(", {text}"));
    let mut cell = token["asked"].as_str().unwrap().to_owned();
    cell.extend(["scheme", "format", "audience"].into_iter().filter_map(say));
    if let Some(thing) = token["bound_to"].as_str() {
        let _ = write!(cell, ", bound to a {thing}");
    }
    cell
}

/// Gets no token, and tells why the server gave none.
fn refused(backend: &Backend, builder: ClientCredentialsBuilder) -> String {
    let error = wait(builder.build().unwrap().token()).unwrap_err();
    let code = error.oauth_error().unwrap().code().to_string();
    assert_eq!(backend.seen().token_errors(), [code.as_str()]);
    format!("refused: {code}")
}
