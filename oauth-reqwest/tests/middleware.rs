//! The link in a chain of reqwest-middleware.

#![cfg(feature = "middleware")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use oauth_core::{Authorizer, ClientCredentials, ErrorKind};
use oauth_reqwest::{OAuthMiddleware, ReqwestHttpClient};
use oauth_testkit::FakeTokenServer;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error};

fn fixture() -> (FakeTokenServer, ClientWithMiddleware) {
    let server = FakeTokenServer::start().unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached();
    let authorizer = Authorizer::new(source, [server.api_url()]).unwrap();
    let api = ClientBuilder::new(reqwest::Client::new()).with(OAuthMiddleware::new(authorizer));
    (server, api.build())
}

#[tokio::test]
async fn a_chain_authorizes_and_heals() {
    let (server, api) = fixture();
    let url = server.api_url_for("/users/23");
    assert_eq!(api.get(&url).send().await.unwrap().status(), 200);
    server.revoke_all();
    assert_eq!(api.post(&url).body("x").send().await.unwrap().status(), 200);
    assert_eq!(server.api_request_count(), 3);
    server.assert_token_requests(2);
}

#[tokio::test]
async fn p10_a_chain_refuses_a_foreign_origin() {
    let (_, api) = fixture();
    let foreign = FakeTokenServer::start().unwrap();
    let error = api.get(foreign.api_url()).send().await.unwrap_err();
    let Error::Middleware(error) = error else {
        panic!("{error:?}")
    };
    let error: oauth_core::Error = error.downcast().unwrap();
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
    assert_eq!(foreign.api_request_count(), 0);
}
