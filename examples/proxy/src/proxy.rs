//! The proxy.

use std::fmt;

use axum::body::Body;
use http::header::{AUTHORIZATION, HOST, HeaderValue, VIA};
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use oauth_core::Authorizer;
use oauth_tower::{BoxError, OAuthLayer, OAuthService, RecordBody, RecordedBody};
use tower::ServiceExt;
use tower_layer::Layer;

use crate::hop_by_hop;

/// The most that is kept of a request, to be sent again. A larger one passes through and is not.
pub const RESENT: usize = 64 * 1024;

type Upstream =
    OAuthService<Client<HttpConnector, Body>, RecordBody<fn(RecordedBody<Body>) -> Body>>;

/// Passes requests on to one API, with a token that its callers do not have.
///
/// Whoever reaches it can do what the token allows: it belongs where its callers are known, on the same machine or
/// behind something that authenticates them.
#[derive(Clone, Debug)]
pub struct Proxy {
    authority: Authority,
    upstream: Upstream,
}

impl Proxy {
    /// A proxy for the API at this authority.
    #[must_use]
    pub fn new(authorizer: Authorizer, authority: Authority) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let wrap: fn(RecordedBody<Body>) -> Body = Body::new;
        let layer = OAuthLayer::new(authorizer).resend(RecordBody::up_to(RESENT, wrap));
        Self {
            authority,
            upstream: layer.layer(client),
        }
    }

    /// Passes a request on, and the response back. 502 (Bad Gateway) if there is none, no token, or none that the API
    /// takes.
    pub async fn forward(self, request: Request<Body>) -> Response<Body> {
        match self.try_forward(request).await {
            Ok(response) => response,
            Err(error) => bad_gateway(&error),
        }
    }

    async fn try_forward(self, mut request: Request<Body>) -> Result<Response<Body>, BoxError> {
        *request.uri_mut() = self.at_the_api(request.uri())?;
        let headers = request.headers_mut();
        hop_by_hop::remove(headers);
        // The caller's credentials are for the proxy, and nobody else's to see. Left there they would also stand in
        // place of the token, which is put on no request that has an Authorization of its own.
        headers.remove(AUTHORIZATION);
        // The client names the host it connects to.
        headers.remove(HOST);
        // RFC 9110 §7.6.3
        headers.append(VIA, HeaderValue::from_static("1.1 examples-proxy"));
        let mut response = self.upstream.oneshot(request).await?.map(Body::new);
        if response.status() == StatusCode::UNAUTHORIZED {
            // The token was the proxy's: the caller has nothing to put right, and is not told so.
            return Ok(bad_gateway(&"the API refused the token"));
        }
        hop_by_hop::remove(response.headers_mut());
        Ok(response)
    }

    fn at_the_api(&self, uri: &Uri) -> Result<Uri, http::uri::InvalidUriParts> {
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        Uri::from_parts(parts)
    }
}

fn bad_gateway(why: &dyn fmt::Display) -> Response<Body> {
    // For whoever runs it: what is wrong here is no business of the caller's.
    eprintln!("the proxy answers 502: {why}");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}
