//! The answer to come.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use isahc::AsyncBody;

use crate::error::Error;

/// The response that an asynchronous request gets. It borrows the client and nothing else, as isahc's own.
///
/// # Cancellation
///
/// Dropping it cancels the request to the API. A token request under way goes on for others.
#[must_use = "a request is not sent until its future is awaited"]
pub struct ResponseFuture<'a>(Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>);

type Outcome = Result<Response<AsyncBody>, Error>;

impl<'a> ResponseFuture<'a> {
    pub(crate) fn new(outcome: impl Future<Output = Outcome> + Send + 'a) -> Self {
        Self(Box::pin(outcome))
    }
}

impl Future for ResponseFuture<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for ResponseFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
