//! The service.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use oauth_core::{Authorizer, Challenge, Exchange, NotResent, Target, Verdict};
use tower_service::Service;

use crate::ResendBody;

/// The error of any service, as tower's own middlewares give it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The answer to come.
pub type ResponseFuture<R> =
    Pin<Box<dyn Future<Output = Result<Response<R>, BoxError>> + Send + 'static>>;

/// Authorizes each request before the inner service sees it; made by [`OAuthLayer`](crate::OAuthLayer).
///
/// A request that has an `Authorization` header already passes through as it is. A
/// [`RequestSource`](oauth_core::RequestSource) among the extensions of a request says whose token it bears, and
/// [`Authorizer::per_request`] sees all of them.
///
/// # Readiness
///
/// It is ready when the inner service is, and the instance that was polled ready is the one called. What the inner
/// service reserved in `poll_ready` is held while a token is fetched. Before a request is sent again, that instance
/// is polled ready again, when its first answer has been dropped.
///
/// # Errors
///
/// The error of the inner service, or the [`oauth_core::Error`] itself, boxed
/// (`error.downcast_ref::<oauth_core::Error>()`), if there is no token, no source for the request, or none of them is
/// meant for its origin. The request never reaches the inner service then. If no new token comes after a rejection, the
/// rejection is the answer, with [`NotResent`] among its extensions.
///
/// # Cancellation
///
/// The future may be dropped at any time; a token request goes on for other callers.
#[derive(Debug, Clone)]
pub struct OAuthService<S, P = crate::CloneBody> {
    inner: S,
    authorizer: Authorizer,
    resend: P,
    heals_grpc: bool,
}

impl<S, P> OAuthService<S, P> {
    pub(crate) fn from_layer(
        inner: S,
        authorizer: Authorizer,
        resend: P,
        heals_grpc: bool,
    ) -> Self {
        Self {
            inner,
            authorizer,
            resend,
            heals_grpc,
        }
    }
}

impl<S, P, B, R> Service<Request<B>> for OAuthService<S, P>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    P: ResendBody<B> + 'static,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = ResponseFuture<R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let next = self.inner.clone();
        // The clone need not be ready: what was polled goes along.
        let inner = mem::replace(&mut self.inner, next);
        let (parts, body) = request.into_parts();
        let (body, kept) = self.resend.keep(body);
        let spare = kept.map(|kept| Request::from_parts(parts.clone(), kept));
        let request = Request::from_parts(parts, body);
        let heals_grpc = self.heals_grpc;
        Box::pin(send::<S, P, B, R>(
            self.authorizer.clone(),
            inner,
            request,
            spare,
            heals_grpc,
        ))
    }
}

async fn send<S, P, B, R>(
    authorizer: Authorizer,
    mut inner: S,
    mut request: Request<B>,
    spare: Option<Request<P::Kept>>,
    heals_grpc: bool,
) -> Result<Response<R>, BoxError>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    P: ResendBody<B>,
{
    let (uri, method) = (request.uri().clone(), request.method().clone());
    let target = Target::of(&uri).with_method(&method);
    let mut exchange = authorizer.exchange_for(&target, request.extensions())?;
    exchange.authorize(request.headers_mut()).await?;
    let mut response = inner.call(request).await.map_err(Into::into)?;

    let review = |exchange: &mut Exchange<&Authorizer>, response: &Response<R>| {
        if heals_grpc && is_grpc_unauthenticated(response) {
            let headers = in_words_of_http(response.headers());
            exchange.review(&target, StatusCode::UNAUTHORIZED, &headers)
        } else {
            exchange.review(&target, response.status(), response.headers())
        }
    };
    let verdict = review(&mut exchange, &response);
    let is_wanted = |spare: &Request<_>| verdict == Verdict::Resend && P::is_whole(spare.body());
    let Some(mut spare) = spare.filter(is_wanted) else {
        return Ok(response);
    };
    if let Err(error) = exchange.authorize(spare.headers_mut()).await {
        response.extensions_mut().insert(NotResent::new(error));
        return Ok(response);
    }
    let (parts, kept) = spare.into_parts();
    let Some(body) = P::restore(kept) else {
        return Ok(response);
    };
    // It may hold what the next readiness waits for.
    drop(response);
    poll_fn(|cx| inner.poll_ready(cx))
        .await
        .map_err(Into::into)?;
    let mut response = inner
        .call(Request::from_parts(parts, body))
        .await
        .map_err(Into::into)?;
    review(&mut exchange, &response);
    if let Some(resent) = exchange.resent() {
        response.extensions_mut().insert(resent);
    }
    Ok(response)
}

fn is_grpc_unauthenticated<R>(response: &Response<R>) -> bool {
    let status = response.headers().get("grpc-status");
    response.status() == StatusCode::OK && status.is_some_and(|status| status == "16")
}

/// What gRPC's status 16 says: that the token is no good, unless the server says what it is.
fn in_words_of_http(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    let has_reason = |challenge: &Challenge| {
        (challenge.is("bearer") || challenge.is("dpop")) && challenge.parameter("error").is_some()
    };
    if !Challenge::all(&headers).iter().any(has_reason) {
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        headers.append(WWW_AUTHENTICATE, challenge);
    }
    headers
}
