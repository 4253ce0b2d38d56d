//! Many callers without a token.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use oauth_bench_kit::report::{Budget, Figure, Section};
use oauth_bench_kit::{Quartiles, at_once_by_all};
use oauth_core::{AccessToken, CachedTokenSource, ClientCredentials, RefreshPolicy, TokenSource};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::{FakeTokenServer, Reply};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::settings::Settings;

const HOW: &str = "Tasks on 2 workers that ask for the first token at the same time. Beside the cold herd the least that \
    can be done: the same tasks wait for a `OnceCell` of tokio's, in which one of them makes the same token request. \
    Failing: the endpoint answers 503 to 50 callers, who share one flight. It makes as many requests as \
    `RefreshPolicyBuilder::attempts` says: by default 3, with short pauses, so that a hiccup fails nobody; with 1, what a \
    single flight costs is seen. Late rejections: 10 callers were refused the same token and say so.";

const ENDPOINT: Duration = Duration::from_millis(200);

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("herd", "Many callers without a token", HOW);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for callers in [1_000, 10_000] {
        let mut runs = Vec::new();
        for _ in 0..settings.either(7, 1) {
            runs.push(runtime.block_on(cold_herd(callers))?);
        }
        section.figures.extend(judged(callers, &runs));
    }
    for attempts in [1, 3] {
        section
            .figures
            .extend(failing_endpoint(&runtime, attempts)?);
    }
    section.figures.extend(late_rejections(&runtime)?);
    Ok(section)
}

/// A cached source of the server's tokens, as a program has it.
pub(crate) fn source_at(server: &FakeTokenServer) -> Result<CachedTokenSource<ClientCredentials>> {
    Ok(uncached_at(server)?.cached())
}

fn uncached_at(server: &FakeTokenServer) -> Result<ClientCredentials> {
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new()?)
        .build()?;
    Ok(source)
}

struct Herd {
    requests: usize,
    ours: f64,
    once_cell: f64,
}

fn judged(callers: usize, runs: &[Herd]) -> Vec<Figure> {
    let over = |figure: fn(&Herd) -> f64| Quartiles::of(runs.iter().map(figure).collect());
    let beside = over(|run| run.once_cell);
    let took = Figure::new(
        format!("{callers} cold callers, all served after"),
        "ms",
        over(|run| run.ours),
    )
    .beside(
        "OnceCell of tokio",
        beside,
        over(|run| run.ours / run.once_cell),
    );
    // 240 ms beside a reference of 213; where already the reference takes longer, so may we.
    let budget = Budget::AtMost(240.0 * (beside.median / 213.0).max(1.0));
    let requests = over(|run| run.requests as f64);
    vec![
        Figure::new(format!("{callers} cold callers, requests"), "", requests)
            .budget(Budget::NeverMore(1.0)),
        took.budget(budget),
    ]
}

async fn cold_herd(callers: usize) -> Result<Herd> {
    let server = FakeTokenServer::start()?;
    server.always_token_reply(Reply::token().after(ENDPOINT));
    let source = source_at(&server)?;
    let ours = at_once_by_all(callers, || {
        let source = source.clone();
        async move {
            source.token().await?;
            Ok(())
        }
    })
    .await?;
    let requests = server.token_request_count();

    let source = Arc::new(uncached_at(&server)?);
    let cell = Arc::new(OnceCell::<AccessToken>::new());
    let once_cell = at_once_by_all(callers, || {
        let (source, cell) = (Arc::clone(&source), Arc::clone(&cell));
        async move {
            cell.get_or_try_init(|| source.token()).await?;
            Ok(())
        }
    })
    .await?;
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    Ok(Herd {
        requests,
        ours: millis(ours),
        once_cell: millis(once_cell),
    })
}

fn failing_endpoint(runtime: &Runtime, attempts: u32) -> Result<Vec<Figure>> {
    let server = FakeTokenServer::start()?;
    server.always_token_reply(Reply::status(503));
    let policy = RefreshPolicy::builder().attempts(attempts).build()?;
    let source = CachedTokenSource::builder(uncached_at(&server)?)
        .policy(policy)
        .build();
    let took = runtime.block_on(at_once_by_all(50, || {
        let source = source.clone();
        async move {
            ensure!(source.token().await.is_err(), "a token out of nowhere");
            Ok(())
        }
    }))?;
    let figure = |what: &str, unit, value: f64| {
        let what = format!("50 callers, the endpoint answers 503, attempts({attempts}): {what}");
        Figure::new(what, unit, Quartiles::exactly(value))
    };
    let requests = figure("requests", "", server.token_request_count() as f64);
    Ok(vec![
        figure("flights", "", source.status().flights() as f64).budget(Budget::NeverMore(1.0)),
        if attempts == 1 {
            requests.budget(Budget::NeverMore(1.0))
        } else {
            requests
        },
        figure("all told after", "ms", took.as_secs_f64() * 1000.0),
    ])
}

fn late_rejections(runtime: &Runtime) -> Result<Vec<Figure>> {
    let server = FakeTokenServer::start()?;
    let source = source_at(&server)?;
    runtime.block_on(async {
        let refused = source.token().await?;
        for _ in 0..10 {
            source.reject(&refused);
            source.token().await?;
        }
        anyhow::Ok(())
    })?;
    let one_by_one = server.token_request_count() - 1;

    let server = FakeTokenServer::start()?;
    let source = source_at(&server)?;
    let refused = runtime.block_on(source.token())?;
    runtime.block_on(at_once_by_all(10, || {
        let (source, refused) = (source.clone(), refused.clone());
        async move {
            source.reject(&refused);
            source.token().await?;
            Ok(())
        }
    }))?;
    let at_once = server.token_request_count() - 1;
    let figure = |what: &str, requests: usize| {
        let what = format!("10 late rejections {what}: requests");
        let figure = Figure::new(what, "", Quartiles::exactly(requests as f64));
        figure.budget(Budget::NeverMore(1.0))
    };
    Ok(vec![
        figure("one by one", one_by_one),
        figure("at once", at_once),
    ])
}
