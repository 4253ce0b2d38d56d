//! What a source keeps on the heap.

use allocation_counter::measure as allocations;
use anyhow::{Context as _, Result};
use futures_executor::block_on;
use oauth_bench_kit::Quartiles;
use oauth_bench_kit::fixtures::{Canned, ONE_KILOBYTE, cold_source};
use oauth_bench_kit::report::{Budget, Figure, Section};
use oauth_core::TokenSource;

use crate::settings::Settings;

const HOW: &str = "Bytes that are allocated and not given back, for each of many sources that share an HTTP client: \
    client id, secret, two scopes and policy included. What the allocator itself adds is not counted.";

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("memory", "Memory", HOW);
    let sources = settings.either(100_000, 500);
    let with_token = heap(sources, true)?;
    section.figures = vec![
        Figure::new(
            format!("heap a source with a token of 1 KB, {sources} of them"),
            "bytes",
            Quartiles::exactly(with_token),
        )
        .budget(Budget::AtMost(1450.0)),
        Figure::new(
            format!("heap a source without a token, {sources} of them"),
            "bytes",
            Quartiles::exactly(heap(sources, false)?),
        ),
        Figure::new(
            "of these: the header alone",
            "bytes",
            Quartiles::exactly((ONE_KILOBYTE + "Bearer ".len()) as f64),
        ),
    ];
    Ok(section)
}

/// Bytes each.
fn heap(count: usize, with_token: bool) -> Result<f64> {
    let http_client = std::sync::Arc::new(Canned::token(ONE_KILOBYTE));
    let source = || {
        let source = cold_source(std::sync::Arc::clone(&http_client))?;
        if with_token {
            block_on(source.token())?;
        }
        anyhow::Ok(source)
    };
    // What is made once only is there already.
    source()?;
    let mut sources = Vec::with_capacity(count);
    let mut outcome = Ok(());
    let counted = allocations(|| {
        for _ in 0..count {
            match source() {
                Ok(source) => sources.push(source),
                Err(error) => outcome = Err(error),
            }
        }
    });
    outcome.context("a source cannot be made")?;
    Ok(counted.bytes_current as f64 / count as f64)
}
