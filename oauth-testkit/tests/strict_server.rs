//! What the token endpoint does when it is left alone.

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oauth_testkit::{ClientAuthMethod, FakeTokenServer};
use support::{BASIC, Client, GRANT, Response, ask, form, good};

fn refused(response: &Response, status: u16, error: &str) {
    assert_eq!(
        (response.status, response.error().as_str()),
        (status, error),
        "{response:?}"
    );
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
}

fn basic(credentials: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(credentials))
}

#[test]
fn a_right_request_gets_a_bearer_token_of_an_hour() {
    let server = FakeTokenServer::start().unwrap();
    let response = ask(&server, form(BASIC, &format!("{GRANT}&scope=read+write")));
    let json = response.json();
    assert_eq!(response.status, 200);
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["expires_in"], 3600);
    assert_eq!(json["scope"], "read write");
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    assert_eq!(response.header("Content-Type"), Some("application/json"));
    assert_eq!(server.issued(), 1);
}

#[test]
fn a_secret_in_the_body_is_as_good() {
    let server = FakeTokenServer::start().unwrap();
    let body = format!("{GRANT}&client_id=test-client&client_secret=test-secret");
    ask(&server, form("", &body)).token();
    let auth = server.token_requests()[0].client_auth().unwrap().clone();
    assert_eq!(
        (auth.method, auth.client_id.as_str()),
        (ClientAuthMethod::Post, "test-client")
    );
}

#[test]
fn wrong_credentials_are_an_invalid_client() {
    let server = FakeTokenServer::start().unwrap();
    let by_header = ask(&server, form(&basic("test-client:wrong"), GRANT));
    refused(&by_header, 401, "invalid_client");
    assert_eq!(
        by_header.header("WWW-Authenticate"),
        Some("Basic realm=\"token\"")
    );

    let by_body = form(
        "",
        &format!("{GRANT}&client_id=nobody&client_secret=test-secret"),
    );
    let by_body = ask(&server, by_body);
    refused(&by_body, 401, "invalid_client");
    assert_eq!(by_body.header("WWW-Authenticate"), None);

    refused(&ask(&server, form("", GRANT)), 401, "invalid_client");
    refused(
        &ask(&server, form("Authorization: Basic ?\r\n", GRANT)),
        401,
        "invalid_client",
    );
    refused(
        &ask(&server, form("Authorization: Bearer x\r\n", GRANT)),
        401,
        "invalid_client",
    );
    assert_eq!(server.issued(), 0);
}

#[test]
fn two_authentication_methods_at_once_are_refused() {
    let server = FakeTokenServer::start().unwrap();
    let secret_too = form(
        BASIC,
        &format!("{GRANT}&client_id=test-client&client_secret=test-secret"),
    );
    refused(&ask(&server, secret_too), 400, "invalid_request");
    assert_eq!(server.token_requests()[0].client_auth(), None);
    assert_eq!(server.token_requests()[0].client_auths().len(), 2);

    let assertion_too = form(BASIC, &format!("{GRANT}&client_assertion=e30.e30.x"));
    refused(&ask(&server, assertion_too), 400, "invalid_request");
    refused(
        &ask(&server, form(&format!("{BASIC}{BASIC}"), GRANT)),
        400,
        "invalid_request",
    );
}

#[test]
fn the_client_id_may_stand_beside_basic_if_it_is_the_same() {
    let server = FakeTokenServer::start().unwrap();
    ask(
        &server,
        form(BASIC, &format!("{GRANT}&client_id=test-client")),
    )
    .token();
    let other = form(BASIC, &format!("{GRANT}&client_id=other"));
    refused(&ask(&server, other), 400, "invalid_request");
}

#[test]
fn basic_credentials_are_form_decoded() {
    let server = FakeTokenServer::builder()
        .client("a b:c", "1PpG/Q 1+%ä")
        .start()
        .unwrap();
    let encoded = basic("a+b%3Ac:1PpG%2FQ+1%2B%25%C3%A4");
    ask(&server, form(&encoded, GRANT)).token();
    assert_eq!(
        server.token_requests()[0].client_auth().unwrap().client_id,
        "a b:c"
    );
    // As it is it means something else, or nothing.
    refused(
        &ask(&server, form(&basic("a b:c:1PpG/Q 1+%ä"), GRANT)),
        401,
        "invalid_client",
    );
}

#[test]
fn raw_basic_takes_credentials_as_they_are() {
    let server = FakeTokenServer::builder()
        .client("client", "s+%41/ 1")
        .accept_auth(ClientAuthMethod::BasicRaw)
        .start()
        .unwrap();
    ask(&server, form(&basic("client:s+%41/ 1"), GRANT)).token();
    refused(
        &ask(&server, form(&basic("client:s%2B%2541%2F+1"), GRANT)),
        401,
        "invalid_client",
    );
    let auth = server.token_requests()[0].client_auth().unwrap().clone();
    assert_eq!(auth.method, ClientAuthMethod::BasicRaw);
}

