//! The layer.

use oauth_core::Authorizer;
use tower_layer::Layer;

use crate::{CloneBody, OAuthService};

/// Wraps services in [`OAuthService`].
///
/// Put it inside of a layer that retries, so that each attempt bears a current token, and inside of one that follows
/// redirects, so that each hop is held against the origins. A service inside of it must follow no redirects: it would
/// take the token along, and what another origin says about it would be believed.
#[derive(Debug, Clone)]
pub struct OAuthLayer<P = CloneBody> {
    authorizer: Authorizer,
    resend: P,
    heals_grpc: bool,
}

impl OAuthLayer {
    /// Authorizes requests by `authorizer`. Their bodies are cloned, to be sent again after a rejection; for
    /// bodies that cannot be cloned, see [`resend`](Self::resend).
    #[must_use]
    pub fn new(authorizer: Authorizer) -> Self {
        Self {
            authorizer,
            resend: CloneBody,
            heals_grpc: false,
        }
    }
}

impl<P> OAuthLayer<P> {
    /// Sends bodies again by `policy`: [`RecordBody`](crate::RecordBody) for those that cannot be cloned,
    /// [`NoResend`](crate::NoResend), or a `fn(&B) -> Option<B>`.
    #[must_use]
    pub fn resend<Q>(self, policy: Q) -> OAuthLayer<Q> {
        OAuthLayer {
            authorizer: self.authorizer,
            resend: policy,
            heals_grpc: self.heals_grpc,
        }
    }

    /// Also takes `grpc-status: 16` (UNAUTHENTICATED) in the headers of a response for a rejected token, as a
    /// server of gRPC answers with HTTP's 200. The default is not to: gRPC has no `invalid_token` that tells a
    /// token that is no good from other reasons. Where the server gives one in `WWW-Authenticate` all the same
    /// (`use_dpop_nonce`, `insufficient_scope`), that counts. A status in the trailers comes too late and is not seen.
    ///
    /// The token is replaced for the next request in any case; this one is sent again if its body can be: a client of
    /// tonic wants [`RecordBody`](crate::RecordBody) for that. It also wants to know where its server is
    /// (`with_origin` of the generated clients), or its requests say nothing of their origin, and get no token.
    #[must_use]
    pub fn heal_grpc_unauthenticated(mut self) -> Self {
        self.heals_grpc = true;
        self
    }
}

impl<S, P: Clone> Layer<S> for OAuthLayer<P> {
    type Service = OAuthService<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        OAuthService::from_layer(
            inner,
            self.authorizer.clone(),
            self.resend.clone(),
            self.heals_grpc,
        )
    }
}
