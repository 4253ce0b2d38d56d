//! Glue between reqwest's requests and the authorizer.

use http::{Extensions, HeaderMap, Method, StatusCode};
use oauth_core::{Authorizer, Error, Exchange, Target, Verdict};
use reqwest::Url;

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

/// Whether to send the request once more after this answer.
pub(crate) fn says_resend(
    exchange: &mut Exchange<'_>,
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> bool {
    exchange.review(&target(url), status, headers) == Verdict::Resend
}

/// Says on the response of a request that was sent twice that it was.
pub(crate) fn mark(exchange: &Exchange<'_>, extensions: &mut Extensions) {
    if let Some(resent) = exchange.resent() {
        extensions.insert(resent);
    }
}

/// One with user information is at no origin, see [`Target::of`].
fn target(url: &Url) -> Target<'_> {
    let is_plain = url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| is_plain).unwrap_or_default();
    Target::new(url.scheme(), host, url.port())
}
