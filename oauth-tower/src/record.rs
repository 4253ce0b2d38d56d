//! Bodies that are kept while they are sent.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use crate::{BoxError, ResendBody};

/// Keeps what passes of a body while it is sent, up to a limit: for bodies that cannot be cloned, as those of tonic
/// and axum.
///
/// Nothing is waited for: each frame goes on at once, so that a stream of any kind flows as it would without. After a
/// rejection the second body begins with what has passed, and goes on with the rest of the first. Calls of gRPC with
/// one message heal like that, and so does a stream that was rejected before more than the limit of it had passed.
///
/// A request holds at most `limit` bytes, and those only until the headers of the response are there. A body of
/// which more passes, trailers included, is sent on and not sent again; one that fails is not either.
///
/// # Examples
///
/// A client of hyper-util takes one type of body; here it is a box. For tonic's channel and for axum it is
/// `Body::new` in the same place.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::BodyExt;
/// use http_body_util::combinators::UnsyncBoxBody;
/// use oauth_tower::{BoxError, OAuthLayer, RecordBody, RecordedBody};
///
/// type Body = UnsyncBoxBody<Bytes, BoxError>;
///
/// # fn example(authorizer: oauth_core::Authorizer) {
/// let boxed = |body: RecordedBody<Body>| body.boxed_unsync();
/// let layer = OAuthLayer::new(authorizer).resend(RecordBody::up_to(64 * 1024, boxed));
/// # fn is_policy<P: oauth_tower::ResendBody<Body>>(_: OAuthLayer<P>) {}
/// # is_policy(layer);
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct RecordBody<F> {
    limit: usize,
    wrap: F,
}

impl<F> RecordBody<F> {
    /// Keeps at most `limit` bytes a request. `wrap` makes a body of the type that the inner service takes, as
    /// `tonic::body::Body::new`, `axum::body::Body::new` and `http_body_util::BodyExt::boxed_unsync` do.
    #[must_use]
    pub fn up_to(limit: usize, wrap: F) -> Self {
        Self { limit, wrap }
    }
}

impl<F> fmt::Debug for RecordBody<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBody")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<B, F> ResendBody<B> for RecordBody<F>
where
    B: Body + Unpin + Send + 'static,
    B::Error: Into<BoxError>,
    F: Fn(RecordedBody<B>) -> B + Clone + Send + 'static,
{
    type Kept = Kept<B, F>;

    fn keep(&self, body: B) -> (B, Option<Self::Kept>) {
        let passing = Arc::new(Mutex::new(Passing {
            body: Some(body),
            record: Some(Record::default()),
            limit: self.limit,
            waker: None,
        }));
        let kept = Kept {
            passing: Arc::clone(&passing),
            wrap: self.wrap.clone(),
        };
        let first = RecordedBody(Attempt::First(passing));
        ((self.wrap)(first), Some(kept))
    }

    fn is_whole(kept: &Self::Kept) -> bool {
        lock(&kept.passing).record.is_some()
    }

    fn restore(kept: Self::Kept) -> Option<B> {
        let (again, waker) = lock(&kept.passing).take_over()?;
        // The first attempt has nothing to wait for any more. Not under the lock: it may be polled at once.
        if let Some(waker) = waker {
            waker.wake();
        }
        Some((kept.wrap)(RecordedBody(Attempt::Second(again))))
    }
}

/// What has passed of a body, and access to the rest of it. When it is dropped, nothing more is kept.
pub struct Kept<B, F> {
    passing: Arc<Mutex<Passing<B>>>,
    wrap: F,
}

impl<B, F> Drop for Kept<B, F> {
    fn drop(&mut self) {
        lock(&self.passing).record = None;
    }
}

impl<B, F> fmt::Debug for Kept<B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

/// A body that [`RecordBody`] keeps while it is sent, or sends again.
///
/// # Errors
///
/// Those of the body it is made of. One that is still being sent when the request is sent again fails.
pub struct RecordedBody<B>(Attempt<B>);

enum Attempt<B> {
    First(Arc<Mutex<Passing<B>>>),
    Second(Again<B>),
}

/// The body of a first attempt. It stays here when the request is dropped, for the second to go on with.
struct Passing<B> {
    /// `None` once the second attempt has it.
    body: Option<B>,
    /// `None` if it cannot be sent again, or need not.
    record: Option<Record>,
    limit: usize,
    /// Of whoever sends it.
    waker: Option<Waker>,
}

#[derive(Default)]
struct Record {
    data: Vec<u8>,
    trailers: Option<HeaderMap>,
    has_ended: bool,
}

/// The body of a second attempt.
struct Again<B> {
    data: Bytes,
    trailers: Option<HeaderMap>,
    /// `None` if the first attempt has sent all of it.
    rest: Option<B>,
}

impl<B: Body + Unpin> Body for RecordedBody<B>
where
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Attempt::First(passing) => lock(passing).poll_frame(cx),
            Attempt::Second(again) => again.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Attempt::First(passing) => {
                let body = &lock(passing).body;
                body.as_ref().is_some_and(B::is_end_stream)
            }
            Attempt::Second(again) => {
                again.data.is_empty()
                    && again.trailers.is_none()
                    && again.rest.as_ref().is_none_or(B::is_end_stream)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Attempt::First(passing) => {
                let body = &lock(passing).body;
                body.as_ref().map_or_else(SizeHint::new, B::size_hint)
            }
            Attempt::Second(again) => again.size_hint(),
        }
    }
}

