//! Authorizing a request, as the adapters do it.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::Result;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use oauth_bench_kit::fixtures::{API, at_once, ready_source};
use oauth_bench_kit::report::{Figure, Section};
use oauth_bench_kit::{Contender, Crew};
use oauth_core::{Authorizer, Target};

use crate::references::ready_reference;
use crate::settings::Settings;

const HOW: &str = "`Authorizer::exchange` and `authorize` with a header map that has other headers already, which is \
    what an adapter does for each request. Beside it a constant header that is put into such a map, and what a \
    program by itself does with the reference design: look under the guard, clone the header by the shared count. \
    Nanoseconds a request, the map included.";

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("authorize", "Authorizing a request", HOW);
    let contenders = contenders()?;
    for (crew_name, crew) in [
        ("1 thread", Crew::Threads(1)),
        ("2 threads", Crew::Threads(2)),
    ] {
        let timings = settings.nano_rounds().run(crew, &contenders);
        for (place, name) in [(1, "constant header"), (2, "shared count by hand")] {
            section.figures.push(
                Figure::new(
                    format!("authorize a request, {crew_name}"),
                    "ns",
                    timings.of(0),
                )
                .beside(name, timings.of(place), timings.ratio(0, place)),
            );
        }
    }
    Ok(section)
}

fn contenders() -> Result<[Contender; 3]> {
    let authorizer = Arc::new(Authorizer::new(ready_source()?, [API])?);
    let reference = ready_reference()?;
    let constant = reference.shared();
    Ok([
        Contender::new("ours", move |times| {
            let target = Target::new("https", "api.example.com", None);
            for _ in 0..times {
                let mut headers = some_headers();
                if let Ok(mut exchange) = authorizer.exchange(black_box(&target)) {
                    black_box(at_once(exchange.authorize(&mut headers)));
                }
                black_box(headers);
            }
        }),
        Contender::new("constant header", move |times| {
            for _ in 0..times {
                let mut headers = some_headers();
                if let Some(constant) = &constant {
                    headers.insert(AUTHORIZATION, constant.clone());
                }
                black_box(headers);
            }
        }),
        Contender::new("by hand", move |times| {
            for _ in 0..times {
                let mut headers = some_headers();
                if let Some(header) = reference.shared() {
                    headers.insert(AUTHORIZATION, header);
                }
                black_box(headers);
            }
        }),
    ])
}

fn some_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert("accept", HeaderValue::from_static("application/json"));
    headers.insert("user-agent", HeaderValue::from_static("a-program/1.0"));
    headers
}
