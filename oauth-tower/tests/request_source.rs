//! Whose token a request bears, where each may be of another tenant.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_executor::block_on;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use oauth_core::{
    Authorizer, CachedTokenSource, Error, ErrorKind, RequestSource, SharedTokenSource, TokenSource,
};
use oauth_testkit::ScriptedSource;
use oauth_tower::{BoxError, OAuthLayer};
use tower::{Layer, ServiceExt, service_fn};

const API: &str = "https://api.example.com";

#[derive(Clone)]
struct Tenant(&'static str);

/// A source whose tokens bear the name of their tenant.
fn tokens_of(tenant: &str) -> SharedTokenSource {
    let source = ScriptedSource::new();
    for nth in 1..=2 {
        source.next_token(format!("{tenant}-{nth}"), Duration::from_secs(3600));
    }
    Arc::new(CachedTokenSource::new(source))
}

/// An API that rejects one token, and writes down all that it sees.
#[derive(Clone, Default)]
struct Api {
    rejected: &'static str,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Api {
    fn send(
        &self,
        authorizer: Authorizer,
        request: Request<String>,
    ) -> Result<Response<()>, BoxError> {
        let api = self.clone();
        let answer = service_fn(move |request: Request<String>| {
            let api = api.clone();
            async move { Ok::<_, BoxError>(api.answer(&request)) }
        });
        block_on(OAuthLayer::new(authorizer).layer(answer).oneshot(request))
    }

    fn answer(&self, request: &Request<String>) -> Response<()> {
        let token = request.headers()[AUTHORIZATION].to_str().unwrap();
        let token = token.trim_start_matches("Bearer ").to_owned();
        let mut response = Response::new(());
        if token == self.rejected {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            let challenge = "Bearer error=\"invalid_token\"".parse().unwrap();
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        self.seen.lock().unwrap().push(token);
        response
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn request<T: Clone + Send + Sync + 'static>(extension: T) -> Request<String> {
    let request = Request::get(format!("{API}/")).extension(extension);
    request.body(String::new()).unwrap()
}

fn refused(outcome: Result<Response<()>, BoxError>) -> Error {
    match outcome {
        Err(error) => *error.downcast::<Error>().unwrap(),
        Ok(response) => panic!("not refused for its token: {response:?}"),
    }
}

#[test]
fn p13_the_extension_of_a_request_says_whose_token_it_bears() {
    let authorizer = Authorizer::new(tokens_of("usual"), [API]).unwrap();
    let (api, own) = (Api::default(), RequestSource::new(tokens_of("own")));
    for request in [request(own.clone()), request(()), request(own)] {
        api.send(authorizer.clone(), request).unwrap();
    }
    assert_eq!(api.seen(), ["own-1", "usual-1", "own-1"]);
}

#[test]
fn p07_a_rejection_is_of_the_tenant_whose_token_it_was_and_so_is_the_second_attempt() {
    let authorizer = Authorizer::new(tokens_of("usual"), [API]).unwrap();
    let own = RequestSource::new(tokens_of("own"));
    let api = Api {
        rejected: "own-1",
        ..Api::default()
    };
    let response = api.send(authorizer.clone(), request(own)).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    api.send(authorizer, request(())).unwrap();
    assert_eq!(api.seen(), ["own-1", "own-2", "usual-1"]);
}

#[test]
fn p13_an_unknown_tenant_is_an_error_and_nothing_is_sent() {
    let acme = tokens_of("acme");
    let authorizer = Authorizer::per_request([API], move |_, extensions| match extensions.get() {
        Some(Tenant("acme")) => Ok(Arc::clone(&acme)),
        _ => Err(Error::new(ErrorKind::Configuration, "unknown tenant")),
    });
    let (authorizer, api) = (authorizer.unwrap(), Api::default());
    let error = refused(api.send(authorizer.clone(), request(Tenant("nobody"))));
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.to_string(), "unknown tenant");
    assert_eq!(api.seen(), [""; 0]);
    api.send(authorizer, request(Tenant("acme"))).unwrap();
    assert_eq!(api.seen(), ["acme-1"]);
}

#[test]
fn p10_a_source_of_the_requests_own_goes_to_the_same_origins() {
    let authorizer = Authorizer::by_request_source(["https://elsewhere.example.com"]).unwrap();
    let (api, own) = (Api::default(), tokens_of("own"));
    let named = request(RequestSource::new(Arc::clone(&own)));
    let error = refused(api.send(authorizer, named));
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
    assert_eq!(api.seen(), [""; 0]);
    assert!(
        own.ready().is_none(),
        "it was asked for a token all the same"
    );
}
