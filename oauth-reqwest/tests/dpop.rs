//! Tokens bound to a key, through the client and what it does about redirects.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use oauth_core::{ClientCredentials, JwsAlgorithm, SigningKey};
use oauth_reqwest::{Client, ReqwestHttpClient};
use oauth_testkit::{DpopNonce, DpopRules, FakeTokenServer};

fn fixture() -> (FakeTokenServer, Client) {
    let rules = DpopRules::new()
        .required()
        .nonce_at_token_endpoint(DpopNonce::Required)
        .nonce_at_api(DpopNonce::Required);
    let server = FakeTokenServer::builder().dpop(rules).start().unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .dpop(SigningKey::generate(JwsAlgorithm::Es256).unwrap())
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached();
    let api = oauth_reqwest::client(source, [server.api_url()]).unwrap();
    (server, api)
}

#[tokio::test]
async fn each_request_is_proved_and_nonces_are_taken_up() {
    let (server, api) = fixture();
    let url = server.api_url_for("/a%2fb?c=d#e");
    for _ in 0..3 {
        assert_eq!(api.get(&url).send().await.unwrap().status(), 200);
        let post = api.post(&url).body("x").send().await.unwrap();
        assert_eq!(post.status(), 200);
    }
    server.assert_token_requests(2);
    server.assert_api_requests(7);
}

#[tokio::test]
async fn p07_a_revoked_token_and_a_new_nonce_are_mended_in_one_call_each() {
    let (server, api) = fixture();
    let get = || async { api.get(server.api_url()).send().await.unwrap().status() };
    assert_eq!(get().await, 200);
    server.revoke_all();
    assert_eq!(get().await, 200);
    server.renew_dpop_nonces();
    assert_eq!(get().await, 200);
}

#[cfg(feature = "blocking")]
#[test]
fn synchronous_code_proves_it_too() {
    let (server, api) = fixture();
    let source = api.authorizer().source().clone();
    let api = oauth_reqwest::blocking::client(source, [server.api_url()]).unwrap();
    let response = api.get(server.api_url()).send().unwrap();
    assert_eq!(response.status(), 200);
}