#[test]
fn a_method_that_is_not_accepted_is_refused() {
    let only_post = FakeTokenServer::builder()
        .accept_auth(ClientAuthMethod::Post)
        .start()
        .unwrap();
    refused(&ask(&only_post, good()), 401, "invalid_client");
    let only_basic = FakeTokenServer::builder()
        .accept_auth(ClientAuthMethod::Basic)
        .start()
        .unwrap();
    let post = form(
        "",
        &format!("{GRANT}&client_id=test-client&client_secret=test-secret"),
    );
    refused(&ask(&only_basic, post), 401, "invalid_client");
}

#[test]
fn clients_that_are_registered_take_the_place_of_the_default_one() {
    let server = FakeTokenServer::builder()
        .client("a", "1")
        .client("b", "2")
        .start()
        .unwrap();
    ask(&server, form(&basic("a:1"), GRANT)).token();
    ask(&server, form(&basic("b:2"), GRANT)).token();
    refused(
        &ask(&server, form(&basic("a:2"), GRANT)),
        401,
        "invalid_client",
    );
    refused(&ask(&server, good()), 401, "invalid_client");
}

#[test]
fn what_is_no_proper_token_request_is_refused() {
    let server = FakeTokenServer::start().unwrap();
    let wrong_grant = form(BASIC, "grant_type=password");
    refused(&ask(&server, wrong_grant), 400, "unsupported_grant_type");
    refused(
        &ask(&server, form(BASIC, "scope=a")),
        400,
        "invalid_request",
    );
    refused(
        &ask(&server, form(BASIC, "grant_type=")),
        400,
        "invalid_request",
    );
    refused(
        &ask(&server, form(BASIC, &format!("{GRANT}&{GRANT}"))),
        400,
        "invalid_request",
    );
    refused(
        &ask(&server, form(BASIC, &format!("{GRANT}&x=%zz"))),
        400,
        "invalid_request",
    );
    let resources = form(BASIC, &format!("{GRANT}&resource=urn:a&resource=urn:b"));
    ask(&server, resources).token();

    let json = good().replace("application/x-www-form-urlencoded", "application/json");
    refused(&ask(&server, json), 400, "invalid_request");
    let charset = good().replace("urlencoded\r\n", "urlencoded; charset=UTF-8\r\n");
    ask(&server, charset).token();
    refused(
        &ask(&server, good().replace("/token", "/token?client_secret=x")),
        400,
        "invalid_request",
    );
    ask(&server, good().replace("/token", "/token?tenant=a")).token();
    assert_eq!(
        server.token_requests().last().unwrap().path_and_query(),
        "/oauth/token?tenant=a"
    );

    let got = ask(
        &server,
        "GET /oauth/token HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    refused(&got, 405, "invalid_request");
    assert_eq!(got.header("Allow"), Some("POST"));
    assert_eq!(
        ask(&server, good().replace("/oauth/token", "/else")).status,
        404
    );
    assert_eq!(
        server.token_requests().last().unwrap().path_and_query(),
        "/else"
    );
}

#[test]
fn only_registered_scopes_are_granted() {
    let server = FakeTokenServer::builder()
        .scopes(["read", "write"])
        .start()
        .unwrap();
    let scoped = |scope: &str| form(BASIC, &format!("{GRANT}&scope={scope}"));
    assert_eq!(ask(&server, scoped("write")).json()["scope"], "write");
    assert_eq!(ask(&server, good()).json()["scope"], "read write");
    refused(&ask(&server, scoped("read+admin")), 400, "invalid_scope");

    let free = FakeTokenServer::start().unwrap();
    assert_eq!(ask(&free, good()).json().get("scope"), None);
    refused(&ask(&free, scoped("a++b")), 400, "invalid_scope");
    refused(&ask(&free, scoped("a%22b")), 400, "invalid_scope");
}

#[test]
fn a_connection_serves_a_thousand_requests_and_every_token_differs() {
    let server = FakeTokenServer::start().unwrap();
    let mut client = Client::to(&server.token_url());
    let tokens: std::collections::HashSet<String> = (0..1_000)
        .map(|_| client.exchange(good()).token())
        .collect();
    assert_eq!(tokens.len(), 1_000);
    assert_eq!(server.issued(), 1_000);
    server.assert_token_requests(1_000);
    assert_eq!(server.max_concurrent_token_requests(), 1);
}

#[test]
fn a_thousand_connections_come_and_go() {
    let server = FakeTokenServer::start().unwrap();
    for _ in 0..1_000 {
        ask(&server, good()).token();
    }
    assert_eq!(server.max_concurrent_token_requests(), 1);
}
