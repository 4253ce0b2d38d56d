//! Why a rejected request was not sent again.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use http::Extensions;
use oauth_core::{
    Authorizer, ClientCredentials, Error, ErrorKind, NotResent, OAuthErrorCode, Resent, TokenSource,
};
use oauth_reqwest::{Client, ReqwestHttpClient};
use oauth_testkit::{FakeTokenServer, Reply};

/// An API that rejects the token, at a server that gives no other one.
fn rejecting() -> (FakeTokenServer, Authorizer) {
    let server = FakeTokenServer::start().unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached();
    source.token_blocking().unwrap();
    server.revoke_all();
    server.always_token_reply(Reply::oauth_error("invalid_client"));
    let authorizer = Authorizer::new(source, [server.api_url()]).unwrap();
    (server, authorizer)
}

fn reason(extensions: &Extensions) -> &Error {
    assert!(extensions.get::<Resent>().is_none());
    extensions.get::<NotResent>().unwrap().error()
}

fn assert_refused(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Refused);
    let code = error.oauth_error().unwrap().code();
    assert_eq!(code, &OAuthErrorCode::InvalidClient);
}

#[tokio::test]
async fn p07_the_401_says_why_there_was_no_new_token() {
    let (server, authorizer) = rejecting();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let api = Client::new(http, authorizer);
    let response = api.get(server.api_url()).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_refused(reason(response.extensions()));
    server.assert_token_requests(2);
}

#[cfg(feature = "middleware")]
#[tokio::test]
async fn p07_so_it_does_in_a_chain() {
    let (server, authorizer) = rejecting();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let api = reqwest_middleware::ClientBuilder::new(http)
        .with(oauth_reqwest::OAuthMiddleware::new(authorizer))
        .build();
    let response = api.get(server.api_url()).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_refused(reason(response.extensions()));
}

#[cfg(feature = "blocking")]
#[test]
fn p07_so_it_does_in_synchronous_code() {
    let (server, authorizer) = rejecting();
    let http = reqwest::blocking::Client::builder();
    let api = oauth_reqwest::blocking::Client::new(http.no_proxy().build().unwrap(), authorizer);
    let response = api.get(server.api_url()).send().unwrap();
    assert_eq!(response.status(), 401);
    assert_refused(reason(response.extensions()));
}
