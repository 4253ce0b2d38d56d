//! All tenants at once, none of them with a token.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use oauth_core::{
    ClientCredentials, Clock, HttpClient, HttpError, RefreshPolicy, SystemClock, TokenSource,
    async_trait,
};
use oauth_reqwest::ReqwestHttpClient;
use oauth_tenants::TokenSources;
use oauth_testkit::FakeTokenServer;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use crate::{name, roomy};

/// Longer than the last one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(600);

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Burst {
    /// From the first call until the last has its token.
    pub time: Duration,
    /// How many token requests the server saw.
    pub requests: usize,
    /// How many of them at the same time, at most.
    pub most_at_once: usize,
}

/// Has each of so many cold tenants ask `callers` times at once for its token, over at most so many connections to a
/// fake token server on this machine.
pub fn burst(tenants: usize, callers: usize, connections: usize) -> Result<Burst> {
    let server = FakeTokenServer::start()?;
    let http_client = Limited {
        http_client: ReqwestHttpClient::new()?,
        permits: Semaphore::new(connections),
    };
    let client = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(http_client)
        .build()?;
    let policy = RefreshPolicy::builder().acquire_timeout(PATIENCE).build()?;
    let sources = TokenSources::builder(move |tenant: &String| {
        let client = client.with_scopes([tenant])?;
        Ok(client.cached_with(policy.clone()))
    })
    .max_entries(roomy(tenants))
    .build();
    let sources = Arc::new(sources);

    let runtime = Builder::new_multi_thread().worker_threads(2).build()?;
    let clock = SystemClock::new();
    let start = clock.now();
    runtime.block_on(async {
        let calls: Vec<_> = (0..tenants * callers)
            .map(|call| {
                let sources = Arc::clone(&sources);
                tokio::spawn(async move {
                    let source = sources.get(&name(call % tenants))?;
                    source.token().await
                })
            })
            .collect();
        for call in calls {
            call.await?.context("a tenant got no token")?;
        }
        anyhow::Ok(())
    })?;
    Ok(Burst {
        time: clock.now().saturating_duration_since(start),
        requests: server.token_request_count(),
        most_at_once: server.max_concurrent_token_requests(),
    })
}

/// At most so many requests at a time.
struct Limited<C> {
    http_client: C,
    permits: Semaphore,
}

#[async_trait]
impl<C: HttpClient> HttpClient for Limited<C> {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let _permit = self.permits.acquire().await.map_err(HttpError::transport)?;
        self.http_client.send(request).await
    }
}
