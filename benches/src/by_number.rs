//! What a hit costs where there are many sources, or many tenants in one set of them.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Result;
use futures_executor::block_on;
use oauth_bench_kit::fixtures::{Canned, ONE_KILOBYTE, cold_source};
use oauth_bench_kit::report::{Bar, Chart, Figure, Section};
use oauth_bench_kit::{Contender, Crew};
use oauth_core::{SharedTokenSource, TokenSource};
use oauth_tenants::TokenSources;

use crate::references::{Look, Reference};
use crate::settings::Settings;

const HOW: &str = "A look at the ready token in place, of one source after the other in an order that no cache of the \
    processor foresees, with a token of 1 KB each; beside it the guard and the coarse clock over as many entries, through `dyn` too. \
    Tenants: one after the other is found by its name in a `TokenSources`, and its token looked at; beside it the same \
    sources in a `HashMap` behind a lock, which has neither a bound nor an end; last, 1,000 of 100,000 that are asked for, while the others rest. What grows with the number is what the \
    processor has to fetch from memory. One thread.";

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("number", "Many sources", HOW);
    let numbers = settings.either([1, 1_000, 100_000], [1, 20, 100]);
    let mut of_sources = Compared::new("sources", "guard and coarse clock");
    let mut of_tenants = Compared::new("tenants", "a HashMap");
    for number in numbers {
        let entries = number.to_string();
        of_sources.measure(&entries, [sources(number)?, references(number)?], settings);
        of_tenants.measure(
            &entries,
            [tenants(number, number)?, map(number, number)?],
            settings,
        );
    }
    let [_, busy, all] = numbers;
    let some = format!("{busy} of {all}");
    of_tenants.measure(&some, [tenants(all, busy)?, map(all, busy)?], settings);
    of_sources.add_to(&mut section, "A hit, by the number of sources");
    of_tenants.add_to(&mut section, "A lookup and a hit, by the number of tenants");
    Ok(section)
}

/// Ours beside something else, for several numbers of entries.
struct Compared {
    what: &'static str,
    beside: &'static str,
    figures: Vec<Figure>,
    bars: Vec<Bar>,
}

impl Compared {
    fn new(what: &'static str, beside: &'static str) -> Self {
        Self {
            what,
            beside,
            figures: Vec::new(),
            bars: Vec::new(),
        }
    }

    fn measure(&mut self, number: &str, contenders: [Contender; 2], settings: &Settings) {
        let timings = settings.nano_rounds().run(Crew::Threads(1), &contenders);
        let figure = Figure::new(format!("{}: {number}", self.what), "ns", timings.of(0));
        self.figures
            .push(figure.beside(self.beside, timings.of(1), timings.ratio(0, 1)));
        for (place, contender) in contenders.iter().enumerate() {
            self.bars.push(Bar {
                label: format!("{}: {number}", contender.name()),
                value: timings.of(place).median,
                is_ours: place == 0,
            });
        }
    }

    fn add_to(self, section: &mut Section, title: &str) {
        section.figures.extend(self.figures);
        section.charts.push(Chart {
            title: title.to_owned(),
            unit: "ns".to_owned(),
            logarithmic: false,
            bars: self.bars,
        });
    }
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
            let through_dyn: &dyn Look = &**reference;
            black_box(black_box(through_dyn).look_dyn(&mut |header| {
                black_box(header);
            }));
        }
    }))
}

fn tenants(number: usize, busy: usize) -> Result<Contender> {
    let http_client = Arc::new(Canned::token(ONE_KILOBYTE));
    let set = TokenSources::builder(move |_: &String| cold_source(Arc::clone(&http_client)))
        // It fills up unevenly; nothing is to be evicted.
        .max_entries(number * 2 + 1_000)
        .build();
    let names = names(number)?;
    for name in &names {
        block_on(set.get(name.as_str())?.token())?;
    }
    Ok(Contender::new("ours", move |times| {
        for name in names.iter().take(busy).cycle().take(times as usize) {
            black_box(set.get(name.as_str()).is_ok_and(|source| look(&source)));
        }
    }))
}

fn map(number: usize, busy: usize) -> Result<Contender> {
    let http_client = Arc::new(Canned::token(ONE_KILOBYTE));
    let names = names(number)?;
    let mut map = HashMap::with_capacity(number);
    for name in &names {
        let source = Arc::new(cold_source(Arc::clone(&http_client))?);
        block_on(source.token())?;
        map.insert(name.clone(), source);
    }
    let map = RwLock::new(map);
    Ok(Contender::new("a HashMap", move |times| {
        for name in names.iter().take(busy).cycle().take(times as usize) {
            let map = map.read().unwrap_or_else(PoisonError::into_inner);
            let source = map.get(name.as_str()).cloned();
            drop(map);
            black_box(source.is_some_and(|source| look(&source)));
        }
    }))
}

fn look(source: &impl TokenSource) -> bool {
    source.with_ready(&mut |token| {
        black_box(token.header());
    })
}

fn names(number: usize) -> Result<Vec<String>> {
    let next = std::cell::Cell::new(0);
    shuffled(number, || {
        next.set(next.get() + 1);
        Ok(format!("tenant-{:06}", next.get()))
    })
}

fn shuffled<T>(number: usize, make: impl Fn() -> Result<T>) -> Result<Vec<T>> {
    let mut all: Vec<T> = (0..number).map(|_| make()).collect::<Result<_>>()?;
    fastrand::shuffle(&mut all);
    Ok(all)
}
