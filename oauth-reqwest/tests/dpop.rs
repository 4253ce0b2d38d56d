//! Tokens bound to a key, through the client and what it does about redirects.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use oauth_core::{ClientCredentials, ErrorKind, JwsAlgorithm, SigningKey, TokenSource as _};
use oauth_reqwest::{Client, ReqwestHttpClient};
use oauth_testkit::{DpopNonce, DpopRules, FakeTokenServer, Reply};

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

#[tokio::test]
async fn a_server_that_does_not_list_the_algorithm_of_the_key_is_asked_for_no_token() {
    for (listed, requests) in [("RS256", 0), ("ES256", 1)] {
        let server = FakeTokenServer::start().unwrap();
        let mut metadata = server.metadata();
        metadata["dpop_signing_alg_values_supported"] = [listed].into_iter().collect();
        server.always_metadata_reply(Reply::status(200).json(metadata));
        let source = ClientCredentials::discover(server.issuer(), FakeTokenServer::CLIENT_ID)
            .client_secret(FakeTokenServer::CLIENT_SECRET)
            .dpop(SigningKey::generate(JwsAlgorithm::Es256).unwrap())
            .http_client(ReqwestHttpClient::new().unwrap())
            .build()
            .unwrap();
        let outcome = source.token().await;
        server.assert_token_requests(requests);
        assert_eq!(outcome.is_ok(), requests == 1);
        if let Err(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::Discovery);
        }
    }
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
