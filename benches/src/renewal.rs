//! What callers feel of a renewal.

use std::time::Duration;

use anyhow::{Result, ensure};
use oauth_bench_kit::report::{Bar, Budget, Chart, Figure, Section};
use oauth_bench_kit::{Latencies, Quartiles, watch};
use oauth_core::TokenSource;
use oauth_testkit::{FakeTokenServer, Reply};
use tokio::runtime::Runtime;

use crate::herd::source_at;
use crate::settings::Settings;

const HOW: &str = "64 tasks on 2 workers call `token()` in a loop while the token is renewed, at an endpoint that takes \
    500 ms. A stall is a call that took 100 ms or more. What the machine does with its cores meanwhile is in the \
    figures too: the longest call is mostly one whose thread was interrupted.";

const TASKS: usize = 64;
const ENDPOINT: Duration = Duration::from_millis(500);
/// After so long the server asks for the renewal of the first token.
const REFRESH_IN: u64 = 1;

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("renewal", "A renewal under load", HOW);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let runs: Vec<Latencies> = (0..settings.either(5, 1))
        .map(|_| one_renewal(&runtime))
        .collect::<Result<_>>()?;
    let over = |figure: fn(&Latencies) -> f64| Quartiles::of(runs.iter().map(figure).collect());
    let stalls = over(|run| run.stalls(Duration::from_millis(100)) as f64);
    let p999 = over(|run| run.at(0.999) / 1000.0);
    section.figures = vec![
        Figure::new("stalls", "calls", stalls).budget(Budget::NeverMore(0.0)),
        Figure::new("calls", "", over(|run| run.calls() as f64)),
        Figure::new("p50", "µs", over(|run| run.at(0.5) / 1000.0)),
        Figure::new("p99", "µs", over(|run| run.at(0.99) / 1000.0)),
        Figure::new("p99.9", "µs", p999).budget(Budget::AtMost(10.0)),
        Figure::new("longest", "µs", over(|run| run.worst() / 1000.0)),
    ];
    let bars = section.figures[2..].iter().map(|figure| Bar {
        label: figure.what.clone(),
        value: figure.value.median,
        is_ours: true,
    });
    section.charts.push(Chart {
        title: "Calls during a renewal that takes 500 ms".to_owned(),
        unit: "µs".to_owned(),
        logarithmic: true,
        bars: bars.collect(),
    });
    Ok(section)
}

fn one_renewal(runtime: &Runtime) -> Result<Latencies> {
    let server = FakeTokenServer::start()?;
    server.next_token_reply(Reply::token().field("refresh_in", REFRESH_IN));
    server.always_token_reply(Reply::token().after(ENDPOINT));
    let source = source_at(&server)?;
    let latencies = runtime.block_on(async {
        source.token().await?;
        let duration = Duration::from_secs(REFRESH_IN) + ENDPOINT + Duration::from_millis(200);
        watch(TASKS, duration, move || {
            let source = source.clone();
            async move {
                source.token().await?;
                Ok(())
            }
        })
        .await
    })?;
    ensure!(
        server.token_request_count() == 2,
        "there was no renewal to be measured, or more than one"
    );
    Ok(latencies)
}
