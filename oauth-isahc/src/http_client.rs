//! Token requests through isahc.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::io::AsyncReadExt;
use isahc::config::{Configurable, RedirectPolicy};
use isahc::error::ErrorKind as IsahcErrorKind;
use isahc::{AsyncBody, HttpClientBuilder, Request};
use oauth_core::{BodyBuffer, Error, ErrorKind, HttpClient, HttpError, async_trait};
use zeroize::Zeroizing;

use crate::wire_log;

/// How long connecting to a token endpoint may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a token request may take as a whole.
const TIMEOUT: Duration = Duration::from_secs(15);
/// libcurl itself calls `https` an unsupported protocol, as it calls an answer that is no HTTP.
const NO_TLS: &str =
    "no TLS is compiled into isahc; enable its feature `rustls-tls` or `native-tls` for `https`";

/// Sends token requests through isahc, hardened for the purpose: it follows no redirect (the secret must not go
/// to a second host), keeps no cookies, gives up connecting after 5 s and the whole exchange after 15 s, and
/// reads at most 1 MiB. Plain `http`, which is for this machine only, never goes through a proxy.
///
/// It works in every async runtime and in none: isahc drives its requests on a thread of its own.
///
/// isahc can write what goes over the wire to its log, credentials included: see
/// [Logs](crate#what-isahc-logs).
pub struct IsahcHttpClient {
    http: isahc::HttpClient,
}

impl IsahcHttpClient {
    /// A client with the settings above.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if isahc cannot set itself up.
    pub fn new() -> Result<Self, Error> {
        Self::configured(|builder| builder)
    }

    /// A client with further settings: other limits on time, a certificate authority, a proxy. Redirects stay
    /// off whatever they say.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if isahc cannot set itself up so.
    ///
    /// # Examples
    ///
    /// ```
    /// use isahc::config::Configurable;
    /// use oauth_isahc::IsahcHttpClient;
    /// use std::time::Duration;
    ///
    /// let client = IsahcHttpClient::configured(|builder| builder.timeout(Duration::from_secs(3)))?;
    /// # Ok::<(), oauth_core::Error>(())
    /// ```
    pub fn configured(
        settings: impl FnOnce(HttpClientBuilder) -> HttpClientBuilder,
    ) -> Result<Self, Error> {
        let defaults = isahc::HttpClient::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT);
        let http = settings(defaults)
            .redirect_policy(RedirectPolicy::None)
            .build();
        let http = http.map_err(|cause| {
            let message = "isahc cannot be set up for token requests (check TLS, and the settings given to IsahcHttpClient::configured)";
            Error::builder(ErrorKind::Configuration, message)
                .source(cause)
                .build()
        })?;
        Ok(Self { http })
    }
}

#[async_trait]
impl HttpClient for IsahcHttpClient {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        if request.uri().scheme_str() == Some("https") && !curl::Version::get().feature_ssl() {
            return Err(HttpError::unusable(NO_TLS));
        }
        // A copy, since libcurl must be able to rewind it when a kept connection turns out to be closed.
        let mut request = request.map(|body| AsyncBody::from(body.to_vec()));
        if request.uri().scheme_str() == Some("http") {
            request = without_proxy(request).map_err(HttpError::unusable)?;
        }
        let response = wire_log::muted_async(self.http.send_async(request)).await;
        let response = response.map_err(sort)?;
        let (parts, body) = response.into_parts();
        Ok(http::Response::from_parts(parts, read(body).await?))
    }
}

/// A proxy would carry the credentials off this machine in the clear.
fn without_proxy(request: Request<AsyncBody>) -> http::Result<Request<AsyncBody>> {
    let (parts, body) = request.into_parts();
    let mut builder = Request::builder()
        .method(parts.method)
        .uri(parts.uri)
        .proxy(None);
    if let Some(headers) = builder.headers_mut() {
        *headers = parts.headers;
    }
    builder.body(body)
}

async fn read(mut body: AsyncBody) -> Result<Bytes, HttpError> {
    let mut buffer = BodyBuffer::new();
    // Wiped too: there is a token in it.
    let mut part = Zeroizing::new([0; 8 * 1024]);
    while !buffer.is_full() {
        match body.read(&mut part[..]).await {
            Ok(0) => break,
            Ok(length) => buffer.push(&part[..length]),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(HttpError::timeout(error));
            }
            Err(error) => return Err(HttpError::transport(error)),
        }
    }
    Ok(buffer.into_bytes())
}

fn sort(error: isahc::Error) -> HttpError {
    match error.kind() {
        IsahcErrorKind::ConnectionFailed
        | IsahcErrorKind::NameResolution
        | IsahcErrorKind::BadServerCertificate
        | IsahcErrorKind::BadClientCertificate
        | IsahcErrorKind::TlsEngine => HttpError::connect(error),
        IsahcErrorKind::Timeout => HttpError::timeout(error),
        IsahcErrorKind::InvalidRequest
        | IsahcErrorKind::InvalidTlsConfiguration
        | IsahcErrorKind::ClientInitialization => HttpError::unusable(error),
        _ => HttpError::transport(error),
    }
}

impl fmt::Debug for IsahcHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsahcHttpClient").finish_non_exhaustive()
    }
}