impl<B> fmt::Debug for RecordedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedBody").finish_non_exhaustive()
    }
}

impl<B: Body + Unpin> Passing<B>
where
    B::Error: Into<BoxError>,
{
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(Some(Err(
                "the request is being sent again, with a new token".into(),
            )));
        };
        let Poll::Ready(polled) = poll_bytes(body, cx) else {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let limit = self.limit;
        self.record = self.record.take().and_then(|record| match &polled {
            None => Some(record.ended()),
            Some(Ok(frame)) => record.with(frame, limit),
            Some(Err(_)) => None,
        });
        Poll::Ready(polled)
    }

    fn take_over(&mut self) -> Option<(Again<B>, Option<Waker>)> {
        let record = self.record.take()?;
        let rest = self.body.take()?;
        let again = Again {
            data: record.data.into(),
            trailers: record.trailers,
            rest: (!record.has_ended).then_some(rest),
        };
        Some((again, self.waker.take()))
    }
}

impl Record {
    /// `None` if there is no room.
    fn with(mut self, frame: &Frame<Bytes>, limit: usize) -> Option<Self> {
        if let Some(data) = frame.data_ref() {
            let needed = self.data.len() + data.len();
            if needed > limit {
                return None;
            }
            if needed > self.data.capacity() {
                // A doubling of its own would overshoot the limit.
                let capacity = needed.max(self.data.capacity() * 2).min(limit);
                self.data.reserve_exact(capacity - self.data.len());
            }
            self.data.extend_from_slice(data);
        } else if let Some(trailers) = frame.trailers_ref() {
            let size = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                name.as_str().len() + value.len()
            };
            if self.data.len() + trailers.iter().map(size).sum::<usize>() > limit {
                return None;
            }
            self.trailers = Some(trailers.clone());
        }
        Some(self)
    }

    fn ended(self) -> Self {
        Self {
            has_ended: true,
            ..self
        }
    }
}

impl<B: Body + Unpin> Again<B>
where
    B::Error: Into<BoxError>,
{
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let data = mem::take(&mut self.data);
        if !data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        match &mut self.rest {
            Some(rest) => poll_bytes(rest, cx),
            None => Poll::Ready(None),
        }
    }
}

impl<B: Body> Again<B> {
    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.as_ref();
        let rest = rest.map_or_else(|| SizeHint::with_exact(0), B::size_hint);
        let first = self.data.len() as u64;
        let mut hint = SizeHint::new();
        // The upper bound first: it must not be less than the lower one, ever.
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(first)) {
            hint.set_upper(upper);
        }
        hint.set_lower(rest.lower().saturating_add(first));
        hint
    }
}

fn poll_bytes<B: Body + Unpin>(
    body: &mut B,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BoxError>>>
where
    B::Error: Into<BoxError>,
{
    Pin::new(body).poll_frame(cx).map(|polled| {
        polled.map(|outcome| match outcome {
            Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
            Err(cause) => Err(cause.into()),
        })
    })
}

/// A body that panics leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::combinators::UnsyncBoxBody;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    type Sent = UnsyncBoxBody<Bytes, BoxError>;

    /// A thousand frames of seven bytes.
    fn kept(
        limit: usize,
    ) -> (
        Sent,
        Kept<Sent, impl Fn(RecordedBody<Sent>) -> Sent + Clone + Send>,
    ) {
        let frames = std::iter::repeat_with(|| Ok::<_, Infallible>(Frame::data("1234567".into())));
        let body = StreamBody::new(futures_util::stream::iter(frames.take(1000)));
        let policy = RecordBody::up_to(limit, |body: RecordedBody<Sent>| body.boxed_unsync());
        let (first, kept) = policy.keep(body.map_err(Into::into).boxed_unsync());
        (first, kept.unwrap())
    }

    #[test]
    fn the_limit_is_one_on_memory() {
        let (mut body, kept) = kept(100);
        for passed in 1..=14 {
            futures_executor::block_on(body.frame()).unwrap().unwrap();
            let passing = lock(&kept.passing);
            let record = passing.record.as_ref().unwrap();
            assert_eq!(record.data.len(), passed * 7);
            assert!(record.data.capacity() <= 100);
        }
        futures_executor::block_on(body.frame()).unwrap().unwrap();
        assert!(lock(&kept.passing).record.is_none());
    }

    #[test]
    fn nothing_is_kept_once_there_is_no_need() {
        let (mut body, kept) = kept(100);
        futures_executor::block_on(body.frame()).unwrap().unwrap();
        let passing = Arc::clone(&kept.passing);
        drop(kept);
        assert!(lock(&passing).record.is_none());
        let rest = futures_executor::block_on(body.collect()).unwrap();
        assert_eq!(rest.to_bytes().len(), 999 * 7);
        assert!(lock(&passing).record.is_none());
    }
}
