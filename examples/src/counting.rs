//! An HTTP client that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use oauth_core::{HttpClient, HttpError, async_trait};

/// Counts the token requests that go through another HTTP client.
#[derive(Debug)]
pub struct Counting<C> {
    inner: C,
    requests: Arc<AtomicUsize>,
}

impl<C> Counting<C> {
    /// Counts into `requests`.
    pub fn new(inner: C, requests: Arc<AtomicUsize>) -> Self {
        Self { inner, requests }
    }
}

#[async_trait]
impl<C: HttpClient> HttpClient for Counting<C> {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.inner.send(request).await
    }
}
