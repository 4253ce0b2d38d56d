//! Why there is no token.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::oauth_error::{OAuthError, OAuthErrorCode};
use crate::scope::InvalidScope;
use crate::token::InvalidToken;

/// What kind of thing went wrong, and so what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something was set up wrongly on this side. Repeating does not help: mend the value named.
    Configuration,
    /// No connection to the server came about. Repeating may help.
    Connect,
    /// No answer came in time. Repeating may help.
    Timeout,
    /// The connection broke, or could not be understood. Repeating may help.
    Transport,
    /// The server asked for fewer requests (429). Repeating helps after
    /// [`retry_after`](Error::retry_after).
    RateLimited,
    /// The server is out of order for now (5xx, 408). Repeating may help.
    ServerUnavailable,
    /// The server understood the request and refused it: see [`oauth_error`](Error::oauth_error).
    /// Repeating does not help; change the credentials, the scope or the client's registration. Only
    /// `temporarily_unavailable` and its like are retryable.
    Refused,
    /// The server answered with something that is not a token response (RFC 6749 §5.1). Repeating does
    /// not help; check the token URL.
    MalformedResponse,
    /// The metadata of the server is missing or cannot be used (RFC 8414); the
    /// [`source`](std::error::Error::source) is a [`DiscoveryError`](crate::DiscoveryError). Repeating does not
    /// help; check the issuer.
    Discovery,
    /// The token is of a type this client cannot use (RFC 6749 §7.1). Repeating does not help.
    UnsupportedTokenType,
    /// Fresh tokens are rejected by the API, or the server handed out a rejected one. Repeating helps
    /// only once the API or the server has been mended.
    TokenRejected,
    /// The request goes to an origin the token is not meant for; it was not sent. Add the origin or
    /// use another client.
    ForeignOrigin,
}

impl ErrorKind {
    /// The name of the kind in `snake_case`, for logs and metrics. It does not change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::RateLimited => "rate_limited",
            Self::ServerUnavailable => "server_unavailable",
            Self::Refused => "refused",
            Self::MalformedResponse => "malformed_response",
            Self::Discovery => "discovery",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::TokenRejected => "token_rejected",
            Self::ForeignOrigin => "foreign_origin",
        }
    }
}

/// Why there is no token. Cloning costs a reference count: all who wait on one request share its
/// error.
///
/// `{}` shows the error itself, whose causes are in [`source`](StdError::source) as usual; `{:#}` shows the
/// causes too.
///
/// It never holds a secret, nor anything of a response but its status, its content type, the fields of RFC 6749 §5.2
/// and the name of a token type that cannot be used.
#[derive(Clone)]
pub struct Error {
    detail: Arc<Detail>,
    next_attempt_in: Option<Duration>,
}

#[derive(Debug)]
struct Detail {
    kind: ErrorKind,
    message: Cow<'static, str>,
    status: Option<StatusCode>,
    oauth_error: Option<OAuthError>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind. `message` says what was wrong, with what value (never a secret), and
    /// what to do.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        ErrorBuilder::new(kind, message).build()
    }

    /// An error with more to it than a message.
    pub fn builder(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> ErrorBuilder {
        ErrorBuilder::new(kind, message)
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.detail.kind
    }

    /// Whether the same request may succeed later with nothing changed on this side.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.detail.kind {
            ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::Transport
            | ErrorKind::RateLimited
            | ErrorKind::ServerUnavailable => true,
            ErrorKind::Refused => self.oauth_error().is_some_and(|error| passes(error.code())),
            _ => false,
        }
    }

    /// How long to wait before asking again: the time until the cache asks the server again, or else
    /// what the server said in `Retry-After` (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.next_attempt_in.or(self.detail.retry_after)
    }

    /// What the server said in OAuth's own words (RFC 6749 §5.2), if it did.
    #[must_use]
    pub fn oauth_error(&self) -> Option<&OAuthError> {
        self.detail.oauth_error.as_ref()
    }

    /// The HTTP status of the response, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.detail.status
    }

    /// The same error, told to a caller who came while no further request is sent.
    pub(crate) fn with_next_attempt_in(mut self, wait: Duration) -> Self {
        self.next_attempt_in = Some(wait);
        self
    }

    pub(crate) fn configuration(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }
}

fn passes(code: &OAuthErrorCode) -> bool {
    matches!(
        code,
        OAuthErrorCode::TemporarilyUnavailable
            | OAuthErrorCode::ServerError
            | OAuthErrorCode::SlowDown
    )
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail.message)?;
        if let Some(error) = &self.detail.oauth_error {
            write!(f, ": {error}")?;
        }
        if let Some(status) = self.detail.status {
            write!(f, " [HTTP {}]", status.as_u16())?;
        }
        if f.alternate() {
            let mut cause = StdError::source(self);
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
        }
        if let Some(wait) = self.next_attempt_in {
            write!(
                f,
                "; the next attempt is due in {:.1} s",
                wait.as_secs_f64()
            )?;
        } else if let Some(wait) = self.detail.retry_after {
            write!(f, "; it asks to wait {} s", wait.as_secs())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.detail.kind)
            .field("message", &self.detail.message)
            .field("status", &self.detail.status)
            .field("oauth_error", &self.detail.oauth_error)
            .field("retry_after", &self.retry_after())
            .field("source", &self.detail.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.detail
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<InvalidScope> for Error {
    fn from(error: InvalidScope) -> Self {
        Self::configuration(error.to_string())
    }
}

impl From<InvalidToken> for Error {
    fn from(error: InvalidToken) -> Self {
        Self::new(ErrorKind::MalformedResponse, error.to_string())
    }
}

/// Builds an [`Error`]; made by [`Error::builder`].
#[derive(Debug)]
#[must_use]
pub struct ErrorBuilder(Detail);

impl ErrorBuilder {
    fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Detail {
            kind,
            message: message.into(),
            status: None,
            oauth_error: None,
            retry_after: None,
            source: None,
        })
    }

    /// The HTTP status of the response.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    /// What the server said in OAuth's own words.
    pub fn oauth_error(mut self, error: OAuthError) -> Self {
        self.0.oauth_error = Some(error);
        self
    }

    /// How long the server asked to wait.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The cause. Its texts must not hold a secret.
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The finished error.
    #[must_use]
    pub fn build(self) -> Error {
        Error {
            detail: Arc::new(self.0),
            next_attempt_in: None,
        }
    }
}
