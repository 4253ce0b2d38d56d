//! What happens to a service: enough to see each metric move.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use examples::FastForward;
use metrics_exporter_prometheus::PrometheusHandle;
use oauth_core::{
    CachedTokenSource, ClientCredentials, ClientCredentialsBuilder, JwsAlgorithm, MemoryStore,
    RefreshPolicy, SigningKey, TokenSource,
};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::{DpopNonce, DpopRules, FakeTokenServer, FaultyStore, Gate, Reply, StoreFault};
use tokio::time::interval;

use crate::exporter::scrape;

const MINUTE: Duration = Duration::from_secs(60);
/// How often to look for what happens in the background, and how many times.
const PACE: Duration = Duration::from_millis(10);
const MOST_LOOKS: usize = 1000;

/// Plays it once.
pub(crate) async fn play(metrics: &PrometheusHandle) -> Result<()> {
    eprintln!("A service called billing: a token, renewals, a rejection, an outage.");
    billing().await?;
    eprintln!("A fleet: one process asks for all; one of them cannot reach the store.");
    fleet(metrics).await?;
    eprintln!("A client with DPoP, whose server wants a nonce.");
    dpop().await
}

fn client(server: &FakeTokenServer, clock: &FastForward) -> Result<ClientCredentialsBuilder> {
    let client = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new()?)
        .clock(clock.clone());
    Ok(client)
}

async fn billing() -> Result<()> {
    let clock = FastForward::default();
    let server = FakeTokenServer::builder().clock(clock.clone()).start()?;
    // Whoever calls a second time while nothing works is to be told at once, on a slow machine too.
    let policy = RefreshPolicy::builder().backoff(MINUTE, MINUTE);
    let source = CachedTokenSource::builder(client(&server, &clock)?.build()?)
        .name("billing")
        .policy(policy.no_jitter().build()?)
        .clock(clock.clone())
        .build();
    let api = oauth_reqwest::client(source.clone(), [server.api_url()])?;
    let call = || async {
        let response = api.get(server.api_url()).send().await?;
        ensure!(
            response.status() == 200,
            "the API answered {}",
            response.status()
        );
        anyhow::Ok(())
    };

    // A token that lasts an hour. Its renewal is due five minutes before, and fails once.
    call().await?;
    clock.skip(56 * MINUTE);
    server.next_token_reply(Reply::status(503));
    call().await?;
    until("the renewal has failed", || {
        source.status().last_error().is_some()
    })
    .await?;
    clock.skip(MINUTE);
    call().await?;
    until("the renewal has succeeded", || {
        source.status().generation() == 2
    })
    .await?;

    // The API takes the token for no good.
    server.revoke_all();
    call().await?;

    // The server refuses the client for a while: a call fails, and the next one is told at once.
    clock.skip(120 * MINUTE);
    server.always_token_reply(Reply::oauth_error("invalid_client"));
    ensure!(
        call().await.is_err() && call().await.is_err(),
        "there was a token"
    );
    server.reset_replies();
    clock.skip(MINUTE);
    call().await
}

async fn fleet(metrics: &PrometheusHandle) -> Result<()> {
    let clock = FastForward::default();
    let server = FakeTokenServer::builder().clock(clock.clone()).start()?;
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let client = client(&server, &clock)?.build()?;
    let key = client.key();
    let builder = || CachedTokenSource::builder(client.clone()).clock(clock.clone());

    let gate = Gate::new();
    server.next_token_reply(Reply::token().gated(&gate));
    let first = builder().store(Arc::clone(&store), key).build();
    let first = tokio::spawn(async move { first.token().await });
    until("the first asks", || server.token_request_count() == 1).await?;
    let lost = leases_lost(metrics);
    let second = builder().store(Arc::clone(&store), key).build();
    let second = tokio::spawn(async move { second.token().await });
    until("the second waits", || leases_lost(metrics) > lost).await?;
    gate.open();
    let (first, second) = (first.await??, second.await??);
    ensure!(first.secret() == second.secret(), "they share no token");

    let broken = FaultyStore::new(store, clock.clone()).at(1, StoreFault::Error);
    builder().store(broken, key).build().token().await?;
    Ok(())
}

fn leases_lost(metrics: &PrometheusHandle) -> u64 {
    let text = scrape(metrics);
    let lost = r#"oauth_leases_total{result="lost"} "#;
    let line = text.lines().find_map(|line| line.strip_prefix(lost));
    line.and_then(|count| count.parse().ok())
        .unwrap_or_default()
}

async fn dpop() -> Result<()> {
    let clock = FastForward::default();
    let rules = DpopRules::new()
        .required()
        .nonce_at_token_endpoint(DpopNonce::Required)
        .nonce_at_api(DpopNonce::Required);
    let server = FakeTokenServer::builder()
        .clock(clock.clone())
        .dpop(rules)
        .start()?;
    let source = client(&server, &clock)?
        .dpop(SigningKey::generate(JwsAlgorithm::Es256)?)
        .build()?
        .cached();
    let api = oauth_reqwest::client(source, [server.api_url()])?;
    let response = api.get(server.api_url()).send().await?;
    ensure!(
        response.status() == 200,
        "the API answered {}",
        response.status()
    );
    Ok(())
}

async fn until(what: &str, is_so: impl Fn() -> bool) -> Result<()> {
    let mut pace = interval(PACE);
    for _ in 0..MOST_LOOKS {
        if is_so() {
            return Ok(());
        }
        pace.tick().await;
    }
    None.with_context(|| format!("{what}: it never came to that"))
}
