//! The port to an HTTP client.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::protocol::origin::Origin;
use crate::protocol::response::MAX_RESPONSE_BODY;
use crate::secret::wiped_bytes;

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
/// - At most [`MAX_RESPONSE_BODY`]` + 1` bytes of a body are read; the rest is left unread. The one byte
///   too many tells the caller that the body is too long. [`BodyBuffer`] does that.
/// - Any status is a response, not an error.
///
/// # Cancellation
///
/// Dropping the future cancels the request, or lets it end by its own limits where nothing can cancel it. It must not
/// block its thread.
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

/// Collects the body of a response, up to one byte more than [`MAX_RESPONSE_BODY`]. Its memory is wiped
/// when the last reference to the finished bytes is dropped: there is a token in it.
#[derive(Default)]
pub struct BodyBuffer(Zeroizing<Vec<u8>>);

impl BodyBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        // Most responses fit: a reallocation would leave a copy of the token.
        Self(Zeroizing::new(Vec::with_capacity(8 * 1024)))
    }

    /// Takes in the next part of the body, as far as there is room. Once it is full, reading on is of no
    /// use.
    pub fn push(&mut self, part: &[u8]) {
        let room = (MAX_RESPONSE_BODY + 1).saturating_sub(self.0.len());
        self.0.extend_from_slice(&part[..part.len().min(room)]);
    }

    /// Whether there is no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.len() > MAX_RESPONSE_BODY
    }

    /// The body.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        wiped_bytes(self.0)
    }
}

impl fmt::Debug for BodyBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyBuffer")
            .field("len", &self.0.len())
            .finish_non_exhaustive()
    }
}

type Source = Box<dyn StdError + Send + Sync>;

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The connection could not be made: name resolution, TCP or TLS.
    #[error("no connection to the server could be made ({})", self.next_step())]
    Connect(#[source] Source),
    /// A limit of the HTTP client on time ran out.
    #[error("the server did not answer in time ({})", self.next_step())]
    Timeout(#[source] Source),
    /// The connection broke or the response could not be understood.
    #[error("the exchange with the server broke off ({})", self.next_step())]
    Transport(#[source] Source),
    /// The HTTP client cannot send such a request, or not from here.
    #[error("the HTTP client cannot send this request ({})", self.next_step())]
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

    /// The same of a request to this server, whose name is what a reader looks for first.
    pub(crate) fn at(self, origin: &Origin) -> Error {
        let message = match &self {
            Self::Connect(_) => format!("no connection to {origin} could be made"),
            Self::Timeout(_) => format!("{origin} did not answer in time"),
            Self::Transport(_) => format!("the exchange with {origin} broke off"),
            Self::Unusable(_) => format!("the HTTP client cannot send this request to {origin}"),
        };
        let next = self.next_step();
        self.told_as(format!("{message} ({next})"))
    }

    fn next_step(&self) -> &'static str {
        match self {
            Self::Connect(_) => {
                "check its URL, the way there and the certificates it is trusted by"
            }
            Self::Timeout(_) => "try again later, or raise the limit of the HTTP client",
            Self::Transport(_) => "try again later, and look at what is on the way there",
            Self::Unusable(_) => "look at the cause, and at how the HTTP client is set up",
        }
    }

    fn told_as(self, message: String) -> Error {
        let (kind, source) = match self {
            Self::Connect(source) => (ErrorKind::Connect, source),
            Self::Timeout(source) => (ErrorKind::Timeout, source),
            Self::Transport(source) => (ErrorKind::Transport, source),
            Self::Unusable(source) => (ErrorKind::Configuration, source),
        };
        Error::builder(kind, message).source(source).build()
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        let message = error.to_string();
        error.told_as(message)
    }
}
