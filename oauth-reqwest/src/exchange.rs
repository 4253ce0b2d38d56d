//! Glue between reqwest's requests and the authorizer.

use http::{Extensions, HeaderMap, Method, StatusCode};
use oauth_core::{Authorizer, Error, Exchange, NotResent, Target, Verdict};
use reqwest::{Request, Url};

/// Starts the authorization of a request.
pub(crate) fn begin<'a>(
    authorizer: &'a Authorizer,
    extensions: &Extensions,
    url: &Url,
    method: &Method,
) -> Result<Exchange<'a>, Error> {
    let target = target(url).with_path(url.path()).with_method(method);
    authorizer.exchange_for(&target, extensions)
}

/// The request once more, to be sent a second time; none if its body is a stream.
pub(crate) fn spare(request: &Request) -> Option<Request> {
    if request.body().is_some() || request.timeout().is_some() {
        return request.try_clone();
    }
    // `try_clone` allocates room for a timeout though there is none: for most requests half of what they cost here.
    let mut spare = Request::new(request.method().clone(), request.url().clone());
    spare.headers_mut().clone_from(request.headers());
    *spare.version_mut() = request.version();
    Some(spare)
}

/// A response of reqwest, which has two kinds of them.
pub(crate) trait Answer {
    /// Whose answer it is, how it went, and what else it says.
    fn head(&self) -> (&Url, StatusCode, &HeaderMap);

    fn extensions_mut(&mut self) -> &mut Extensions;
}

macro_rules! impl_answer {
    ($response:ty) => {
        impl Answer for $response {
            fn head(&self) -> (&Url, StatusCode, &HeaderMap) {
                (self.url(), self.status(), self.headers())
            }

            fn extensions_mut(&mut self) -> &mut Extensions {
                self.extensions_mut()
            }
        }
    };
}

impl_answer!(reqwest::Response);
#[cfg(feature = "blocking")]
impl_answer!(reqwest::blocking::Response);

/// Whether to send the request once more after this answer.
pub(crate) fn says_resend(exchange: &mut Exchange<'_>, answer: &impl Answer) -> bool {
    let (url, status, headers) = answer.head();
    exchange.review(&target(url), status, headers) == Verdict::Resend
}

/// Ends an exchange whose request was sent twice, which the response then says.
pub(crate) fn conclude(mut exchange: Exchange<'_>, answer: &mut impl Answer) {
    says_resend(&mut exchange, answer);
    if let Some(resent) = exchange.resent() {
        answer.extensions_mut().insert(resent);
    }
}

/// Says on an answer why its request could not be sent again.
pub(crate) fn leave(error: Error, answer: &mut impl Answer) {
    answer.extensions_mut().insert(NotResent::new(error));
}

/// One with user information is at no origin, see [`Target::of`].
fn target(url: &Url) -> Target<'_> {
    let is_plain = url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| is_plain).unwrap_or_default();
    Target::new(url.scheme(), host, url.port())
}
