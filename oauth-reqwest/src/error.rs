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
    Http(#[from] reqwest::Error),
    /// The blocking client was used inside an async runtime, where reqwest's own cannot be either. Use
    /// [`Client`](crate::Client) there, or move the call to a thread that may block
    /// (`tokio::task::spawn_blocking`). The request was not sent.
    #[cfg(feature = "blocking")]
    #[error(
        "the blocking client was used inside an async runtime; use oauth_reqwest::Client there, or \
         tokio::task::spawn_blocking"
    )]
    InsideRuntime,
}
