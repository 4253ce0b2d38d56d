//! Why a request got no response.

/// Why a request got no response. A response of whatever status is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no token for it, or the token is not meant for its origin. The request was not sent.
    #[error(transparent)]
    Token(#[from] oauth_core::Error),
    /// The request could not be built, or its exchange failed.
    #[error(transparent)]
    Http(#[from] isahc::Error),
}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        Self::Http(error.into())
    }
}
