//! A source of tokens for one request, where each request may be of another tenant.

use std::fmt;

use async_trait::async_trait;
use http::Extensions;

use crate::error::Error;
use crate::source::{SharedTokenSource, TokenSource};
use crate::target::Target;
use crate::token::AccessToken;

/// Among the extensions of a request: the source of its token, in place of that of the
/// [`Authorizer`](crate::Authorizer). The token goes to the same origins.
///
/// # Examples
///
/// ```
/// use oauth_core::{RequestSource, SharedTokenSource};
///
/// # fn example(of_tenant: SharedTokenSource) -> Result<(), http::Error> {
/// let request = http::Request::get("https://api.example.com/things")
///     .extension(RequestSource::new(of_tenant))
///     .body(())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RequestSource(SharedTokenSource);

impl RequestSource {
    /// The tokens of `source` are for this request.
    #[must_use]
    pub fn new(source: SharedTokenSource) -> Self {
        Self(source)
    }

    /// Where the token of the request comes from.
    #[must_use]
    pub fn source(&self) -> &SharedTokenSource {
        &self.0
    }
}

impl fmt::Debug for RequestSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSource").finish_non_exhaustive()
    }
}

/// Names the source of a request.
pub(crate) type Pick =
    dyn Fn(&Target<'_>, &Extensions) -> Result<SharedTokenSource, Error> + Send + Sync;

/// Where each request has to name its source, the one of a request that does not.
pub(crate) struct Unnamed;

#[async_trait]
impl TokenSource for Unnamed {
    async fn token(&self) -> Result<AccessToken, Error> {
        Err(Error::configuration(
            "the request does not say whose token it needs; put a RequestSource among its extensions",
        ))
    }
}
