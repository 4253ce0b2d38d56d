//! The grants beside client credentials, and what a token request may name.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use oauth_testkit::{FakeTokenServer, FakeTokenServerBuilder, ManualClock, Reply};
use serde_json::json;
use support::{BASIC, GRANT, Response, ask, call, form, get, good};

const OTHER: &str = "Authorization: Basic b3RoZXI6c2VjcmV0\r\n";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

fn two_clients() -> FakeTokenServerBuilder {
    FakeTokenServer::builder()
        .client("test-client", "test-secret")
        .client("other", "secret")
}

#[track_caller]
fn refused(response: &Response, error: &str, description: &str) {
    assert_eq!((response.status, response.error().as_str()), (400, error));
    response.assert_description(description);
}

fn refresh(server: &FakeTokenServer, token: &str, more: &str) -> Response {
    let body = format!("grant_type=refresh_token&refresh_token={token}{more}");
    ask(server, form(BASIC, &body))
}

#[test]
fn rfc6749_6_a_refresh_token_is_good_for_its_client() {
    let server = two_clients().start().unwrap();
    let token = server.issue_refresh_token("test-client", Some("a b"));
    let response = refresh(&server, &token, "");
    assert_eq!(response.json()["scope"], "a b");
    assert_eq!(call(&server, get("/", &response.token())).status, 200);

    let token = server.issue_refresh_token("test-client", None);
    let body = format!("grant_type=refresh_token&refresh_token={token}");
    refused(
        &ask(&server, form(OTHER, &body)),
        "invalid_grant",
        "another client's",
    );
    refused(&refresh(&server, "made-up", ""), "invalid_grant", "unknown");
    refused(
        &refresh(&server, "", ""),
        "invalid_request",
        "no refresh_token",
    );
    let shown = format!("{:?} {server:?}", server.token_requests());
    assert!(!shown.contains(&token), "{shown}");
}

#[test]
fn rfc6749_6_the_scope_may_be_narrowed_and_not_widened() {
    let server = FakeTokenServer::start().unwrap();
    let token = server.issue_refresh_token("test-client", Some("a b"));
    refused(
        &refresh(&server, &token, "&scope=a+c"),
        "invalid_scope",
        "\"c\"",
    );
    // What was refused has not used it up.
    assert_eq!(refresh(&server, &token, "&scope=b").json()["scope"], "b");
}

#[test]
fn rfc9700_4_14_a_refresh_token_that_is_used_twice_takes_its_successors_along() {
    let server = FakeTokenServer::start().unwrap();
    let first = server.issue_refresh_token("test-client", None);
    let response = refresh(&server, &first, "");
    let second = response.json()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_ne!(first, second);
    let third = refresh(&server, &second, "").json()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    refused(
        &refresh(&server, &first, ""),
        "invalid_grant",
        "was used before",
    );
    refused(
        &refresh(&server, &third, ""),
        "invalid_grant",
        "was revoked",
    );
}

#[test]
fn refresh_tokens_need_not_be_rotated() {
    let server = FakeTokenServer::builder()
        .keep_refresh_tokens()
        .start()
        .unwrap();
    let token = server.issue_refresh_token("test-client", None);
    for _ in 0..3 {
        assert_eq!(
            refresh(&server, &token, "").json().get("refresh_token"),
            None
        );
    }
}

#[test]
fn client_credentials_bring_no_refresh_token() {
    let server = FakeTokenServer::start().unwrap();
    assert_eq!(ask(&server, good()).json().get("refresh_token"), None);
}

fn exchange(server: &FakeTokenServer, more: &str) -> Response {
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
    ask(server, form(BASIC, &format!("{grant}{more}")))
}

