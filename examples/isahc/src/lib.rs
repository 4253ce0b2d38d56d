//! What the programs of this folder share. The programs themselves are run with
//! `cargo run -p examples-isahc --example isahc_sync`.

use std::thread;

use anyhow::{Result, bail};
use oauth_core::{CachedTokenSource, ClientCredentials};
use oauth_isahc::{Client, IsahcHttpClient};
use oauth_testkit::{FakeTokenServer, ManualClock};

/// Fake servers that stand for yours, and the clock that they go by: an hour passes in a moment.
pub fn start_server() -> Result<(FakeTokenServer, ManualClock)> {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder().clock(clock.clone()).start()?;
    Ok((server, clock))
}

/// The four lines, against these servers. Yours need no clock of their own.
pub fn set_up(
    server: &FakeTokenServer,
    clock: &ManualClock,
) -> Result<(CachedTokenSource<ClientCredentials>, Client)> {
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(IsahcHttpClient::new()?)
        .clock(clock.clone())
        .build()?
        .cached();
    let api = oauth_isahc::client(source.clone(), [server.api_url()])?;
    Ok((source, api))
}

/// Waits until the background has fetched a token to follow the one in hand.
pub fn await_renewal(source: &CachedTokenSource<ClientCredentials>) -> Result<()> {
    loop {
        let status = source.status();
        if let Some(error) = status.last_error() {
            bail!("the renewal failed: {error}");
        }
        if status.generation() > 1 {
            return Ok(());
        }
        thread::yield_now();
    }
}
