//! The port to an HTTP client.

use std::error::Error as StdError;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{Error, ErrorKind};

/// Sends token requests: the seam between this crate and an HTTP client.
///
/// # Contract
///
/// - The request is sent as it is: method, URI, headers and body. A body is never logged.
/// - A redirect is **not** followed but returned like any other response: the body of a token request
///   holds credentials (RFC 9700 §4.12).
/// - Certificates are verified (RFC 6750 §5.3). No cookies are kept.
/// - Every request ends: with limits of the client's own on connecting and on the whole exchange,
///   after which the error is [`HttpError::Timeout`].
/// - At most [`MAX_RESPONSE_BODY`](crate::MAX_RESPONSE_BODY)` + 1` bytes of a body are read; the rest is left unread. The one byte
///   too many tells the caller that the body is too long.
/// - Any status is a response, not an error.
///
/// # Cancellation
///
/// Dropping the future cancels the request.
///
/// # Errors
///
/// [`HttpError`], whose kinds differ in what the caller may do. Its texts must not hold a secret: no
/// header and no body.
///
/// # Examples
///
/// A client for tests that always answers the same:
///
/// ```
/// use bytes::Bytes;
/// use oauth_core::{HttpClient, HttpError, async_trait};
///
/// struct Canned(&'static str);
///
/// #[async_trait]
/// impl HttpClient for Canned {
///     async fn send(
///         &self,
///         request: http::Request<Bytes>,
///     ) -> Result<http::Response<Bytes>, HttpError> {
///         assert_eq!(request.method(), http::Method::POST);
///         Ok(http::Response::new(Bytes::from_static(self.0.as_bytes())))
///     }
/// }
/// # let _: &dyn HttpClient = &Canned("{}");
/// ```
#[async_trait]
pub trait HttpClient: Send + Sync {
    /// Sends `request` and reads the whole response.
    async fn send(&self, request: http::Request<Bytes>)
    -> Result<http::Response<Bytes>, HttpError>;
}

#[async_trait]
impl<T: HttpClient + ?Sized> HttpClient for Arc<T> {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        (**self).send(request).await
    }
}

type Source = Box<dyn StdError + Send + Sync>;

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The connection could not be made: name resolution, TCP or TLS.
    #[error("no connection to the server could be made")]
    Connect(#[source] Source),
    /// A limit of the HTTP client on time ran out.
    #[error("the server did not answer in time")]
    Timeout(#[source] Source),
    /// The connection broke or the response could not be understood.
    #[error("the exchange with the server broke off")]
    Transport(#[source] Source),
    /// The HTTP client cannot send such a request, or not from here.
    #[error("the HTTP client cannot send this request")]
    Unusable(#[source] Source),
}

impl HttpError {
    /// The connection could not be made.
    pub fn connect(source: impl Into<Source>) -> Self {
        Self::Connect(source.into())
    }

    /// A limit on time ran out.
    pub fn timeout(source: impl Into<Source>) -> Self {
        Self::Timeout(source.into())
    }

    /// The connection broke or the response could not be understood.
    pub fn transport(source: impl Into<Source>) -> Self {
        Self::Transport(source.into())
    }

    /// The HTTP client cannot send such a request, or not from here.
    pub fn unusable(source: impl Into<Source>) -> Self {
        Self::Unusable(source.into())
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        let kind = match &error {
            HttpError::Connect(_) => ErrorKind::Connect,
            HttpError::Timeout(_) => ErrorKind::Timeout,
            HttpError::Transport(_) => ErrorKind::Transport,
            HttpError::Unusable(_) => ErrorKind::Configuration,
        };
        let message = match StdError::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        Self::builder(kind, message).source(error).build()
    }
}
