//! Authorization as a link in a chain of reqwest-middleware.

use async_trait::async_trait;
use http::Extensions;
use oauth_core::Authorizer;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

use crate::exchange::Attempts;

/// Authorizes the requests that pass through a chain of reqwest-middleware, as [`Client`](crate::Client) does.
/// For a program that has such a chain already; without one, [`Client`](crate::Client) is the shorter way.
///
/// Put it behind a middleware that retries, so that each attempt bears a current token. Give the reqwest client at
/// the end the [`redirect_policy`](crate::redirect_policy).
///
/// A [`RequestSource`](oauth_core::RequestSource) among the extensions of a request
/// (`RequestBuilder::with_extension` of reqwest-middleware) says whose token it bears, and
/// [`Authorizer::per_request`] sees all of them.
///
/// # Errors
///
/// [`Error::Middleware`] holds the [`oauth_core::Error`] if there is no token, or it is not meant for the
/// request's origin. The request is not sent on then.
///
/// # Examples
///
/// ```
/// use oauth_core::Authorizer;
/// use oauth_reqwest::OAuthMiddleware;
/// use reqwest_middleware::ClientBuilder;
///
/// # fn example(source: impl oauth_core::TokenSource + 'static) -> Result<(), Box<dyn std::error::Error>> {
/// let http = reqwest::Client::builder().redirect(oauth_reqwest::redirect_policy()).build()?;
/// let authorizer = Authorizer::new(source, ["https://api.example.com"])?;
/// let api = ClientBuilder::new(http).with(OAuthMiddleware::new(authorizer)).build();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct OAuthMiddleware {
    authorizer: Authorizer,
}

impl OAuthMiddleware {
    /// Authorizes requests by `authorizer`.
    #[must_use]
    pub fn new(authorizer: Authorizer) -> Self {
        Self { authorizer }
    }
}

#[async_trait]
impl Middleware for OAuthMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let attempts = Attempts::start(&self.authorizer, &mut request, extensions).await;
        let mut attempts = attempts.map_err(Error::middleware)?;
        loop {
            let mut response = next.clone().run(request, extensions).await?;
            match attempts.next(&response).await {
                Some(again) => request = again,
                None => {
                    attempts.mark(response.extensions_mut());
                    return Ok(response);
                }
            }
        }
    }
}
