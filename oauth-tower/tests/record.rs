//! Bodies that cannot be cloned, kept while they are sent.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_channel::mpsc;
use futures_executor::block_on;
use futures_util::FutureExt;
use futures_util::stream::{StreamExt, iter, unfold};
use futures_util::task::noop_waker_ref;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use oauth_core::Authorizer;
use oauth_testkit::ScriptedSource;
use oauth_tower::{BoxError, OAuthLayer, RecordBody, RecordedBody};
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt, service_fn};

const API: &str = "https://api.example.com";

/// Of one type for all there is, and no clone.
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// What the API does with the body of the first request, before it rejects it.
#[derive(Debug, Clone, Copy)]
struct Rejection {
    frames: usize,
    /// Whether the body is kept rather than dropped.
    goes_on: bool,
}

/// Rejects the first request, and reads the second one to the end.
#[derive(Clone)]
struct Api {
    rejection: Rejection,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    requests: usize,
    hints: Vec<Option<u64>>,
    first: Option<Body>,
    second: Option<(Bytes, Option<HeaderMap>)>,
}

impl Api {
    fn rejecting(frames: usize) -> Self {
        let rejection = Rejection {
            frames,
            goes_on: false,
        };
        Self {
            rejection,
            seen: Arc::default(),
        }
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<()>, BoxError> {
        let mut body = request.into_body();
        let requests = {
            let mut seen = self.seen.lock().unwrap();
            seen.requests += 1;
            seen.hints.push(body.size_hint().exact());
            seen.requests
        };
        if requests == 1 {
            for _ in 0..self.rejection.frames {
                if body.frame().await.transpose()?.is_none() {
                    break;
                }
            }
            if self.rejection.goes_on {
                self.seen.lock().unwrap().first = Some(body);
            }
            return Ok(rejected());
        }
        let read = body.collect().await?;
        let trailers = read.trailers().cloned();
        self.seen.lock().unwrap().second = Some((read.to_bytes(), trailers));
        Ok(Response::new(()))
    }

    /// The service, with a limit on what is kept, over this API.
    fn client(
        &self,
        source: &ScriptedSource,
        limit: usize,
    ) -> impl Service<Request<Body>, Response = Response<()>, Error = BoxError> + use<> {
        let api = self.clone();
        let inner = service_fn(move |request| api.clone().answer(request));
        let authorizer = Authorizer::new(source.clone(), [API]).unwrap();
        let boxed = |body: RecordedBody<Body>| body.boxed_unsync();
        OAuthLayer::new(authorizer)
            .resend(RecordBody::up_to(limit, boxed))
            .layer(inner)
    }

    fn requests(&self) -> usize {
        self.seen.lock().unwrap().requests
    }

    fn second(&self) -> (Bytes, Option<HeaderMap>) {
        self.seen.lock().unwrap().second.clone().unwrap()
    }
}

fn rejected() -> Response<()> {
    Response::builder()
        .status(StatusCode::UNAUTHORIZED)
        .header(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
        .body(())
        .unwrap()
}

/// A stream that does not say how long it is.
fn stream(frames: Vec<Frame<Bytes>>) -> Body {
    StreamBody::new(iter(frames).map(Ok::<_, Infallible>))
        .map_err(Into::into)
        .boxed_unsync()
}

fn data(frames: &[&'static str]) -> Vec<Frame<Bytes>> {
    let frames = frames.iter();
    frames
        .map(|data| Frame::data(Bytes::from_static(data.as_bytes())))
        .collect()
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([("checksum".parse().unwrap(), "12".parse().unwrap())])
}

fn post(body: Body) -> Request<Body> {
    Request::post(API).body(body).unwrap()
}

#[test]
fn p07_a_stream_is_sent_again_wherever_its_rejection_finds_it() {
    for frames in 0..=5 {
        for goes_on in [false, true] {
            let (source, mut api) = (ScriptedSource::new(), Api::rejecting(frames));
            api.rejection.goes_on = goes_on;
            let mut body = data(&["one ", "two ", "three"]);
            body.push(Frame::trailers(trailers()));
            let client = api.client(&source, 64);
            let response = block_on(client.oneshot(post(stream(body)))).unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{:?}", api.rejection);
            let expected = (Bytes::from_static(b"one two three"), Some(trailers()));
            assert_eq!(api.second(), expected, "{:?}", api.rejection);
        }
    }
}

#[test]
fn a_body_that_says_how_long_it_is_says_it_at_both_attempts() {
    for frames in [0, 1, 2] {
        let (source, api) = (ScriptedSource::new(), Api::rejecting(frames));
        let body = Full::from("an order").map_err(Into::into).boxed_unsync();
        block_on(api.client(&source, 64).oneshot(post(body))).unwrap();
        assert_eq!(api.seen.lock().unwrap().hints, [Some(8), Some(8)]);
        assert_eq!(api.second().0, "an order");
    }
}

#[test]
fn a_stream_that_has_ended_is_not_asked_again() {
    let (source, api) = (ScriptedSource::new(), Api::rejecting(2));
    // This one panics if it is.
    let once = unfold(Some("only"), |text| async move {
        let frame = Frame::data(Bytes::from_static(text?.as_bytes()));
        Some((Ok::<_, BoxError>(frame), None))
    });
    let body = StreamBody::new(once.boxed()).boxed_unsync();
    block_on(api.client(&source, 64).oneshot(post(body))).unwrap();
    assert_eq!(api.second().0, "only");
    // Now it is known how long it is.
    assert_eq!(api.seen.lock().unwrap().hints, [None, Some(4)]);
}

#[test]
fn more_than_the_limit_is_sent_once_and_waits_for_no_token() {
    let (source, api) = (ScriptedSource::new(), Api::rejecting(2));
    let body = stream(data(&["1234", "5678", "9"]));
    let response = block_on(api.client(&source, 7).oneshot(post(body))).unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!((api.requests(), source.calls()), (1, 1));
    // The next request gets a new one all the same.
    assert_eq!(source.rejected().len(), 1);
}

#[test]
fn trailers_count() {
    for (limit, expected) in [(14, 2), (13, 1)] {
        let (source, api) = (ScriptedSource::new(), Api::rejecting(3));
        let mut body = data(&["1234"]);
        body.push(Frame::trailers(trailers()));
        block_on(api.client(&source, limit).oneshot(post(stream(body)))).unwrap();
        assert_eq!(api.requests(), expected, "{limit}");
    }
}

#[test]
fn a_body_that_failed_is_not_sent_again() {
    let (source, api) = (ScriptedSource::new(), Api::rejecting(1));
    let inner = service_fn({
        let api = api.clone();
        move |request: Request<Body>| {
            let api = api.clone();
            async move {
                let mut body = request.into_body();
                api.seen.lock().unwrap().requests += 1;
                assert!(body.frame().await.unwrap().is_ok());
                assert!(body.frame().await.unwrap().is_err());
                Ok::<_, BoxError>(rejected())
            }
        }
    });
    let authorizer = Authorizer::new(source, [API]).unwrap();
    let boxed = |body: RecordedBody<Body>| body.boxed_unsync();
    let layer = OAuthLayer::new(authorizer).resend(RecordBody::up_to(64, boxed));
    let frames = [
        Ok(Frame::data(Bytes::from_static(b"1"))),
        Err("no more".into()),
    ];
    let body = StreamBody::new(iter(frames)).boxed_unsync();
    let response = block_on(layer.layer(inner).oneshot(post(body))).unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(api.requests(), 1);
}

#[test]
fn the_body_of_the_first_attempt_is_given_up() {
    let (source, mut api) = (ScriptedSource::new(), Api::rejecting(1));
    api.rejection.goes_on = true;
    let client = api.client(&source, 64);
    block_on(client.oneshot(post(stream(data(&["1", "2"]))))).unwrap();
    assert_eq!(api.second().0, "12");
    let mut first = api.seen.lock().unwrap().first.take().unwrap();
    let error = block_on(first.frame()).unwrap().unwrap_err();
    assert!(error.to_string().contains("sent again"), "{error}");
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn whoever_waits_for_more_of_the_first_body_is_woken() {
    let (frames, body) = mpsc::unbounded::<Result<Frame<Bytes>, BoxError>>();
    let source = ScriptedSource::new();
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let waiting: Arc<Mutex<Option<Body>>> = Arc::default();
    let inner = service_fn({
        let waiting = Arc::clone(&waiting);
        move |request: Request<Body>| {
            let (waiting, waker) = (Arc::clone(&waiting), waker.clone());
            async move {
                let mut body = request.into_body();
                if waiting.lock().unwrap().is_some() {
                    let read = body.collect().await?.to_bytes();
                    assert_eq!(read, "late");
                    return Ok::<_, BoxError>(Response::new(()));
                }
                let mut context = Context::from_waker(&waker);
                assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());
                *waiting.lock().unwrap() = Some(body);
                Ok(rejected())
            }
        }
    });
    let authorizer = Authorizer::new(source, [API]).unwrap();
    let boxed = |body: RecordedBody<Body>| body.boxed_unsync();
    let layer = OAuthLayer::new(authorizer).resend(RecordBody::up_to(64, boxed));
    let body = StreamBody::new(body).boxed_unsync();
    let mut call = Box::pin(layer.layer(inner).oneshot(post(body)));
    let mut context = Context::from_waker(noop_waker_ref());
    assert!(call.as_mut().poll(&mut context).is_pending());
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);

    frames
        .unbounded_send(Ok(Frame::data(Bytes::from_static(b"late"))))
        .unwrap();
    drop(frames);
    assert_eq!(block_on(call).unwrap().status(), StatusCode::OK);
}

#[test]
fn each_frame_goes_on_at_once() {
    let (frames, body) = mpsc::unbounded::<Result<Frame<Bytes>, BoxError>>();
    let (echo, mut echoed) = mpsc::unbounded();
    let inner = service_fn(move |request: Request<Body>| {
        let echo = echo.clone();
        async move {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await.transpose()? {
                echo.unbounded_send(frame.into_data().unwrap()).unwrap();
            }
            Ok::<_, BoxError>(Response::new(()))
        }
    });
    let authorizer = Authorizer::new(ScriptedSource::new(), [API]).unwrap();
    let boxed = |body: RecordedBody<Body>| body.boxed_unsync();
    let layer = OAuthLayer::new(authorizer).resend(RecordBody::up_to(6, boxed));
    let body = StreamBody::new(body).boxed_unsync();
    let mut call = Box::pin(layer.layer(inner).oneshot(post(body)));
    let mut context = Context::from_waker(noop_waker_ref());
    // Each is seen before the next one is there, also past the limit.
    for message in ["ping", "pong", "ping"] {
        let message = Bytes::from_static(message.as_bytes());
        frames
            .unbounded_send(Ok(Frame::data(message.clone())))
            .unwrap();
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert_eq!(echoed.next().now_or_never().flatten(), Some(message));
    }
    drop(frames);
    assert_eq!(block_on(call).unwrap().status(), StatusCode::OK);
}

/// A body of its own type, whose frames come in pieces that are no `Bytes`, and whose length is told in part.
struct Vague(Vec<Vec<u8>>);

impl http_body::Body for Vague {
    type Data = std::collections::VecDeque<u8>;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        let next = (!self.0.is_empty()).then(|| self.0.remove(0));
        Poll::Ready(next.map(|data| Ok(Frame::data(data.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.0.iter().map(Vec::len).sum::<usize>() as u64);
        hint
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p07_both_attempts_have_the_same_bytes_or_there_is_one(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..6),
        read in 0_usize..8,
        goes_on: bool,
        limit in 0_usize..40,
    ) {
        let (source, mut api) = (ScriptedSource::new(), Api::rejecting(read));
        api.rejection.goes_on = goes_on;
        let passed: usize = frames.iter().take(read).map(Vec::len).sum();
        let whole = frames.concat();
        let body = Vague(frames)
            .map_frame(|frame| frame.map_data(Bytes::from_iter))
            .map_err(Into::into)
            .boxed_unsync();
        block_on(api.client(&source, limit).oneshot(post(body))).unwrap();
        if passed <= limit {
            prop_assert_eq!(api.second().0, whole);
        } else {
            prop_assert_eq!((api.requests(), source.calls()), (1, 1));
        }
    }
}
