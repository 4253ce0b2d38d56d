//! Glue between reqwest's requests and the authorizer.

use oauth_core::{Authorizer, Error, Exchange, Target, Verdict};
use reqwest::{Request, Response, Url};

/// One request to an API on its way, at most twice.
pub(crate) struct Attempts<'a> {
    exchange: Exchange<'a>,
    /// `None`: sent twice already, or the body is a stream, which can be sent once only.
    spare: Option<Request>,
}

impl<'a> Attempts<'a> {
    /// Authorizes `request` for its first attempt.
    pub(crate) async fn start(
        authorizer: &'a Authorizer,
        request: &mut Request,
    ) -> Result<Self, Error> {
        let mut exchange = authorizer.exchange(&target(request.url()))?;
        let spare = request.try_clone();
        exchange.authorize(request.headers_mut()).await?;
        Ok(Self { exchange, spare })
    }

    /// The request to send after this answer. `None`: the answer is the caller's.
    pub(crate) async fn next(&mut self, response: &Response) -> Option<Request> {
        let answered_by = target(response.url());
        let verdict = self
            .exchange
            .review(&answered_by, response.status(), response.headers());
        let mut request = self.spare.take().filter(|_| verdict == Verdict::Resend)?;
        self.exchange.authorize(request.headers_mut()).await.ok()?;
        Some(request)
    }
}

fn target(url: &Url) -> Target<'_> {
    Target::new(url.scheme(), url.host_str().unwrap_or_default(), url.port())
}
