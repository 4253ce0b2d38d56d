//! What is measured, without a network.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use anyhow::Result;
use bytes::Bytes;
use futures_executor::block_on;
use oauth_core::{
    BoxFuture, CachedTokenSource, ClientCredentials, ClientCredentialsBuilder, Error, HttpClient,
    HttpError, SharedTokenSource, Spawner, TokenSource, async_trait,
};

/// The length of a token as JWTs have it.
pub const ONE_KILOBYTE: usize = 1024;

/// Where the tokens of the fixtures may go to.
pub const API: &str = "https://api.example.com";

/// An HTTP client that answers every token request at once and always the same.
#[derive(Debug, Clone)]
pub struct Canned(Bytes);

impl Canned {
    /// Answers with this body.
    #[must_use]
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self(body.into())
    }

    /// Answers with a token of so many characters.
    #[must_use]
    pub fn token(length: usize) -> Self {
        let token = "t".repeat(length);
        Self::new(format!(
            r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#
        ))
    }
}

#[async_trait]
impl HttpClient for Canned {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        Ok(http::Response::new(self.0.clone()))
    }
}

/// Leaves the work to the callers: nothing happens on another thread.
#[derive(Debug, Clone, Copy)]
pub struct Idle;

impl Spawner for Idle {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}
}

/// Client credentials as most programs have them.
pub fn client_credentials(http_client: impl HttpClient + 'static) -> ClientCredentialsBuilder {
    ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
        .client_secret("a-secret-of-usual-length-32-chars")
        .scopes(["read", "write"])
        .http_client(http_client)
}

/// A cached source that holds no token yet.
///
/// # Errors
///
/// None: what the builder is given is right.
pub fn cold_source(
    http_client: impl HttpClient + 'static,
) -> Result<CachedTokenSource<ClientCredentials>, Error> {
    Ok(cached(client_credentials(http_client).build()?))
}

/// A cache around it that holds no token yet.
#[must_use]
pub fn cached(source: ClientCredentials) -> CachedTokenSource<ClientCredentials> {
    CachedTokenSource::builder(source).spawner(Idle).build()
}

/// A cached source that holds a token of 1 KB, as adapters have it.
///
/// # Errors
///
/// None: there is a token for it.
pub fn ready_source() -> Result<SharedTokenSource> {
    let source = cold_source(Canned::token(ONE_KILOBYTE))?;
    block_on(source.token())?;
    Ok(Arc::new(source))
}

/// The value of a future that does not wait; `None` if it does.
pub fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
