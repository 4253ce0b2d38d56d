//! What the server says of itself (RFC 8414), right and wrong on request.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::panic::catch_unwind;

use oauth_testkit::{ClientAuthMethod, FakeTokenServer, Reply, TokenMatch};
use serde_json::{Value, json};
use support::{BASIC, Client, GRANT, Response, ask, form, good};

fn fetch(url: &str) -> Response {
    let path_at = url.find("//").unwrap() + 2;
    let path_at = path_at + url[path_at..].find('/').unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &url[path_at..]
    );
    Client::to(url).exchange(request)
}

#[test]
fn rfc8414_3_1_an_issuer_without_path_has_its_metadata_at_the_well_known_path() {
    let server = FakeTokenServer::start().unwrap();
    let origin = server.token_url().replace("/oauth/token", "");
    assert_eq!(server.issuer(), origin);
    let url = format!("{origin}/.well-known/oauth-authorization-server");
    assert_eq!(server.metadata_url(), url);
    let response = fetch(&url);
    assert_eq!(response.header("Content-Type"), Some("application/json"));
    let document = response.json();
    assert_eq!(document, server.metadata());
    assert_eq!(document["issuer"], origin);
    assert_eq!(document["token_endpoint"], server.token_url());
    assert_eq!(
        document["introspection_endpoint"],
        server.introspection_url()
    );
    assert_eq!(document["revocation_endpoint"], server.revocation_url());
    assert_eq!(document["response_types_supported"], json!([]));
    assert_eq!(
        document["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post"])
    );
    let grants = document["grant_types_supported"].as_array().unwrap();
    assert!(grants.contains(&"client_credentials".into()));
    assert_eq!(document.get("jwks_uri"), None);
    assert_eq!(document.get("mtls_endpoint_aliases"), None);
    // OpenID Connect Discovery 1.0 §4.
    assert_eq!(
        fetch(&format!("{origin}/.well-known/openid-configuration")).json(),
        document
    );
    server.assert_token_requests(0);
    assert_eq!(server.other_requests().len(), 2);
    assert_eq!(server.other_requests()[0].status(), Some(200));
    server.clear_log();
    assert!(server.other_requests().is_empty());
}

#[test]
fn rfc8414_3_1_the_well_known_path_stands_before_that_of_the_issuer() {
    let server = FakeTokenServer::builder()
        .issuer_path("/t1")
        .start()
        .unwrap();
    let origin = server.token_url().replace("/oauth/token", "");
    assert_eq!(server.issuer(), format!("{origin}/t1"));
    let url = format!("{origin}/.well-known/oauth-authorization-server/t1");
    assert_eq!(server.metadata_url(), url);
    assert_eq!(fetch(&url).json()["issuer"], server.issuer());
    let openid = fetch(&format!("{origin}/t1/.well-known/openid-configuration"));
    assert_eq!(openid.json()["issuer"], server.issuer());
    for nowhere in [
        "/.well-known/oauth-authorization-server",
        "/t1/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration/t1",
        "/.well-known/openid-configuration",
    ] {
        assert_eq!(
            fetch(&format!("{origin}{nowhere}")).status,
            404,
            "{nowhere}"
        );
    }
}

#[test]
fn metadata_can_be_wrong_in_any_way() {
    let server = FakeTokenServer::start().unwrap();
    let url = server.metadata_url();
    let mut document = server.metadata();
    document.as_object_mut().unwrap().remove("token_endpoint");
    document["issuer"] = format!("{}/", server.issuer()).into();
    server.next_metadata_reply(Reply::usual().json(document.clone()));
    server.next_metadata_reply(Reply::status(404));
    server.next_metadata_reply(Reply::html());
    assert_eq!(fetch(&url).json(), document);
    assert_eq!(fetch(&url).status, 404);
    assert!(fetch(&url).body.starts_with(b"<!DOCTYPE"));
    assert_eq!(fetch(&url).json(), server.metadata());
    server.always_metadata_reply(Reply::status(503));
    assert_eq!((fetch(&url).status, fetch(&url).status), (503, 503));
    server.reset_replies();
    assert_eq!(fetch(&url).status, 200);
    // None of it was for the token endpoint.
    ask(&server, good()).token();
}

#[test]
fn a_slash_may_be_doubled() {
    let server = FakeTokenServer::builder().doubled_slash().start().unwrap();
    let document: Value = fetch(&server.metadata_url()).json();
    let url = document["token_endpoint"].as_str().unwrap().to_owned();
    assert!(url.ends_with("//oauth/token"), "{url}");
    assert_eq!(url, server.token_url());
    ask(&server, good().replace("/oauth/token", "//oauth/token")).token();
    assert_eq!(ask(&server, good()).status, 404);
}

#[test]
fn the_issuer_may_be_on_another_host_name() {
    let server = FakeTokenServer::builder()
        .host("localhost")
        .start()
        .unwrap();
    assert!(server.issuer().starts_with("http://localhost:"));
    assert!(server.api_url().starts_with("http://localhost:"));
    assert_eq!(
        fetch(&server.metadata_url()).json()["issuer"],
        server.issuer()
    );
}

