//! Whose token a request bears, where each may be of another tenant.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use futures_executor::block_on;
use isahc::Request;
use oauth_core::{
    Authorizer, ClientCredentials, Error as TokenError, ErrorKind, RequestSource, SharedTokenSource,
};
use oauth_isahc::{Client, Error, IsahcHttpClient};
use oauth_testkit::{FakeTokenServer, Reply};

#[derive(Clone)]
struct Tenant(&'static str);

fn source(server: &FakeTokenServer, scope: &str) -> SharedTokenSource {
    let client = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .scopes([scope])
        .http_client(IsahcHttpClient::new().unwrap())
        .build();
    Arc::new(client.unwrap().cached())
}

/// Has the sources fetch their tokens now: the first one gets the first that the server issues.
fn warm(sources: [&SharedTokenSource; 2]) {
    for source in sources {
        source.token_blocking().unwrap();
    }
}

fn api(authorizer: Authorizer) -> Client {
    let http = isahc::HttpClient::builder();
    Client::new(
        isahc::config::Configurable::proxy(http, None)
            .build()
            .unwrap(),
        authorizer,
    )
}

fn request<T: Clone + Send + Sync + 'static>(url: &str, extension: T) -> Request<()> {
    Request::get(url).extension(extension).body(()).unwrap()
}

fn token_error<T: std::fmt::Debug>(outcome: Result<T, Error>) -> TokenError {
    match outcome {
        Err(Error::Token(error)) => error,
        other => panic!("not refused for its token: {other:?}"),
    }
}

#[test]
fn p13_the_extension_of_a_request_says_whose_token_it_bears() {
    let server = FakeTokenServer::start().unwrap();
    let (usual, own) = (source(&server, "usual"), source(&server, "own"));
    let api = api(Authorizer::new(Arc::clone(&usual), [server.api_url()]).unwrap());
    let url = server.api_url_for("/");
    warm([&usual, &own]);
    let named = || request(&url, RequestSource::new(Arc::clone(&own)));
    api.send(named()).unwrap();
    block_on(api.send_async(named())).unwrap();
    api.get(&url).unwrap();
    assert_eq!(tokens_sent(&server), [2, 2, 1]);
}

#[test]
fn p07_a_rejection_is_of_the_tenant_whose_token_it_was_and_so_is_the_second_attempt() {
    let server = FakeTokenServer::start().unwrap();
    let (usual, own) = (source(&server, "usual"), source(&server, "own"));
    warm([&usual, &own]);
    let api = api(Authorizer::new(Arc::clone(&usual), [server.api_url()]).unwrap());
    let rejects = r#"Bearer error="invalid_token""#;
    server.next_api_reply(Reply::status(401).header("WWW-Authenticate", rejects));
    let named = request(
        &server.api_url_for("/"),
        RequestSource::new(Arc::clone(&own)),
    );
    assert_eq!(api.send(named).unwrap().status(), 200);
    api.get(server.api_url_for("/")).unwrap();
    assert_eq!(tokens_sent(&server), [2, 3, 1]);
}

#[test]
fn p13_an_unknown_tenant_is_an_error_and_nothing_is_sent() {
    let server = FakeTokenServer::start().unwrap();
    let acme = source(&server, "acme");
    let authorizer = Authorizer::per_request([server.api_url()], move |_, extensions| {
        match extensions.get() {
            Some(Tenant("acme")) => Ok(Arc::clone(&acme)),
            _ => Err(TokenError::new(ErrorKind::Configuration, "unknown tenant")),
        }
    });
    let api = api(authorizer.unwrap());
    let url = server.api_url_for("/");
    let errors = [
        token_error(api.send(request(&url, Tenant("nobody")))),
        token_error(block_on(api.send_async(request(&url, Tenant("nobody"))))),
        token_error(api.get(&url)),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(error.to_string(), "unknown tenant");
    }
    server.assert_api_requests(0);
    server.assert_token_requests(0);
    api.send(request(&url, Tenant("acme"))).unwrap();
    assert_eq!(tokens_sent(&server), [1]);
}

#[test]
fn p10_a_source_of_the_requests_own_goes_to_the_same_origins() {
    let (server, other) = (
        FakeTokenServer::start().unwrap(),
        FakeTokenServer::start().unwrap(),
    );
    let own = source(&server, "own");
    let api = api(Authorizer::by_request_source([server.api_url()]).unwrap());
    let elsewhere = request(&other.api_url_for("/"), RequestSource::new(own));
    let error = token_error(api.send(elsewhere));
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
    other.assert_api_requests(0);
}

/// The tokens that the API has seen, as the server numbered them.
fn tokens_sent(server: &FakeTokenServer) -> Vec<usize> {
    let requests = server.api_requests();
    requests
        .iter()
        .filter_map(|request| request.token_ordinal())
        .collect()
}
