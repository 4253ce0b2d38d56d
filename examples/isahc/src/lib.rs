//! What the programs of this folder share. The programs themselves are run with
//! `cargo run --example isahc_sync`.

use anyhow::Result;
use oauth_core::{CachedTokenSource, ClientCredentials};
use oauth_isahc::{Client, IsahcHttpClient};
use oauth_testkit::FakeTokenServer;

/// The four lines, against fake servers that stand for yours.
pub fn set_up(server: &FakeTokenServer) -> Result<(CachedTokenSource<ClientCredentials>, Client)> {
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(IsahcHttpClient::new()?)
        .build()?
        .cached();
    let api = oauth_isahc::client(source.clone(), [server.api_url()])?;
    Ok((source, api))
}
