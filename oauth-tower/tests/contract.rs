//! What tower asks of a service, and what a caller is promised.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_executor::block_on;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use oauth_core::{Authorizer, Error, ErrorKind, NotResent, Resent};
use oauth_testkit::ScriptedSource;
use oauth_tower::{NoResend, OAuthLayer};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

const API: &str = "https://api.example.com";

/// Rejects `token-1`; panics when called without having been ready.
#[derive(Default)]
struct Api {
    is_ready: bool,
    is_grpc: bool,
    /// Of gRPC's answers.
    challenge: Option<&'static str>,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Clone for Api {
    fn clone(&self) -> Self {
        Self {
            is_ready: false,
            is_grpc: self.is_grpc,
            challenge: self.challenge,
            seen: Arc::clone(&self.seen),
        }
    }
}

impl Service<Request<String>> for Api {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called without being ready"
        );
        let token = request.headers()[AUTHORIZATION]
            .to_str()
            .unwrap()
            .to_owned();
        let is_rejected = token == "Bearer token-1";
        self.seen.lock().unwrap().push((token, request.into_body()));
        let mut response = Response::new(String::new());
        if is_rejected && self.is_grpc {
            response.headers_mut().insert("grpc-status", 16.into());
            if let Some(challenge) = self.challenge {
                let challenge = challenge.parse().unwrap();
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
        } else if is_rejected {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            let challenge = "Bearer error=\"invalid_token\"".parse().unwrap();
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        ready(Ok(response))
    }
}

fn authorizer(source: &ScriptedSource) -> Authorizer {
    Authorizer::new(source.clone(), [API]).unwrap()
}

fn request(uri: &str) -> Request<String> {
    Request::post(uri).body("order".to_owned()).unwrap()
}

fn tokens(api: &Api) -> Vec<String> {
    api.seen
        .lock()
        .unwrap()
        .iter()
        .map(|(token, _)| token.clone())
        .collect()
}

#[test]
fn a_rejected_request_is_sent_once_more_with_its_body() {
    let (source, api) = (ScriptedSource::new(), Api::default());
    let client = OAuthLayer::new(authorizer(&source)).layer(api.clone());
    let response = block_on(client.oneshot(request(API))).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.extensions().get::<Resent>().is_some());
    let sent = api.seen.lock().unwrap().clone();
    let expected =
        ["Bearer token-1", "Bearer token-2"].map(|token| (token.to_owned(), "order".to_owned()));
    assert_eq!(sent, expected);
    assert_eq!(source.rejected().len(), 1);
}

#[test]
fn a_body_that_cannot_be_copied_is_sent_once() {
    let (source, api) = (ScriptedSource::new(), Api::default());
    let client = OAuthLayer::new(authorizer(&source))
        .resend(NoResend)
        .layer(api.clone());
    let response = block_on(client.oneshot(request(API))).unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.extensions().get::<Resent>().is_none());
    assert_eq!(tokens(&api), ["Bearer token-1"]);
    assert_eq!(source.rejected().len(), 1);
}

#[test]
fn a_rejection_is_the_answer_if_no_new_token_comes() {
    let (source, api) = (ScriptedSource::new(), Api::default());
    source.next_token("token-1", std::time::Duration::from_secs(60));
    source.next_error(Error::new(ErrorKind::ServerUnavailable, "down"));
    let client = OAuthLayer::new(authorizer(&source)).layer(api.clone());
    let response = block_on(client.oneshot(request(API))).unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let reason = response.extensions().get::<NotResent>().unwrap();
    assert_eq!(reason.error().kind(), ErrorKind::ServerUnavailable);
    assert_eq!(tokens(&api), ["Bearer token-1"]);
}

#[test]
fn a_request_without_authorization_never_reaches_the_service() {
    let (source, api) = (ScriptedSource::new(), Api::default());
    source.next_error(Error::new(ErrorKind::ServerUnavailable, "down"));
    let client = OAuthLayer::new(authorizer(&source)).layer(api.clone());
    for (uri, kind) in [
        (API, ErrorKind::ServerUnavailable),
        ("https://evil.example.com", ErrorKind::ForeignOrigin),
        ("http://api.example.com", ErrorKind::ForeignOrigin),
        ("/orders", ErrorKind::ForeignOrigin),
    ] {
        let error = block_on(client.clone().oneshot(request(uri))).unwrap_err();
        assert_eq!(error.downcast_ref::<Error>().unwrap().kind(), kind, "{uri}");
    }
    assert_eq!(tokens(&api), [""; 0]);
}

#[test]
fn a_resend_gets_by_a_limit_of_one_request() {
    let (source, api) = (ScriptedSource::new(), Api::default());
    let client = ServiceBuilder::new()
        .layer(OAuthLayer::new(authorizer(&source)))
        .concurrency_limit(1)
        .service(api.clone());
    let response = block_on(client.oneshot(request(API))).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(tokens(&api), ["Bearer token-1", "Bearer token-2"]);
}

#[test]
fn a_status_of_grpc_rejects_a_token_only_if_asked_to() {
    for (heals, expected) in [(false, 1), (true, 2)] {
        let source = ScriptedSource::new();
        let api = Api {
            is_grpc: true,
            ..Api::default()
        };
        let layer = OAuthLayer::new(authorizer(&source));
        let layer = if heals {
            layer.heal_grpc_unauthenticated()
        } else {
            layer
        };
        block_on(layer.layer(api.clone()).oneshot(request(API))).unwrap();
        assert_eq!(tokens(&api).len(), expected);
        assert_eq!(source.rejected().len(), expected - 1);
    }
}

#[test]
fn a_reason_that_the_server_gives_counts_for_more_than_the_status_of_grpc() {
    for (challenge, rejections) in [
        ("Bearer error=\"insufficient_scope\"", 0),
        ("Bearer error=\"invalid_token\"", 1),
        ("Bearer realm=\"orders\"", 1),
        ("Basic realm=\"orders\"", 1),
    ] {
        let source = ScriptedSource::new();
        let api = Api {
            is_grpc: true,
            challenge: Some(challenge),
            ..Api::default()
        };
        let layer = OAuthLayer::new(authorizer(&source)).heal_grpc_unauthenticated();
        block_on(layer.layer(api.clone()).oneshot(request(API))).unwrap();
        assert_eq!(source.rejected().len(), rejections, "{challenge}");
        assert_eq!(tokens(&api).len(), rejections + 1, "{challenge}");
    }
}