#[test]
fn metadata_are_for_get() {
    let server = FakeTokenServer::start().unwrap();
    let post = form(BASIC, GRANT).replace("/oauth/token", "/.well-known/openid-configuration");
    let response = ask(&server, post);
    assert_eq!(
        (response.status, response.header("Allow")),
        (405, Some("GET, HEAD"))
    );
}

#[test]
fn scopes_are_told_if_they_are_registered() {
    let server = FakeTokenServer::builder()
        .scopes(["a", "b"])
        .start()
        .unwrap();
    assert_eq!(server.metadata()["scopes_supported"], json!(["a", "b"]));
}

#[cfg(feature = "jose")]
#[test]
fn what_is_signed_is_told() {
    use oauth_testkit::{ClientAuthMethod, DpopRules};
    let builder = || FakeTokenServer::builder();
    let server = builder()
        .accept_auth(ClientAuthMethod::SecretJwt)
        .start()
        .unwrap();
    let document = server.metadata();
    assert_eq!(
        document["token_endpoint_auth_signing_alg_values_supported"],
        json!(["HS256", "HS384", "HS512"])
    );
    let dpop = document["dpop_signing_alg_values_supported"]
        .as_array()
        .unwrap();
    assert!(dpop.contains(&"ES512".into()) && !dpop.contains(&"HS256".into()));
    assert_eq!(document.get("jwks_uri"), None);
    assert_eq!(fetch(&server.jwks_url()).status, 404);
    let signing = builder()
        .jwt_access_tokens()
        .dpop(DpopRules::unknown())
        .start()
        .unwrap();
    assert_eq!(signing.metadata()["jwks_uri"], signing.jwks_url());
    assert_eq!(
        signing.metadata().get("dpop_signing_alg_values_supported"),
        None
    );
}

#[cfg(feature = "tls")]
#[test]
fn rfc8705_5_the_origin_for_certificates_is_told() {
    use oauth_testkit::CertificateSubject;
    let subject = CertificateSubject::Dn("CN=x".to_owned());
    let server = FakeTokenServer::builder()
        .tls_client("x", subject)
        .certificate_bound_tokens()
        .start()
        .unwrap();
    let document = server.metadata();
    let alias = server.mtls_token_url().unwrap();
    assert_ne!(alias, server.token_url());
    assert_eq!(document["mtls_endpoint_aliases"]["token_endpoint"], alias);
    assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
    let methods = document["token_endpoint_auth_methods_supported"]
        .as_array()
        .unwrap();
    assert!(methods.contains(&"tls_client_auth".into()));
}

#[cfg(feature = "jose")]
#[test]
fn whatever_is_beside_the_token_endpoint_can_be_told_to_misbehave_for_good() {
    let server = FakeTokenServer::builder()
        .jwt_access_tokens()
        .start()
        .unwrap();
    server.always_introspection_reply(Reply::status(501));
    server.always_revocation_reply(Reply::status(502));
    server.always_jwks_reply(Reply::status(503));
    server.next_jwks_reply(Reply::status(504));
    let post = |path: &str| {
        let body = "token=x";
        let request = form(BASIC, body).replace("/oauth/token", path);
        ask(&server, request).status
    };
    for _ in 0..2 {
        assert_eq!(post("/oauth/introspect"), 501);
        assert_eq!(post("/oauth/revoke"), 502);
    }
    assert_eq!(fetch(&server.jwks_url()).status, 504);
    assert_eq!(fetch(&server.jwks_url()).status, 503);
    server.reset_replies();
    assert_eq!(post("/oauth/introspect"), 200);
    assert_eq!(post("/oauth/revoke"), 200);
    assert_eq!(fetch(&server.jwks_url()).json()["keys"][0]["kty"], "EC");
}

#[test]
fn requests_beside_the_token_endpoint_are_waited_for_counted_and_expected() {
    let server = FakeTokenServer::start().unwrap();
    server
        .expect_other(TokenMatch::path("/oauth/introspect"))
        .times(1);
    server
        .expect_other(TokenMatch::path("/oauth/revoke"))
        .never();
    let introspect = || {
        let request = form(BASIC, "token=x").replace("/oauth/token", "/oauth/introspect");
        ask(&server, request);
    };
    std::thread::scope(|scope| {
        scope.spawn(introspect);
        server.await_other_requests(1);
    });
    server.verify();
    fetch(&server.metadata_url());
    server.assert_other_requests(2);
    introspect();
    let miscounted = catch_unwind(|| server.assert_other_requests(1)).unwrap_err();
    let miscounted = miscounted.downcast::<String>().unwrap();
    assert!(miscounted.contains("#3 POST /oauth/introspect"));
    let unmet = catch_unwind(|| drop(server)).unwrap_err();
    let unmet = unmet.downcast::<String>().unwrap();
    let first = unmet.lines().next().unwrap();
    assert_eq!(
        first,
        "expected 1 other requests (path /oauth/introspect), there were 2:"
    );
}

#[test]
fn a_method_is_named_once_however_often_it_is_accepted() {
    let server = FakeTokenServer::builder()
        .public_client("a")
        .accept_auth(ClientAuthMethod::Basic)
        .accept_auth(ClientAuthMethod::Post)
        .accept_auth(ClientAuthMethod::Basic)
        .public_client("b")
        .start()
        .unwrap();
    assert_eq!(
        server.metadata()["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post", "none"])
    );
}
