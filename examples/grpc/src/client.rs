//! The client.

use anyhow::Result;
use oauth_core::{Authorizer, ClientCredentials};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::FakeTokenServer;
use oauth_tower::{OAuthLayer, OAuthService, RecordBody, RecordedBody};
use tonic::body::Body;
use tonic::transport::Channel;
use tower_layer::Layer;

/// The most that is kept of a request, to be sent again.
const RESENT: usize = 64 * 1024;

/// A channel whose calls bear a token.
pub type AuthorizedChannel = OAuthService<Channel, RecordBody<fn(RecordedBody<Body>) -> Body>>;

/// Puts the tokens of the issuer on the calls that `channel` makes at `origin`.
///
/// # Errors
///
/// If the origin is none that a token may go to: neither `https` nor this machine.
pub fn authorized(
    channel: Channel,
    issuer: &FakeTokenServer,
    origin: &str,
) -> Result<AuthorizedChannel> {
    let source = ClientCredentials::builder(issuer.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new()?)
        .build()?
        .cached();
    let authorizer = Authorizer::new(source, [origin])?;
    // Named with its type, for the alias above; where a `let` holds the client, `Body::new` is enough.
    let wrap: fn(RecordedBody<Body>) -> Body = Body::new;
    let layer = OAuthLayer::new(authorizer)
        .heal_grpc_unauthenticated()
        .resend(RecordBody::up_to(RESENT, wrap));
    Ok(layer.layer(channel))
}
