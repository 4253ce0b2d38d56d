//! What becomes of a request when the API does not answer as hoped.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use oauth_testkit::{FakeTokenServer, Reply};

async fn get(server: &FakeTokenServer) -> (StatusCode, HeaderMap) {
    let proxy = examples_proxy::serve(server).await.unwrap();
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("http://{proxy}/orders")).body(Body::empty());
    let response = client.request(request.unwrap()).await.unwrap();
    (response.status(), response.headers().clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_passed_on() {
    let server = FakeTokenServer::start().unwrap();
    let refusal = Reply::status(401).json(serde_json::json!({ "error": "invalid_client" }));
    server.always_token_reply(refusal);
    assert_eq!(get(&server).await.0, StatusCode::BAD_GATEWAY);
    server.assert_api_requests(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_api_does_not_take_is_not_the_callers_fault() {
    let server = FakeTokenServer::start().unwrap();
    let refusal = Reply::status(401).header("WWW-Authenticate", "Bearer error=\"invalid_token\"");
    server.always_api_reply(refusal);
    let (status, headers) = get(&server).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(!headers.contains_key("www-authenticate"));
    server.assert_api_requests(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_of_a_connection_stay_on_it() {
    let server = FakeTokenServer::start().unwrap();
    let reply = Reply::usual()
        .header("Connection", "X-Private")
        .header("X-Private", "1")
        .header("X-Public", "2");
    server.always_api_reply(reply);
    let (status, headers) = get(&server).await;
    assert_eq!(status, StatusCode::OK);
    assert!(headers.contains_key("x-public") && !headers.contains_key("x-private"));
}
