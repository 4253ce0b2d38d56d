//! What a hit costs where there are many sources.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::Result;
use futures_executor::block_on;
use oauth_bench_kit::fixtures::{Canned, ONE_KILOBYTE, cold_source};
use oauth_bench_kit::report::{Bar, Chart, Figure, Section};
use oauth_bench_kit::{Contender, Crew};
use oauth_core::{SharedTokenSource, TokenSource};

use crate::references::Reference;
use crate::settings::Settings;

const HOW: &str = "A look at the ready token in place, of one source after the other in an order that no cache of the \
    processor foresees, with a token of 1 KB each; beside it the guard and the coarse clock over as many entries. What \
    grows with the number is what the processor has to fetch from memory. One thread.";

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("number", "Many sources", HOW);
    let mut bars = Vec::new();
    for number in [1, 1_000, settings.either(100_000, 5_000)] {
        let contenders = [sources(number)?, references(number)?];
        let timings = settings.nano_rounds().run(Crew::Threads(1), &contenders);
        let figure = Figure::new(format!("sources: {number}"), "ns", timings.of(0));
        section.figures.push(figure.beside(
            "guard and coarse clock",
            timings.of(1),
            timings.ratio(0, 1),
        ));
        for (place, contender) in contenders.iter().enumerate() {
            bars.push(Bar {
                label: format!("{}: {number}", contender.name()),
                value: timings.of(place).median,
                is_ours: place == 0,
            });
        }
    }
    section.charts.push(Chart {
        title: "A hit, by the number of sources".to_owned(),
        unit: "ns".to_owned(),
        logarithmic: false,
        bars,
    });
    Ok(section)
}

fn sources(number: usize) -> Result<Contender> {
    let http_client = Arc::new(Canned::token(ONE_KILOBYTE));
    let sources = shuffled(number, || {
        let source = cold_source(Arc::clone(&http_client))?;
        block_on(source.token())?;
        let source: SharedTokenSource = Arc::new(source);
        Ok(source)
    })?;
    Ok(Contender::new("ours", move |times| {
        for source in sources.iter().cycle().take(times as usize) {
            black_box(source.with_ready(&mut |token| {
                black_box(token.header());
            }));
        }
    }))
}

fn references(number: usize) -> Result<Contender> {
    let references = shuffled(number, || Ok(Box::new(Reference::ready()?)))?;
    Ok(Contender::new("guard and clock", move |times| {
        for reference in references.iter().cycle().take(times as usize) {
            black_box(reference.look(|header| {
                black_box(header);
            }));
        }
    }))
}

fn shuffled<T>(number: usize, make: impl Fn() -> Result<T>) -> Result<Vec<T>> {
    let mut all: Vec<T> = (0..number).map(|_| make()).collect::<Result<_>>()?;
    fastrand::shuffle(&mut all);
    Ok(all)
}
