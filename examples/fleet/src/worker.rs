//! One process of the fleet: a service that calls an API.

use std::env;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oauth_core::{
    CachedTokenSource, ClientCredentials, Lease, SharedTokenSource, StoreError, StoredToken,
    TokenKey, TokenSource, TokenStore, async_trait,
};
use oauth_encrypted_store::{EncryptedStore, KeyRing};
use oauth_redis::RedisStore;
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::FakeTokenServer;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::time::{MissedTickBehavior, interval};

pub(crate) const IS_WORKER: &str = "FLEET_IS_WORKER";
pub(crate) const TOKEN_URL: &str = "FLEET_TOKEN_URL";
pub(crate) const API_URL: &str = "FLEET_API_URL";
pub(crate) const REDIS_URL: &str = "FLEET_REDIS_URL";
pub(crate) const STORE_KEY: &str = "FLEET_STORE_KEY";
pub(crate) const LEASE_MS: &str = "FLEET_LEASE_MS";
pub(crate) const STORE_TIMEOUT_MS: &str = "FLEET_STORE_TIMEOUT_MS";
pub(crate) const NOTIFICATIONS: &str = "FLEET_NOTIFICATIONS";

/// Between two calls of the API.
const PACE: Duration = Duration::from_millis(20);
/// Calls between two reports.
const CALLS: usize = 25;

/// What a process tells, one line each.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    /// It has the lease, and is about to make a token request.
    Leased,
    Done(Tally),
    /// What became of a call that failed.
    Failure(String),
}

/// Since the last one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// What the first call of `token()` took, in microseconds.
    pub(crate) first_us: Option<u64>,
    /// What the others took.
    pub(crate) token_us: Vec<u64>,
    pub(crate) api_calls: u64,
    pub(crate) store_failures: u64,
}

pub(crate) async fn run() -> Result<()> {
    let source = source()?;
    let api_url = env::var(API_URL)?;
    let shared: SharedTokenSource = Arc::new(source.clone());
    let api = oauth_reqwest::client(shared, [&api_url])?;

    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut stdin, mut nothing) = (tokio::io::stdin(), [0]);
    let (mut tally, mut is_first, mut store_failures) = (Tally::default(), true, 0);
    loop {
        // The end of the input is the end of the work.
        tokio::select! {
            _ = stdin.read(&mut nothing) => break,
            _ = pace.tick() => {}
        }
        let begin = now();
        let token = source.token().await;
        let took = u64::try_from(begin.elapsed().as_micros())?;
        if let Err(error) = token {
            say(&Line::Failure(format!("token: {error}")))?;
        } else if std::mem::take(&mut is_first) {
            tally.first_us = Some(took);
        } else {
            tally.token_us.push(took);
        }
        tally.api_calls += 1;
        match api.get(format!("{api_url}/users/23")).send().await {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => say(&Line::Failure(format!("API: {}", response.status())))?,
            Err(error) => say(&Line::Failure(format!("API: {error}")))?,
        }
        if tally.token_us.len() >= CALLS {
            let so_far = source.status().store_failures();
            tally.store_failures = so_far - std::mem::replace(&mut store_failures, so_far);
            say(&Line::Done(std::mem::take(&mut tally)))?;
        }
    }
    tally.store_failures = source.status().store_failures() - store_failures;
    say(&Line::Done(tally))
}

fn source() -> Result<CachedTokenSource<ClientCredentials>> {
    let source = ClientCredentials::builder(env::var(TOKEN_URL)?, FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new()?)
        .build()?;
    let Ok(redis) = env::var(REDIS_URL) else {
        return Ok(source.cached());
    };
    let mut store = RedisStore::builder(oauth_redis::redis::Client::open(redis)?);
    if env::var_os(NOTIFICATIONS).is_some() {
        store = store.notifications();
    }
    let store = EncryptedStore::new(store.build()?, KeyRing::from_env(STORE_KEY)?);
    let millis = |name| -> Result<Duration> {
        let count = env::var(name)?.parse().context("no number")?;
        Ok(Duration::from_millis(count))
    };
    let key = source.key();
    Ok(CachedTokenSource::builder(source)
        .store(Telling(store), key)
        .lease_ttl(millis(LEASE_MS)?)
        .store_timeout(millis(STORE_TIMEOUT_MS)?)
        .build())
}

/// Tells when it has given a lease.
struct Telling<S>(S);

#[async_trait]
impl<S: TokenStore> TokenStore for Telling<S> {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        self.0.load(key).await
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        self.0.save(key, token).await
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        self.0.remove(key, token).await
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let lease = self.0.lease(key, ttl).await?;
        if lease.is_some() {
            say(&Line::Leased).map_err(|error| StoreError::new(error.to_string()))?;
        }
        Ok(lease)
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        self.0.release(key, lease).await
    }

    async fn changed(&self, key: &TokenKey) {
        self.0.changed(key).await;
    }
}

fn say(line: &Line) -> Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}

#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn now() -> Instant {
    Instant::now()
}