#[test]
fn rfc8693_2_a_token_is_exchanged_for_another() {
    let server = two_clients().start().unwrap();
    let subject = ask(&server, form(OTHER, &format!("{GRANT}&scope=a+b"))).token();
    let given = format!("&subject_token={subject}&subject_token_type={ACCESS_TOKEN}");
    let response = exchange(&server, &given);
    assert_eq!(response.json()["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(response.json()["scope"], "a b");
    let token = response.token();
    assert_ne!(token, subject);
    let claims = introspect(&server, &token).json();
    assert_eq!(
        (&claims["sub"], &claims["client_id"]),
        (&json!("other"), &json!("test-client"))
    );
    assert_eq!(claims.get("act"), None);

    let actor = ask(&server, good()).token();
    let acting = format!("{given}&actor_token={actor}&actor_token_type={ACCESS_TOKEN}");
    let claims = introspect(&server, &exchange(&server, &acting).token()).json();
    assert_eq!(claims["act"], json!({ "sub": "test-client" }));
    let narrow = exchange(&server, &format!("{given}&scope=a"));
    assert_eq!(narrow.json()["scope"], "a");
    refused(
        &exchange(&server, &format!("{given}&scope=c")),
        "invalid_scope",
        "\"c\"",
    );
    let shown = format!("{:?}", server.token_requests());
    assert!(
        !shown.contains(&subject) && !shown.contains(&actor),
        "{shown}"
    );
}

#[test]
fn rfc8693_2_2_2_an_exchange_that_is_not_right_is_an_invalid_request() {
    let server = FakeTokenServer::start().unwrap();
    let token = ask(&server, good()).token();
    let given = format!("&subject_token={token}&subject_token_type={ACCESS_TOKEN}");
    let wrong = |more: &str, description: &str| {
        refused(&exchange(&server, more), "invalid_request", description);
    };
    wrong("", "no subject_token");
    wrong(&format!("&subject_token={token}"), "no subject_token_type");
    wrong(
        &format!("&subject_token={token}&subject_token_type=x"),
        "subject_token_type is not",
    );
    let made_up = format!("&subject_token=x&subject_token_type={ACCESS_TOKEN}");
    wrong(&made_up, "the subject_token is unknown");
    wrong(
        &format!("{given}&actor_token={token}"),
        "no actor_token_type",
    );
    let only_type = format!("{given}&actor_token_type={ACCESS_TOKEN}");
    wrong(&only_type, "without actor_token");
    wrong(
        &format!("{given}&actor_token=x&actor_token_type=x"),
        "actor_token_type is not known",
    );
    let unknown = format!("{given}&actor_token=x&actor_token_type={ACCESS_TOKEN}");
    wrong(&unknown, "the actor_token is unknown");
    wrong(
        &format!("{given}&requested_token_type=saml"),
        "requested_token_type is not",
    );
    server.revoke(&token);
    wrong(&given, "the subject_token was revoked");
}

#[test]
fn rfc8707_2_resources_are_recorded_and_checked() {
    let server = FakeTokenServer::builder()
        .resources(["https://a.test/", "urn:b", "service"])
        .start()
        .unwrap();
    let named = |more: &str| ask(&server, form(BASIC, &format!("{GRANT}{more}")));
    let token = named("&resource=https://a.test/&resource=urn:b&audience=service").token();
    let audience = introspect(&server, &token).json()["aud"].clone();
    assert_eq!(audience, json!(["https://a.test/", "urn:b", "service"]));
    let one = named("&resource=urn:b").token();
    assert_eq!(introspect(&server, &one).json()["aud"], "urn:b");
    refused(
        &named("&resource=urn:c"),
        "invalid_target",
        "no such target: \"urn:c\"",
    );
    refused(&named("&audience=else"), "invalid_target", "no such target");
    for wrong in [
        "a.test",
        "/path",
        "https://a.test/%23x",
        "1:x",
        "a:",
        "urn:x%20y",
    ] {
        let response = named(&format!("&resource={wrong}"));
        refused(&response, "invalid_target", "not an absolute URI");
    }
    let free = FakeTokenServer::start().unwrap();
    let anything = form(BASIC, &format!("{GRANT}&resource=https://any.test"));
    let token = ask(&free, anything).token();
    assert_eq!(introspect(&free, &token).json()["aud"], "https://any.test");
}

#[test]
fn the_same_token_is_given_while_it_lives() {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder()
        .same_token_while_live()
        .token_lifetime(Duration::from_secs(60))
        .clock(clock.clone())
        .start()
        .unwrap();
    let first = ask(&server, good()).token();
    clock.advance(Duration::from_secs(20));
    let again = ask(&server, good());
    assert_eq!(
        (again.token(), &again.json()["expires_in"]),
        (first.clone(), &json!(40))
    );
    let scoped = ask(&server, form(BASIC, &format!("{GRANT}&scope=a"))).token();
    assert_ne!(scoped, first);
    server.revoke(&scoped);
    assert_ne!(
        ask(&server, form(BASIC, &format!("{GRANT}&scope=a"))).token(),
        scoped
    );
    clock.advance(Duration::from_secs(40));
    let next = ask(&server, good());
    assert_ne!(next.token(), first);
    assert_eq!(next.json()["expires_in"], 60);
}

fn post(server: &FakeTokenServer, url: &str, headers: &str, body: &str) -> Response {
    let path = &url[url.find("/oauth").unwrap()..];
    ask(server, form(headers, body).replace("/oauth/token", path))
}

fn introspect(server: &FakeTokenServer, token: &str) -> Response {
    post(
        server,
        &server.introspection_url(),
        BASIC,
        &format!("token={token}"),
    )
}

#[test]
fn rfc7662_2_a_live_token_is_described_and_a_dead_one_is_not() {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder()
        .clock(clock.clone())
        .start()
        .unwrap();
    let token = ask(&server, form(BASIC, &format!("{GRANT}&scope=a"))).token();
    let start = 1_750_000_000;
    assert_eq!(
        introspect(&server, &token).json(),
        json!({
            "active": true, "scope": "a", "client_id": "test-client", "token_type": "Bearer",
            "sub": "test-client", "aud": server.api_url(), "iss": server.issuer(),
            "iat": start, "exp": start + 3600,
        })
    );
    let dead = json!({ "active": false });
    assert_eq!(introspect(&server, "made-up").json(), dead);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(introspect(&server, &token).json(), dead);
    let revoked = ask(&server, good()).token();
    server.revoke(&revoked);
    assert_eq!(introspect(&server, &revoked).json(), dead);
    let refresh = server.issue_refresh_token("test-client", Some("b"));
    let told = introspect(&server, &refresh).json();
    assert_eq!(
        (&told["active"], &told["scope"]),
        (&json!(true), &json!("b"))
    );
    assert_eq!(server.other_requests().len(), 5);
    let shown = format!("{:?}", server.other_requests());
    assert!(!shown.contains(&token), "{shown}");
}

#[test]
fn introspection_and_revocation_want_a_client_and_a_token() {
    let server = FakeTokenServer::start().unwrap();
    for url in [server.introspection_url(), server.revocation_url()] {
        let nobody = post(&server, &url, "", "token=x");
        assert_eq!(
            (nobody.status, nobody.error().as_str()),
            (401, "invalid_client")
        );
        refused(
            &post(&server, &url, BASIC, ""),
            "invalid_request",
            "no token",
        );
        refused(
            &post(&server, &url, BASIC, "token=x&token=y"),
            "invalid_request",
            "repeated",
        );
    }
    server.assert_token_requests(0);
}

#[test]
fn rfc7009_2_a_client_revokes_what_is_its_own() {
    let server = two_clients().start().unwrap();
    let revoke = |headers: &str, token: &str| {
        let body = format!("token={token}&token_type_hint=access_token");
        post(&server, &server.revocation_url(), headers, &body)
    };
    let token = ask(&server, good()).token();
    refused(
        &revoke(OTHER, &token),
        "unauthorized_client",
        "another client's",
    );
    assert_eq!(call(&server, get("/", &token)).status, 200);
    assert_eq!(revoke(BASIC, &token).status, 200);
    assert_eq!(call(&server, get("/", &token)).status, 401);
    // §2.2: a token that is unknown is as good as revoked.
    assert_eq!(
        (
            revoke(BASIC, &token).status,
            revoke(BASIC, "made-up").status
        ),
        (200, 200)
    );

    let first = server.issue_refresh_token("test-client", None);
    refused(
        &revoke(OTHER, &first),
        "unauthorized_client",
        "another client's",
    );
    assert_eq!(revoke(BASIC, &first).status, 200);
    refused(
        &refresh(&server, &first, ""),
        "invalid_grant",
        "was revoked",
    );
}

#[test]
fn introspection_and_revocation_can_be_scripted() {
    let server = FakeTokenServer::start().unwrap();
    server.next_introspection_reply(Reply::status(503));
    server.next_revocation_reply(Reply::oauth_error("unsupported_token_type"));
    assert_eq!(introspect(&server, "x").status, 503);
    assert_eq!(introspect(&server, "x").status, 200);
    let url = server.revocation_url();
    let refusal = post(&server, &url, BASIC, "token=x");
    assert_eq!(refusal.error(), "unsupported_token_type");
    assert_eq!(post(&server, &url, BASIC, "token=x").status, 200);
}

#[test]
fn a_public_client_says_who_it_is() {
    let server = FakeTokenServer::builder()
        .public_client("app")
        .start()
        .unwrap();
    ask(&server, form("", &format!("{GRANT}&client_id=app"))).token();
    let auth = server.token_requests()[0].client_auth().unwrap().clone();
    assert_eq!(auth.method, oauth_testkit::ClientAuthMethod::None);
    let nobody = ask(&server, form("", &format!("{GRANT}&client_id=else")));
    assert_eq!(
        (nobody.status, nobody.error().as_str()),
        (401, "invalid_client")
    );
    // One that has a secret has to show it.
    let server = two_clients().public_client("app").start().unwrap();
    let silent = ask(&server, form("", &format!("{GRANT}&client_id=other")));
    assert_eq!(silent.error(), "invalid_client");
}

#[cfg(not(feature = "jose"))]
#[test]
fn without_the_feature_assertions_are_refused() {
    let server = FakeTokenServer::start().unwrap();
    let body = format!("{GRANT}&client_assertion=e30.e30.e30&client_assertion_type=x");
    let response = ask(&server, form("", &body));
    assert_eq!(
        (response.status, response.error().as_str()),
        (401, "invalid_client")
    );
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=e30.e30.e30";
    refused(
        &ask(&server, form(BASIC, grant)),
        "invalid_grant",
        "the feature `jose` is off",
    );
}
