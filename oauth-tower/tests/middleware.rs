//! Between other services: readiness, errors and cancellation.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

use futures_executor::block_on;
use futures_util::future::join_all;
use futures_util::task::noop_waker_ref;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use oauth_core::{Authorizer, CachedTokenSource, TokenSource};
use oauth_testkit::{GatedSource, ScriptedSource};
use oauth_tower::{BoxError, OAuthLayer, OAuthService};
use tower::buffer::Buffer;
use tower::{Layer, Service, ServiceExt};

const API: &str = "https://api.example.com";

/// What the script of the API says about one call, or about one readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection broke")]
struct Broken;

/// Rejects `token-1`. The clones are one service, with one script.
#[derive(Clone, Default)]
struct Api(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    tokens: Vec<String>,
    /// What the coming calls fail of; none once it is used up.
    call_errors: VecDeque<Option<Broken>>,
    ready_errors: VecDeque<Option<Broken>>,
    /// Ready for so many calls more.
    permits: Option<usize>,
    waiting: Option<Waker>,
    /// How often it was found ready.
    readied: usize,
}

impl Api {
    fn tokens(&self) -> Vec<String> {
        self.0.lock().unwrap().tokens.clone()
    }

    fn permit(&self, calls: usize) {
        let mut state = self.0.lock().unwrap();
        state.permits = Some(calls);
        let waiting = state.waiting.take();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn client(&self, source: impl TokenSource + 'static) -> OAuthService<Self> {
        let authorizer = Authorizer::new(source, [API]).unwrap();
        OAuthLayer::new(authorizer).layer(self.clone())
    }
}

impl Service<Request<String>> for Api {
    type Response = Response<()>;
    type Error = Broken;
    type Future = Ready<Result<Response<()>, Broken>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let mut state = self.0.lock().unwrap();
        if state.permits == Some(0) {
            state.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.readied += 1;
        let error = state.ready_errors.pop_front().flatten();
        Poll::Ready(error.map_or(Ok(()), Err))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let mut state = self.0.lock().unwrap();
        if let Some(permits) = &mut state.permits {
            *permits = permits.checked_sub(1).expect("called without being ready");
        }
        if let Some(error) = state.call_errors.pop_front().flatten() {
            return ready(Err(error));
        }
        let token = request.headers()[AUTHORIZATION].to_str().unwrap();
        state.tokens.push(token.to_owned());
        let response = Response::builder();
        let response = if token == "Bearer token-1" {
            response
                .status(StatusCode::UNAUTHORIZED)
                .header(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
        } else {
            response
        };
        ready(Ok(response.body(()).unwrap()))
    }
}

fn request() -> Request<String> {
    Request::post(API).body("order".to_owned()).unwrap()
}

fn is_broken(error: &BoxError) -> bool {
    error.downcast_ref::<Broken>().is_some()
}

fn context() -> Context<'static> {
    Context::from_waker(noop_waker_ref())
}

#[test]
fn a_resend_waits_until_the_service_is_ready_again() {
    let (source, api) = (ScriptedSource::new(), Api::default());
    api.permit(1);
    let mut call = Box::pin(api.client(source).oneshot(request()));
    assert!(call.as_mut().poll(&mut context()).is_pending());
    assert_eq!(api.tokens(), ["Bearer token-1"]);
    assert!(call.as_mut().poll(&mut context()).is_pending());

    api.permit(1);
    assert_eq!(block_on(call).unwrap().status(), StatusCode::OK);
    assert_eq!(api.tokens(), ["Bearer token-1", "Bearer token-2"]);
}

#[test]
fn an_error_of_either_attempt_is_the_callers() {
    for attempt in 0..2 {
        let (source, api) = (ScriptedSource::new(), Api::default());
        let mut errors = VecDeque::from(vec![None; attempt]);
        errors.push_back(Some(Broken));
        api.0.lock().unwrap().call_errors = errors;
        let error = block_on(api.client(source.clone()).oneshot(request())).unwrap_err();
        assert!(is_broken(&error), "{error}");
        assert_eq!((api.tokens().len(), source.calls()), (attempt, attempt + 1));
    }
}

#[test]
fn a_service_that_is_not_ready_for_either_attempt_is_not_called() {
    for attempt in 0..2 {
        let (source, api) = (ScriptedSource::new(), Api::default());
        let mut errors = VecDeque::from(vec![None; attempt]);
        errors.push_back(Some(Broken));
        api.0.lock().unwrap().ready_errors = errors;
        let error = block_on(api.client(source).oneshot(request())).unwrap_err();
        assert!(is_broken(&error), "{error}");
        assert_eq!(api.tokens().len(), attempt);
    }
}

/// A cached source, and the gate before the one behind it.
fn gated() -> (
    CachedTokenSource<Arc<GatedSource<ScriptedSource>>>,
    Arc<GatedSource<ScriptedSource>>,
) {
    let gate = Arc::new(GatedSource::new(ScriptedSource::new()));
    (CachedTokenSource::new(Arc::clone(&gate)), gate)
}

#[test]
fn p05_a_call_that_is_dropped_while_it_waits_for_its_token_strands_nobody() {
    let ((source, gate), api) = (gated(), Api::default());
    let client = api.client(source);
    let mut first = Box::pin(client.clone().oneshot(request()));
    let mut second = Box::pin(client.oneshot(request()));
    assert!(first.as_mut().poll(&mut context()).is_pending());
    assert!(second.as_mut().poll(&mut context()).is_pending());
    gate.await_waiting(1);
    drop(first);
    gate.open();
    assert_eq!(block_on(second).unwrap().status(), StatusCode::OK);
    // The one that was rejected and the one that was not: a request each, for all who waited.
    assert_eq!(gate.source().calls(), 2);
}

#[test]
fn p05_a_call_that_is_dropped_before_its_resend_strands_nobody() {
    let ((source, gate), api) = (gated(), Api::default());
    let client = api.client(source);
    gate.release(1);
    let mut first = Box::pin(client.clone().oneshot(request()));
    // Whoever runs the token request, it is done once the API has seen the token.
    while api.tokens().is_empty() {
        assert!(first.as_mut().poll(&mut context()).is_pending());
        std::thread::yield_now();
    }
    gate.await_waiting(1);
    drop(first);
    gate.open();
    let response = block_on(client.oneshot(request())).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(api.tokens(), ["Bearer token-1", "Bearer token-2"]);
    assert_eq!(gate.source().calls(), 2);
}

#[tokio::test]
async fn p07_calls_through_a_buffer_heal_together_and_wait_for_one_token() {
    let ((source, gate), api) = (gated(), Api::default());
    let buffer = Buffer::new(api.client(source), 8);
    let calls: Vec<_> = (0..20)
        .map(|_| tokio::spawn(buffer.clone().oneshot(request())))
        .collect();
    // The worker of the buffer waits for no token: it takes all of them in.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!((api.0.lock().unwrap().readied, gate.waiting()), (20, 1));
    gate.open();
    for outcome in join_all(calls).await {
        assert_eq!(outcome.unwrap().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(gate.source().calls(), 2);
}

/// Says that it is broken when it is asked for readiness while somebody holds its answer.
#[derive(Clone, Default)]
struct OneAtATime {
    answer: Arc<Mutex<Weak<()>>>,
    calls: Arc<AtomicUsize>,
}

impl Service<Request<String>> for OneAtATime {
    type Response = Response<Arc<()>>;
    type Error = Broken;
    type Future = Ready<Result<Response<Arc<()>>, Broken>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let is_held = self.answer.lock().unwrap().strong_count() > 0;
        Poll::Ready(if is_held { Err(Broken) } else { Ok(()) })
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        let answer = Arc::new(());
        *self.answer.lock().unwrap() = Arc::downgrade(&answer);
        let mut response = Response::new(answer);
        if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            let challenge = "Bearer error=\"invalid_token\"".parse().unwrap();
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        ready(Ok(response))
    }
}

#[test]
fn the_first_answer_is_let_go_before_the_second_attempt() {
    let authorizer = Authorizer::new(ScriptedSource::new(), [API]).unwrap();
    let api = OneAtATime::default();
    let client = OAuthLayer::new(authorizer).layer(api.clone());
    let response = block_on(client.oneshot(request())).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(api.calls.load(Ordering::SeqCst), 2);
}
