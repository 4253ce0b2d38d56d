//! Glue between reqwest's requests and the authorizer.

use http::{Extensions, HeaderMap, Method, StatusCode};
use oauth_core::{Authorizer, Error, Exchange, Target, Verdict};
use reqwest::Url;

/// One request to an API on its way, at most twice.
pub(crate) struct Attempts<'a, Request> {
    exchange: Exchange<'a>,
    /// `None`: sent twice already, or the body is a stream, which can be sent once only.
    spare: Option<Request>,
}

impl<'a, Request> Attempts<'a, Request> {
    fn new(
        authorizer: &'a Authorizer,
        extensions: &Extensions,
        url: &Url,
        method: &Method,
        spare: Option<Request>,
    ) -> Result<Self, Error> {
        let target = target(url).with_path(url.path()).with_method(method);
        Ok(Self {
            exchange: authorizer.exchange_for(&target, extensions)?,
            spare,
        })
    }

    /// Says so on a response whose request was sent twice.
    pub(crate) fn mark(&self, extensions: &mut Extensions) {
        if let Some(resent) = self.exchange.resent() {
            extensions.insert(resent);
        }
    }

    /// The request to authorize and send once more after this answer.
    fn again(&mut self, url: &Url, status: StatusCode, headers: &HeaderMap) -> Option<Request> {
        let verdict = self.exchange.review(&target(url), status, headers);
        self.spare.take().filter(|_| verdict == Verdict::Resend)
    }
}

impl<'a> Attempts<'a, reqwest::Request> {
    /// Authorizes `request` for its first attempt.
    pub(crate) async fn start(
        authorizer: &'a Authorizer,
        request: &mut reqwest::Request,
        extensions: &Extensions,
    ) -> Result<Self, Error> {
        let (url, method) = (request.url(), request.method());
        let mut attempts = Self::new(authorizer, extensions, url, method, request.try_clone())?;
        attempts.exchange.authorize(request.headers_mut()).await?;
        Ok(attempts)
    }

    /// The request to send after this answer. `None`: the answer is the caller's.
    pub(crate) async fn next(&mut self, response: &reqwest::Response) -> Option<reqwest::Request> {
        let mut request = self.again(response.url(), response.status(), response.headers())?;
        self.exchange.authorize(request.headers_mut()).await.ok()?;
        Some(request)
    }
}

#[cfg(feature = "blocking")]
impl<'a> Attempts<'a, reqwest::blocking::Request> {
    /// Authorizes `request` for its first attempt.
    pub(crate) fn start_blocking(
        authorizer: &'a Authorizer,
        request: &mut reqwest::blocking::Request,
        extensions: &Extensions,
    ) -> Result<Self, Error> {
        let (url, method) = (request.url(), request.method());
        let mut attempts = Self::new(authorizer, extensions, url, method, request.try_clone())?;
        attempts
            .exchange
            .authorize_blocking(request.headers_mut())?;
        Ok(attempts)
    }

    /// The request to send after this answer. `None`: the answer is the caller's.
    pub(crate) fn next_blocking(
        &mut self,
        response: &reqwest::blocking::Response,
    ) -> Option<reqwest::blocking::Request> {
        let mut request = self.again(response.url(), response.status(), response.headers())?;
        self.exchange
            .authorize_blocking(request.headers_mut())
            .ok()?;
        Some(request)
    }
}

/// One with user information is at no origin, see [`Target::of`].
fn target(url: &Url) -> Target<'_> {
    let is_plain = url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| is_plain).unwrap_or_default();
    Target::new(url.scheme(), host, url.port())
}
