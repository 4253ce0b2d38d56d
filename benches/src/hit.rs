//! The hit path: a call while a usable token is in hand.

use std::hint::black_box;

use allocation_counter::measure as allocations;
use anyhow::{Result, ensure};
use oauth_bench_kit::fixtures::{at_once, ready_source};
use oauth_bench_kit::report::{Bar, Budget, Chart, Figure, Section};
use oauth_bench_kit::{Contender, Crew, Quartiles, Timings};
use oauth_core::{SharedTokenSource, TokenSource};
use tokio::runtime::Runtime;

use crate::references::{Look, ready_reference};
use crate::settings::Settings;

const HOW: &str = "A cached source behind `dyn TokenSource`, by the clock of the machine, with a token of 1 KB in \
    hand. Beside it the least that a hit can do: look under the guard of an `ArcSwap` and compare a coarse clock \
    with a deadline, \
    through `dyn` too; clone the header by a count that all threads share, or by one that each thread has for itself. \
    Nanoseconds a hit of one thread. Tasks: 64 of them on 2 workers, which let others run after 32 hits.";

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("hit", "The hit path", HOW);
    let contenders = contenders(&ready_source()?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    for (crew_name, crew) in [
        ("1 thread", Crew::Threads(1)),
        ("2 threads", Crew::Threads(2)),
        ("64 tasks", tasks(&runtime)),
    ] {
        let timings = settings.nano_rounds().run(crew, &contenders);
        section.figures.extend(figures(&timings, crew_name));
        section.charts.push(chart(&timings, &contenders, crew_name));
    }
    section.figures.extend(allocated()?);
    Ok(section)
}

fn tasks(runtime: &Runtime) -> Crew<'_> {
    Crew::Tasks {
        tasks: 64,
        workers: 2,
        runtime,
    }
}

/// Places in the list of contenders.
const LOOK: usize = 0;
const OWN_HEADER: usize = 1;
const OWN_BY_THREAD: usize = 2;
const OWN_TOKEN: usize = 3;
const AWAIT_TOKEN: usize = 4;
const GUARD: usize = 5;
const GUARD_INLINED: usize = 6;
const SHARED_COUNT: usize = 7;
const PER_THREAD: usize = 8;

fn contenders(source: &SharedTokenSource) -> Result<Vec<Contender>> {
    let reference = ready_reference()?;
    let through_dyn: &'static dyn Look = reference;
    let clone = || SharedTokenSource::clone(source);
    let (look, own_header, own_by_thread) = (clone(), clone(), clone());
    let (own_token, token) = (clone(), clone());
    Ok(vec![
        Contender::new("ours: look in place (with_ready)", move |times| {
            for _ in 0..times {
                black_box(black_box(&look).with_ready(&mut |token| {
                    black_box(token.header());
                }));
            }
        }),
        Contender::new("ours: own the header (header().clone())", move |times| {
            for _ in 0..times {
                let mut header = None;
                black_box(&own_header)
                    .with_ready(&mut |token| header = Some(token.header().clone()));
                black_box(header);
            }
        }),
        Contender::new("ours: own the header (to_header)", move |times| {
            for _ in 0..times {
                let mut header = None;
                black_box(&own_by_thread).with_ready(&mut |token| header = Some(token.to_header()));
                black_box(header);
            }
        }),
        Contender::new("ours: own the token (ready)", move |times| {
            for _ in 0..times {
                black_box(black_box(&own_token).ready());
            }
        }),
        Contender::new("ours: await the token (token)", move |times| {
            for _ in 0..times {
                black_box(at_once(black_box(&token).token()));
            }
        }),
        Contender::new("guard and coarse clock, through dyn", move |times| {
            for _ in 0..times {
                black_box(black_box(through_dyn).look_dyn(&mut |header| {
                    black_box(header);
                }));
            }
        }),
        Contender::new("guard and coarse clock, inlined", move |times| {
            for _ in 0..times {
                black_box(black_box(reference).look(|header| {
                    black_box(header);
                }));
            }
        }),
        Contender::new("shared count of the header", move |times| {
            for _ in 0..times {
                black_box(black_box(reference).shared());
            }
        }),
        Contender::new("per-thread copy of the header", move |times| {
            for _ in 0..times {
                black_box(black_box(reference).per_thread());
            }
        }),
    ])
}

fn figures(timings: &Timings, crew: &str) -> Vec<Figure> {
    let beside = |what: &str, ours: usize, name: &str, reference: usize| {
        Figure::new(format!("{what}, {crew}"), "ns", timings.of(ours)).beside(
            name,
            timings.of(reference),
            timings.ratio(ours, reference),
        )
    };
    let budget = Budget::RatioAtMost(1.3);
    vec![
        beside("look in place", LOOK, "guard and coarse clock", GUARD).budget(budget),
        beside("look in place", LOOK, "the same inlined", GUARD_INLINED),
        beside(
            "own a clone of the header",
            OWN_HEADER,
            "shared count",
            SHARED_COUNT,
        )
        .budget(budget),
        beside(
            "own the header",
            OWN_BY_THREAD,
            "shared count",
            SHARED_COUNT,
        )
        .budget(budget),
        beside(
            "own the header",
            OWN_BY_THREAD,
            "per-thread copy",
            PER_THREAD,
        ),
        beside("own the token", OWN_TOKEN, "shared count", SHARED_COUNT).budget(budget),
        beside("own the token", OWN_TOKEN, "per-thread copy", PER_THREAD),
        beside("await the token", AWAIT_TOKEN, "shared count", SHARED_COUNT),
    ]
}

fn chart(timings: &Timings, contenders: &[Contender], crew: &str) -> Chart {
    let bars = contenders.iter().enumerate().map(|(place, contender)| Bar {
        label: contender.name().to_owned(),
        value: timings.of(place).median,
        is_ours: contender.name().starts_with("ours"),
    });
    Chart {
        title: format!("A hit, {crew}"),
        unit: "ns".to_owned(),
        logarithmic: false,
        bars: bars.collect(),
    }
}

/// Allocations of one hit.
fn allocated() -> Result<Vec<Figure>> {
    let source = ready_source()?;
    let mut hits = 0;
    let look = allocations(|| {
        hits += u32::from(source.with_ready(&mut |token| {
            black_box(token.header());
        }));
    });
    let own = allocations(|| hits += u32::from(source.ready().is_some()));
    let wait = allocations(|| hits += u32::from(at_once(source.token()).is_some()));
    ensure!(hits == 3, "a source that is ready has no token");
    let figure = |what: &str, count: u64| {
        let what = format!("allocations: {what}");
        Figure::new(what, "", Quartiles::exactly(count as f64))
    };
    Ok(vec![
        figure("look in place", look.count_total).budget(Budget::NeverMore(0.0)),
        figure("own the token", own.count_total).budget(Budget::NeverMore(0.0)),
        figure("await the token, whose future is boxed", wait.count_total),
    ])
}
