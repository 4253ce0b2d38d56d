//! Authorization as a link in a chain of reqwest-middleware.

use async_trait::async_trait;
use http::Extensions;
use oauth_core::{Authorizer, Exchange};
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

use crate::exchange::{Attempt, Spare, Start, conclude, leave, says_resend};

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
/// use oauth_core::{Authorizer, Exchange};
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
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let send = |request, extensions| next.clone().run(request, extensions);
        let start = Attempt::start(&self.authorizer, &mut *extensions, request, send);
        let Attempt {
            mut exchange,
            spare,
            answer,
        } = match start.map_err(Error::middleware)? {
            Start::Sent(attempt) => attempt,
            Start::Waits(waiting) => {
                let sent = Box::pin(waiting.sent(send)).await;
                sent.map_err(Error::middleware)?
            }
        };
        let response = answer.await?;
        let resends = says_resend(&mut exchange, &response);
        match spare.filter(|_| resends).and_then(Spare::request) {
            Some(spare) => Box::pin(resend(exchange, spare, response, extensions, next)).await,
            None => Ok(response),
        }
    }
}

/// Sends the request once more, unless no new token comes: then the first answer is the caller's.
async fn resend(
    mut exchange: Exchange<&Authorizer>,
    mut request: Request,
    mut answer: Response,
    extensions: &mut Extensions,
    next: Next<'_>,
) -> Result<Response> {
    if let Err(error) = exchange.authorize(request.headers_mut()).await {
        leave(error, &mut answer);
        return Ok(answer);
    }
    let mut response = next.run(request, extensions).await?;
    conclude(exchange, &mut response);
    Ok(response)
}
