//! A gRPC client whose calls bear a token, and a server that refuses those that do not, both on tonic and in one
//! process. The service is the one of health checks (`grpc.health.v1.Health`), whose code comes ready-made:
//!
//! ```sh
//! cargo run -p examples-grpc
//! ```

mod client;
mod server;

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use oauth_testkit::FakeTokenServer;
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

pub use client::{AuthorizedChannel, authorized};
pub use server::{Server, TokenCheck};

/// What it shows, told on the standard output while it happens.
///
/// # Errors
///
/// If anything is not as told.
pub async fn run() -> Result<()> {
    let issuer = Arc::new(FakeTokenServer::start()?);
    let server = Server::start(Arc::clone(&issuer)).await?;
    let origin = server.origin();
    let channel = Channel::from_shared(origin.clone())?.connect().await?;

    let mut stranger = HealthClient::new(channel.clone());
    let Err(refused) = stranger.check(everything()).await else {
        bail!("a call without a token was answered");
    };
    println!("A client without a token is told: {:?}.", refused.code());
    ensure!(refused.code() == Code::Unauthenticated);

    let channel = authorized(channel, &issuer, &origin)?;
    // Which server it speaks to has to be said: a token goes to the origins it is meant for only.
    let mut health = HealthClient::with_origin(channel, origin.parse()?);
    let answer = health.check(everything()).await?.into_inner();
    println!("The first call fetches a token: {:?}.", answer.status());
    ensure!(answer.status() == ServingStatus::Serving && issuer.token_request_count() == 1);

    let calls: Vec<_> = (0..10)
        .map(|_| {
            let mut health = health.clone();
            tokio::spawn(async move { health.check(everything()).await })
        })
        .collect();
    for call in calls {
        call.await??;
    }
    println!(
        "Ten calls at once use the same token: {} request to the token endpoint.",
        issuer.token_request_count()
    );
    ensure!(issuer.token_request_count() == 1);

    let before = server.refusals();
    issuer.revoke_all();
    health.check(everything()).await?;
    println!(
        "The token is revoked. The server refuses {} call; it is made again with a new token, and answered.",
        server.refusals() - before
    );
    ensure!(server.refusals() - before == 1 && issuer.token_request_count() == 2);

    let mut news = health.watch(everything()).await?.into_inner();
    let Some(first) = news.message().await? else {
        bail!("the stream ended before its first message");
    };
    issuer.revoke_all();
    server.set_serving(false).await;
    let Some(second) = news.message().await? else {
        bail!("the stream ended with its token");
    };
    println!(
        "A stream outlives its token, which is checked when a call begins: {:?}, then {:?}.",
        first.status(),
        second.status()
    );
    ensure!(second.status() == ServingStatus::NotServing && issuer.token_request_count() == 2);

    drop((news, health, stranger));
    server.stop().await
}

/// About the server as a whole.
fn everything() -> HealthCheckRequest {
    HealthCheckRequest::default()
}
