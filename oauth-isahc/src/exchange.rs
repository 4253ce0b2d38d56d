//! Glue between isahc's requests and the authorizer.

use http::request::Parts;
use http::{Request, Response, Uri};
use isahc::ResponseExt;
use oauth_core::{Authorizer, Error, Exchange, NotResent, Target, Verdict};

use crate::body::Repeatable;

/// One request to an API on its way, at most twice.
pub(crate) struct Attempts<'a, Body> {
    exchange: Exchange<&'a Authorizer>,
    uri: Uri,
    /// `None`: sent twice already, or the body is a stream, which can be sent once only.
    spare: Option<(Parts, Body)>,
}

impl<'a, Body: Repeatable> Attempts<'a, Body> {
    pub(crate) fn new(
        authorizer: &'a Authorizer,
        request: Request<Body>,
    ) -> Result<(Self, Request<Body>), Error> {
        let target = Target::of(request.uri()).with_method(request.method());
        let exchange = authorizer.exchange_for(&target, request.extensions())?;
        let (parts, mut body) = request.into_parts();
        let attempts = Self {
            exchange,
            uri: parts.uri.clone(),
            spare: body.copy().map(|copy| (parts.clone(), copy)),
        };
        Ok((attempts, Request::from_parts(parts, body)))
    }

    pub(crate) async fn authorize(&mut self, request: &mut Request<Body>) -> Result<(), Error> {
        self.exchange.authorize(request.headers_mut()).await
    }

    pub(crate) fn authorize_blocking(&mut self, request: &mut Request<Body>) -> Result<(), Error> {
        self.exchange.authorize_blocking(request.headers_mut())
    }

    /// The response that is the caller's, which says whether its request was sent twice.
    pub(crate) fn mark(&self, mut response: Response<Body>) -> Response<Body> {
        if let Some(resent) = self.exchange.resent() {
            response.extensions_mut().insert(resent);
        }
        response
    }

    /// The request to authorize and send once more after this answer. `None`: the answer is the caller's.
    pub(crate) fn again(&mut self, response: &Response<Body>) -> Option<Request<Body>> {
        let answered_by = response.effective_uri().unwrap_or(&self.uri);
        if !is_same(answered_by, &self.uri) {
            return None;
        }
        let verdict = self.exchange.review(
            &Target::of(answered_by),
            response.status(),
            response.headers(),
        );
        let spare = self.spare.take().filter(|_| verdict == Verdict::Resend);
        spare.map(|(parts, body)| Request::from_parts(parts, body))
    }
}

/// Whether isahc has followed no redirect, as far as can be seen. On the way to another host or port it drops the token,
/// also if they are only spelled in another way, and does not tell: what is said after a redirect may be said of a
/// request without a token.
fn is_same(answered_by: &Uri, asked: &Uri) -> bool {
    // As URIs they are equal however their host is spelled.
    answered_by == asked && answered_by.host() == asked.host()
}

/// The answer, which says why its request could not be sent again.
pub(crate) fn leave<Body>(error: Error, mut answer: Response<Body>) -> Response<Body> {
    answer.extensions_mut().insert(NotResent::new(error));
    answer
}
