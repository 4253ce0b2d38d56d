//! Token requests through reqwest.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use oauth_core::{BodyBuffer, Error, ErrorKind, HttpClient, HttpError, async_trait};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Request, Response};
use tokio::task::JoinHandle;

use crate::runtime;

/// How long connecting to a token endpoint may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a token request may take as a whole.
const TIMEOUT: Duration = Duration::from_secs(15);
const NO_TLS: &str =
    "no TLS is compiled into reqwest; enable its feature `rustls` or `native-tls` for `https`";

/// Sends token requests through reqwest, hardened for the purpose: it follows no redirect (the secret must
/// not go to a second host), keeps no cookies, gives up connecting after 5 s and the whole exchange after
/// 15 s, and reads at most 1 MiB. Plain `http`, which is for this machine only, never goes through a proxy.
///
/// It works in every async runtime and in none, and for synchronous code: requests run on one thread of this crate's
/// own, which starts with the first of them.
pub struct ReqwestHttpClient {
    http: Client,
    /// For plain `http`: a proxy would carry the credentials off this machine in the clear.
    without_proxy: Client,
}

impl ReqwestHttpClient {
    /// A client with the settings above.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if reqwest cannot set itself up (TLS, for one).
    pub fn new() -> Result<Self, Error> {
        Self::configured(|builder| builder)
    }

    /// A client with further settings: other limits on time, a certificate authority, a proxy. Redirects stay
    /// off whatever they say. `settings` is called more than once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if reqwest cannot set itself up so.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_reqwest::ReqwestHttpClient;
    /// use std::time::Duration;
    ///
    /// let client = ReqwestHttpClient::configured(|builder| builder.timeout(Duration::from_secs(3)))?;
    /// # Ok::<(), oauth_core::Error>(())
    /// ```
    pub fn configured(settings: impl Fn(ClientBuilder) -> ClientBuilder) -> Result<Self, Error> {
        let defaults = || {
            Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(TIMEOUT)
        };
        let build = |builder: ClientBuilder| {
            let http = builder.redirect(Policy::none()).referer(false).build();
            http.map_err(|cause| {
                let message = "reqwest cannot be set up for token requests (check TLS, and the settings given to ReqwestHttpClient::configured)";
                Error::builder(ErrorKind::Configuration, message)
                    .source(cause)
                    .build()
            })
        };
        Ok(Self {
            http: build(settings(defaults()))?,
            without_proxy: build(settings(defaults()).no_proxy())?,
        })
    }
}

#[async_trait]
impl HttpClient for ReqwestHttpClient {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let request =
            Request::try_from(request).map_err(|cause| HttpError::unusable(hide_url(cause)))?;
        let is_plain = request.url().scheme() == "http";
        let http = if is_plain {
            &self.without_proxy
        } else {
            &self.http
        }
        .clone();
        let work = async move { read(http.execute(request).await.map_err(sort)?).await };
        AbortOnDrop(runtime::handle()?.spawn(work)).outcome().await
    }
}

async fn read(mut response: Response) -> Result<http::Response<Bytes>, HttpError> {
    let mut body = BodyBuffer::new();
    while !body.is_full()
        && let Some(part) = response.chunk().await.map_err(sort)?
    {
        body.push(&part);
    }
    let mut read = http::Response::new(body.into_bytes());
    *read.status_mut() = response.status();
    *read.version_mut() = response.version();
    *read.headers_mut() = std::mem::take(response.headers_mut());
    Ok(read)
}

fn sort(error: reqwest::Error) -> HttpError {
    let error = hide_url(error);
    if error.is_timeout() {
        HttpError::timeout(error)
    } else if error.is_connect() && lacks_tls(&error) {
        HttpError::unusable(NO_TLS)
    } else if error.is_connect() {
        HttpError::connect(error)
    } else if error.is_builder() {
        HttpError::unusable(error)
    } else {
        HttpError::transport(error)
    }
}

/// Whether this reqwest has no TLS: it does not tell, and its connector then takes an `https` URL for a mistake.
fn lacks_tls(error: &reqwest::Error) -> bool {
    std::iter::successors(error.source(), |&cause| cause.source())
        .any(|cause| cause.to_string() == "invalid URL, scheme is not http")
}

/// The query of a URL may be nobody's business.
fn hide_url(error: reqwest::Error) -> reqwest::Error {
    error.without_url()
}

/// Cancels its task when dropped.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> AbortOnDrop<Result<T, HttpError>> {
    async fn outcome(mut self) -> Result<T, HttpError> {
        match (&mut self.0).await {
            Ok(outcome) => outcome,
            Err(_) => Err(HttpError::transport("the request panicked")),
        }
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for ReqwestHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestHttpClient").finish_non_exhaustive()
    }
}
