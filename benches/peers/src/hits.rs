//! A call while a usable token is in hand.

use std::sync::Arc;

use allocation_counter::measure as allocations;
use anyhow::{Context, Result, ensure};
use futures_executor::block_on;
use oauth_bench_kit::report::{Bar, Budget, Chart, Figure, Section, Table, readable};
use oauth_bench_kit::{Contender, Crew, Rounds};
use oauth_testkit::FakeTokenServer;
use tokio::runtime::Runtime;

use crate::peer::{Peer, Setup};
use crate::{Entry, Settings, setup, versions};

const HOW: &str = "Every library in one process, with a token of 1 KB in hand, measured in turn within the same short \
    rounds. A hit is what its documentation has users call for each request, in the form that it gives (text, a \
    header, a map of headers); the second pair of columns is that as a header that can be put on any request. \
    Nanoseconds of one thread.";

const HITS: u64 = 100;

/// The hits of one library.
pub struct Hits {
    hit: Contender,
    header: Contender,
    hit_allocations: f64,
    header_allocations: f64,
}

impl Hits {
    pub fn of<P: Peer>(runtime: &Runtime, setup: &Setup) -> Result<Self> {
        let peer = Arc::new(runtime.block_on(async {
            let peer = P::start(setup).await?;
            peer.header().await?;
            anyhow::Ok(peer)
        })?);
        // Some want a runtime about them even where they do not wait.
        let _inside = runtime.enter();
        let handle = runtime.handle().clone();
        let of_hits = per_call(|| block_on(peer.hit()).is_ok())?;
        let of_headers = per_call(|| block_on(peer.header()).is_ok())?;
        let (other, other_handle) = (Arc::clone(&peer), handle.clone());
        Ok(Self {
            // One executor for all of them: what starting one costs is no part of a hit.
            hit: Contender::new(P::NAME, move |times| {
                let _inside = handle.enter();
                block_on(async {
                    for _ in 0..times {
                        let _ = peer.hit().await;
                    }
                });
            }),
            header: Contender::new(P::NAME, move |times| {
                let _inside = other_handle.enter();
                block_on(async {
                    for _ in 0..times {
                        let _ = std::hint::black_box(other.header().await);
                    }
                });
            }),
            hit_allocations: of_hits,
            header_allocations: of_headers,
        })
    }
}

/// Allocations a call.
fn per_call(call: impl Fn() -> bool) -> Result<f64> {
    // A library may prepare something in the first of them.
    ensure!((0..20).all(|_| call()), "a hit failed");
    let mut good = 0;
    let counted = allocations(|| {
        for _ in 0..HITS {
            good += u64::from(call());
        }
    });
    ensure!(good == HITS, "a hit failed");
    Ok(counted.count_total as f64 / HITS as f64)
}

pub fn section(entries: &[Entry], runtime: &Runtime, settings: &Settings) -> Result<Section> {
    let server = FakeTokenServer::start()?;
    let setup = setup(&server, false);
    let mut hits = Vec::new();
    for entry in entries {
        server.always_token_reply((entry.reply)());
        hits.push((entry.hits)(runtime, &setup).with_context(|| entry.name)?);
    }
    let rounds = Rounds {
        rounds: settings.either(100, 3),
        iterations: settings.either(5_000, 100),
    };
    let contenders = |which: fn(&Hits) -> &Contender| -> Vec<Contender> {
        hits.iter().map(|hits| which(hits).clone()).collect()
    };
    let plain = contenders(|hits| &hits.hit);
    let headers = contenders(|hits| &hits.header);
    let [one, two] = [1, 2].map(|threads| rounds.run(Crew::Threads(threads), &plain));
    let [header_one, header_two] =
        [1, 2].map(|threads| rounds.run(Crew::Threads(threads), &headers));

    let mut section = Section::new("peers-hit", "Peers: a hit", HOW);
    let place = |name: &str| entries.iter().position(|entry| entry.name == name);
    if let (Some(ours), Some(middle)) = (place("ours"), place("middle")) {
        section.figures.push(
            Figure::new("own the header, 2 threads", "ns", header_two.of(ours))
                .beside(
                    "middle",
                    header_two.of(middle),
                    header_two.ratio(ours, middle),
                )
                .budget(Budget::RatioAtMost(0.35)),
        );
    }
    let columns = [
        "library",
        "a hit is",
        "ns, 1 thread",
        "ns, 2 threads",
        "allocations",
        "as a header: ns, 1 thread",
        "ns, 2 threads",
        "allocations",
    ];
    section.tables.push(Table {
        title: "A hit of each library".to_owned(),
        columns: columns.map(String::from).to_vec(),
        rows: entries
            .iter()
            .zip(&hits)
            .enumerate()
            .map(|(place, (entry, hits))| {
                vec![
                    versions::named(entry.name, entry.package),
                    entry.hit.to_owned(),
                    readable(one.of(place).median),
                    readable(two.of(place).median),
                    readable(hits.hit_allocations),
                    readable(header_one.of(place).median),
                    readable(header_two.of(place).median),
                    readable(hits.header_allocations),
                ]
            })
            .collect(),
    });
    for (title, timings) in [
        ("A hit, 1 thread", &one),
        ("A hit, 2 threads", &two),
        ("A hit as a header, 2 threads", &header_two),
    ] {
        let bar = |(place, entry): (usize, &Entry)| Bar {
            label: entry.name.to_owned(),
            value: timings.of(place).median,
            is_ours: entry.name == "ours",
        };
        section.charts.push(Chart {
            title: title.to_owned(),
            unit: "ns".to_owned(),
            logarithmic: true,
            bars: entries.iter().enumerate().map(bar).collect(),
        });
    }
    Ok(section)
}
