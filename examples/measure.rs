//! Measures what callers feel, on two worker threads, against the fake server on this machine:
//!
//! ```sh
//! cargo run --release --example measure
//! ```

use std::time::{Duration, Instant};

use anyhow::Result;
use examples::FastForward;
use oauth_core::{CachedTokenSource, ClientCredentials, TokenSource};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::{FakeTokenServer, Reply};
use tokio::task::JoinSet;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    for callers in [1_000, 10_000] {
        cold_herd(callers).await?;
    }
    failing_endpoint(50).await?;
    renewal(64).await
}

/// Callers without a token, an endpoint that takes 200 ms.
async fn cold_herd(callers: usize) -> Result<()> {
    let server = FakeTokenServer::start()?;
    server.always_token_reply(Reply::token().after(Duration::from_millis(200)));
    let source = source(&server, FastForward::default())?;
    let begin = now();
    all(callers, || {
        let source = source.clone();
        async move { Ok(source.token().await.map(drop)?) }
    })
    .await?;
    println!(
        "{callers} cold callers, 200 ms endpoint: {} token request(s), all served after {:.0?}",
        server.token_request_count(),
        begin.elapsed()
    );
    Ok(())
}

/// Callers without a token, an endpoint that answers 503.
async fn failing_endpoint(callers: usize) -> Result<()> {
    let server = FakeTokenServer::start()?;
    server.always_token_reply(Reply::status(503));
    let source = source(&server, FastForward::default())?;
    let begin = now();
    all(callers, || {
        let source = source.clone();
        async move {
            anyhow::ensure!(source.token().await.is_err(), "a token out of nowhere");
            Ok(())
        }
    })
    .await?;
    println!(
        "{callers} callers of a failing endpoint: {} token request(s) in {} flight(s), all told after {:.0?}",
        server.token_request_count(),
        source.status().flights(),
        begin.elapsed()
    );
    Ok(())
}

/// Tasks that call in a loop while the token is renewed, an endpoint that takes 500 ms.
async fn renewal(tasks: usize) -> Result<()> {
    let server = FakeTokenServer::start()?;
    let clock = FastForward::default();
    let source = source(&server, clock.clone())?;
    source.token().await?;
    server.next_token_reply(Reply::token().after(Duration::from_millis(500)));
    clock.skip(Duration::from_secs(3300));

    let mut set = JoinSet::new();
    for _ in 0..tasks {
        let source = source.clone();
        set.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let begin = now();
                let token = source.token().await?;
                latencies.push(begin.elapsed());
                if token.generation() == 2 {
                    return Ok::<_, oauth_core::Error>(latencies);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(of_one) = set.join_next().await {
        latencies.extend(of_one??);
    }
    latencies.sort_unstable();
    let at = |quantile: f64| latencies[((latencies.len() - 1) as f64 * quantile) as usize];
    println!(
        "renewal, 500 ms endpoint, {tasks} tasks calling in a loop: {} calls of token(), \
         p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}, max {:.1?}; {} token requests",
        latencies.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        server.token_request_count()
    );
    Ok(())
}

fn source(
    server: &FakeTokenServer,
    clock: FastForward,
) -> Result<CachedTokenSource<ClientCredentials>> {
    Ok(
        ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
            .client_secret(FakeTokenServer::CLIENT_SECRET)
            .http_client(ReqwestHttpClient::new()?)
            .clock(clock)
            .build()?
            .cached(),
    )
}

async fn all<F>(tasks: usize, work: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut set = JoinSet::new();
    for _ in 0..tasks {
        set.spawn(work());
    }
    while let Some(done) = set.join_next().await {
        done??;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn now() -> Instant {
    Instant::now()
}
