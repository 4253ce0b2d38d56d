//! Tokens that are bound to a key (RFC 9449), over the client of hyper-util.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use oauth_core::{Authorizer, ClientCredentials, JwsAlgorithm, SigningKey};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::{DpopNonce, DpopRules, FakeTokenServer};
use oauth_tower::{OAuthLayer, OAuthService};
use tower::{Layer, ServiceBuilder, ServiceExt};

/// Turns the refusals of the API into those of gRPC.
fn in_grpc<B>(mut response: Response<B>) -> Response<B> {
    if response.status() == StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert("grpc-status", 16.into());
    }
    response
}

type Api = OAuthService<Client<HttpConnector, Full<Bytes>>>;

fn fixture(rules: DpopRules) -> (FakeTokenServer, Api) {
    let (server, authorizer) = authorizer(rules);
    let client = Client::builder(TokioExecutor::new()).build_http();
    (server, OAuthLayer::new(authorizer).layer(client))
}

fn authorizer(rules: DpopRules) -> (FakeTokenServer, Authorizer) {
    let server = FakeTokenServer::builder()
        .dpop(rules.required())
        .start()
        .unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .dpop(SigningKey::generate(JwsAlgorithm::Es256).unwrap())
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached();
    let authorizer = Authorizer::new(source, [server.api_url()]).unwrap();
    (server, authorizer)
}

async fn post(api: &Api, url: &str) -> StatusCode {
    let request = Request::post(url).body(Full::from("order")).unwrap();
    api.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_a_proof_of_its_own() {
    let (server, api) = fixture(DpopRules::new());
    for path in ["/a%2fb?c=d", "/", "/orders"] {
        assert_eq!(post(&api, &server.api_url_for(path)).await, StatusCode::OK);
    }
    server.assert_token_requests(1);
    server.assert_api_requests(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_a_revoked_token_and_a_new_nonce_are_mended_in_one_call_each() {
    let rules = DpopRules::new().nonce_at_api(DpopNonce::Required);
    let (server, api) = fixture(rules);
    let url = server.api_url_for("/orders");
    // The first one is told the nonce.
    assert_eq!(post(&api, &url).await, StatusCode::OK);
    server.assert_api_requests(2);
    server.revoke_all();
    assert_eq!(post(&api, &url).await, StatusCode::OK);
    server.renew_dpop_nonces();
    assert_eq!(post(&api, &url).await, StatusCode::OK);
    server.assert_token_requests(2);
    server.assert_api_requests(6);
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_a_nonce_that_comes_with_a_refusal_of_grpc_is_learnt_and_costs_no_token() {
    let (server, authorizer) = authorizer(DpopRules::new().nonce_at_api(DpopNonce::Required));
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let api = ServiceBuilder::new()
        .layer(OAuthLayer::new(authorizer).heal_grpc_unauthenticated())
        .map_response(in_grpc)
        .service(client);
    let call = || {
        let request = Request::post(server.api_url()).body(Full::from("order"));
        api.clone().oneshot(request.unwrap())
    };
    let response = call().await.unwrap();
    assert_eq!(response.headers().get("grpc-status"), None);
    server.assert_token_requests(1);
    server.assert_api_requests(2);
    server.renew_dpop_nonces();
    let response = call().await.unwrap();
    assert_eq!(response.headers().get("grpc-status"), None);
    server.assert_token_requests(1);
    server.assert_api_requests(4);
}
