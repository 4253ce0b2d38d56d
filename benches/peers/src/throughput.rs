//! Requests a second, with the header of each library on the same HTTP client.

use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use oauth_bench_kit::report::{Bar, Chart, Figure, Section};
use oauth_bench_kit::{Loopback, Quartiles, rate};
use oauth_testkit::FakeTokenServer;
use tokio::runtime::Runtime;

use crate::peer::{Peer, Setup};
use crate::{Entry, Settings, setup};

const HOW: &str = "64 requests in flight over the same reqwest client, on 2 workers, to a server on the same machine. Each \
    request takes its header from the library (one boxed future more than a program of its own would have); beside it a \
    constant header. Each library runs between two such raw runs, in an order that is drawn anew for each round. On 2 \
    shared cores a ratio is good for two or three hundredths.";

/// The header for the next request.
pub type Header =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<HeaderValue>> + Send>> + Send + Sync>;

pub fn header<P: Peer>(runtime: &Runtime, setup: &Setup) -> Result<Header> {
    let peer = Arc::new(runtime.block_on(P::start(setup))?);
    runtime.block_on(peer.header())?;
    Ok(Arc::new(move || {
        let peer = Arc::clone(&peer);
        Box::pin(async move { peer.header().await })
    }))
}

pub fn section(entries: &[Entry], runtime: &Runtime, settings: &Settings) -> Result<Section> {
    let tokens = FakeTokenServer::start()?;
    let setup = setup(&tokens, false);
    let server = Loopback::start()?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url: Arc<str> = format!("{}/users/23", server.origin()).into();
    let headers: Vec<Header> = entries
        .iter()
        .map(|entry| {
            tokens.always_token_reply((entry.reply)());
            (entry.call)(runtime, &setup).with_context(|| entry.name)
        })
        .collect::<Result<_>>()?;

    let calls = settings.either(2_000, 64);
    let constant = runtime.block_on((headers.first().context("there is no library")?)())?;
    let raw = || {
        let (http, url, constant) = (http.clone(), Arc::clone(&url), constant.clone());
        let call = move || {
            let request = http.get(&*url).header(AUTHORIZATION, constant.clone());
            async move {
                request.send().await?.bytes().await?;
                Ok(())
            }
        };
        runtime.block_on(rate(64, calls, call))
    };
    let of_one = |header: &Header| {
        let (http, url, header) = (http.clone(), Arc::clone(&url), Arc::clone(header));
        let call = move || {
            let (request, header) = (http.get(&*url), header());
            async move {
                let request = request.header(AUTHORIZATION, header.await?);
                request.send().await?.bytes().await?;
                Ok(())
            }
        };
        runtime.block_on(rate(64, calls, call))
    };
    raw()?;

    let mut samples = vec![(Vec::new(), Vec::new(), Vec::new()); entries.len()];
    let mut order: Vec<usize> = (0..entries.len()).collect();
    for _ in 0..settings.either(41, 2) {
        fastrand::shuffle(&mut order);
        let mut before = raw()?.per_cpu_second;
        for &index in &order {
            let theirs = of_one(&headers[index])?.per_cpu_second;
            let after = raw()?.per_cpu_second;
            let beside = f64::midpoint(before, after);
            samples[index].0.push(theirs);
            samples[index].1.push(beside);
            samples[index].2.push(theirs / beside);
            before = after;
        }
    }

    let mut section = Section::new("peers-throughput", "Peers: requests a second", HOW);
    let mut bars = Vec::new();
    for (entry, (theirs, raw, ratios)) in entries.iter().zip(samples) {
        let ratio = Quartiles::of(ratios);
        let figure = Figure::new(entry.name, "/s", Quartiles::of(theirs));
        section
            .figures
            .push(figure.beside("a constant header", Quartiles::of(raw), ratio));
        bars.push(Bar {
            label: entry.name.to_owned(),
            value: ratio.median,
            is_ours: entry.name == "ours",
        });
    }
    section.charts.push(Chart {
        title: "Requests a second over a constant header, 64 in flight".to_owned(),
        unit: "ratio".to_owned(),
        logarithmic: false,
        bars,
    });
    Ok(section)
}
