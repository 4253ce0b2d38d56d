//! Whose token a request bears, where each may be of another tenant.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use oauth_core::{
    Authorizer, ClientCredentials, Error as TokenError, ErrorKind, RequestSource, SharedTokenSource,
};
use oauth_reqwest::{Client, Error, ReqwestHttpClient};
use oauth_testkit::{FakeTokenServer, Reply};

#[derive(Clone)]
struct Tenant(&'static str);

fn source(server: &FakeTokenServer, scope: &str) -> SharedTokenSource {
    let client = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .scopes([scope])
        .http_client(ReqwestHttpClient::new().unwrap())
        .build();
    Arc::new(client.unwrap().cached())
}

/// Two sources, the first with the first token that the server issues, the second with the second.
async fn warm(server: &FakeTokenServer) -> (SharedTokenSource, SharedTokenSource) {
    let (usual, own) = (source(server, "usual"), source(server, "own"));
    usual.token().await.unwrap();
    own.token().await.unwrap();
    (usual, own)
}

fn api(authorizer: Authorizer) -> Client {
    let http = reqwest::Client::builder().no_proxy();
    Client::new(http.build().unwrap(), authorizer)
}

#[cfg(feature = "blocking")]
fn blocking_api(authorizer: Authorizer) -> oauth_reqwest::blocking::Client {
    let http = reqwest::blocking::Client::builder().no_proxy();
    oauth_reqwest::blocking::Client::new(http.build().unwrap(), authorizer)
}

#[cfg(feature = "middleware")]
fn chain(authorizer: Authorizer) -> reqwest_middleware::ClientWithMiddleware {
    let http = reqwest::Client::builder().no_proxy();
    reqwest_middleware::ClientBuilder::new(http.build().unwrap())
        .with(oauth_reqwest::OAuthMiddleware::new(authorizer))
        .build()
}

fn token_error<T: std::fmt::Debug>(outcome: Result<T, Error>) -> TokenError {
    match outcome {
        Err(Error::Token(error)) => error,
        other => panic!("not refused for its token: {other:?}"),
    }
}

#[tokio::test]
async fn p13_the_extension_of_a_request_says_whose_token_it_bears() {
    let server = FakeTokenServer::start().unwrap();
    let (usual, own) = warm(&server).await;
    let api = api(Authorizer::new(usual, [server.api_url()]).unwrap());
    let url = server.api_url_for("/");
    let named = api.get(&url).extension(RequestSource::new(own));
    named.try_clone().unwrap().send().await.unwrap();
    named.send().await.unwrap();
    api.get(&url).send().await.unwrap();
    assert_eq!(tokens_sent(&server), [2, 2, 1]);
}

#[tokio::test]
async fn p07_a_rejection_is_of_the_tenant_whose_token_it_was_and_so_is_the_second_attempt() {
    let server = FakeTokenServer::start().unwrap();
    let (usual, own) = warm(&server).await;
    let api = api(Authorizer::new(usual, [server.api_url()]).unwrap());
    let url = server.api_url_for("/");
    reject_one(&server);
    let named = api.get(&url).extension(RequestSource::new(own));
    assert_eq!(named.send().await.unwrap().status(), 200);
    api.get(&url).send().await.unwrap();
    assert_eq!(tokens_sent(&server), [2, 3, 1]);
}

#[tokio::test]
async fn p13_an_unknown_tenant_is_an_error_and_nothing_is_sent() {
    let server = FakeTokenServer::start().unwrap();
    let api = api(by_tenant(&server));
    let url = server.api_url_for("/");
    let errors = [
        token_error(api.get(&url).extension(Tenant("nobody")).send().await),
        token_error(api.get(&url).send().await),
        token_error(api.execute(api.get(&url).build().unwrap()).await),
    ];
    for error in errors {
        assert_eq!(error.to_string(), "unknown tenant");
    }
    server.assert_api_requests(0);
    server.assert_token_requests(0);
    api.get(&url)
        .extension(Tenant("acme"))
        .send()
        .await
        .unwrap();
    assert_eq!(tokens_sent(&server), [1]);
}

#[tokio::test]
async fn p10_a_source_of_the_requests_own_goes_to_the_same_origins() {
    let (server, other) = (
        FakeTokenServer::start().unwrap(),
        FakeTokenServer::start().unwrap(),
    );
    let (_, own) = warm(&server).await;
    let api = api(Authorizer::by_request_source([server.api_url()]).unwrap());
    let elsewhere = api
        .get(other.api_url_for("/"))
        .extension(RequestSource::new(own));
    let error = token_error(elsewhere.send().await);
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
    other.assert_api_requests(0);
}

#[cfg(feature = "blocking")]
#[test]
fn p13_in_synchronous_code_too_each_request_bears_the_token_of_its_tenant_or_is_not_sent() {
    let server = FakeTokenServer::start().unwrap();
    let (usual, own) = futures_executor::block_on(warm(&server));
    let url = server.api_url_for("/");
    let api = blocking_api(Authorizer::new(usual, [server.api_url()]).unwrap());
    reject_one(&server);
    api.get(&url)
        .extension(RequestSource::new(own))
        .send()
        .unwrap();
    api.get(&url).send().unwrap();
    assert_eq!(tokens_sent(&server), [2, 3, 1]);

    let server = FakeTokenServer::start().unwrap();
    let url = server.api_url_for("/");
    let api = blocking_api(by_tenant(&server));
    let error = token_error(api.get(&url).extension(Tenant("nobody")).send());
    assert_eq!(error.to_string(), "unknown tenant");
    server.assert_api_requests(0);
    api.get(&url).extension(Tenant("acme")).send().unwrap();
    assert_eq!(tokens_sent(&server), [1]);
}

#[cfg(feature = "middleware")]
#[tokio::test]
async fn p13_in_a_chain_too_each_request_bears_the_token_of_its_tenant_or_is_not_sent() {
    let server = FakeTokenServer::start().unwrap();
    let (usual, own) = warm(&server).await;
    let url = server.api_url_for("/");
    let api = chain(Authorizer::new(usual, [server.api_url()]).unwrap());
    reject_one(&server);
    let named = api.get(&url).with_extension(RequestSource::new(own));
    named.send().await.unwrap();
    api.get(&url).send().await.unwrap();
    assert_eq!(tokens_sent(&server), [2, 3, 1]);

    let server = FakeTokenServer::start().unwrap();
    let url = server.api_url_for("/");
    let api = chain(by_tenant(&server));
    let error = api.get(&url).with_extension(Tenant("nobody")).send().await;
    let reqwest_middleware::Error::Middleware(error) = error.unwrap_err() else {
        panic!("not refused by the middleware")
    };
    let error: TokenError = error.downcast().unwrap();
    assert_eq!(error.to_string(), "unknown tenant");
    server.assert_api_requests(0);
    let named = api.get(&url).with_extension(Tenant("acme"));
    named.send().await.unwrap();
    assert_eq!(tokens_sent(&server), [1]);
}

fn by_tenant(server: &FakeTokenServer) -> Authorizer {
    let acme = source(server, "acme");
    let authorizer = Authorizer::per_request([server.api_url()], move |_, extensions| {
        match extensions.get() {
            Some(Tenant("acme")) => Ok(Arc::clone(&acme)),
            _ => Err(TokenError::new(ErrorKind::Configuration, "unknown tenant")),
        }
    });
    authorizer.unwrap()
}

fn reject_one(server: &FakeTokenServer) {
    let rejects = r#"Bearer error="invalid_token""#;
    server.next_api_reply(Reply::status(401).header("WWW-Authenticate", rejects));
}

/// The tokens that the API has seen, as the server numbered them.
fn tokens_sent(server: &FakeTokenServer) -> Vec<usize> {
    let requests = server.api_requests();
    requests
        .iter()
        .filter_map(|request| request.token_ordinal())
        .collect()
}
