//! What a source keeps on the heap.

use std::sync::Arc;

use allocation_counter::measure as allocations;
use anyhow::{Context as _, Result};
use futures_executor::block_on;
use oauth_bench_kit::Quartiles;
use oauth_bench_kit::fixtures::{Canned, ONE_KILOBYTE, cached, client_credentials, cold_source};
use oauth_bench_kit::report::{Budget, Figure, Section};
use oauth_core::{CachedTokenSource, ClientCredentials, TokenSource};

use crate::settings::Settings;

const HOW: &str = "Bytes that are allocated and not given back, for each of many sources. One of a shared client has its own \
    scopes, token and state, and shares client id, secret and token URL with the others (`ClientCredentials::with_scopes`); \
    the budget is for those. Beside them those that share nothing but an HTTP client. What the allocator itself adds is \
    not counted.";

pub(crate) fn measure(settings: &Settings) -> Result<Section> {
    let mut section = Section::new("memory", "Memory", HOW);
    let sources = settings.either(100_000, 500);
    let http_client = Arc::new(Canned::token(ONE_KILOBYTE));
    let client = client_credentials(Arc::clone(&http_client)).build()?;
    let shared = || Ok(cached(client.with_scopes(["read", "write"])?));
    let own = || Ok(cold_source(Arc::clone(&http_client))?);
    let bytes = |what: &str, bytes: f64| {
        let what = format!("{what}, {sources} of them");
        Figure::new(what, "bytes", Quartiles::exactly(bytes))
    };
    section.figures = vec![
        bytes(
            "a source of a shared client with a token of 1 KB",
            heap(sources, true, shared)?,
        )
        .budget(Budget::AtMost(1450.0)),
        bytes(
            "a source of a shared client without a token",
            heap(sources, false, shared)?,
        ),
        bytes(
            "a source with a client of its own and a token of 1 KB",
            heap(sources, true, own)?,
        ),
        bytes(
            "a source with a client of its own without a token",
            heap(sources, false, own)?,
        ),
        Figure::new(
            "of these with a token: the header alone",
            "bytes",
            Quartiles::exactly((ONE_KILOBYTE + "Bearer ".len()) as f64),
        ),
    ];
    Ok(section)
}

/// Bytes each.
fn heap(
    count: usize,
    with_token: bool,
    make: impl Fn() -> Result<CachedTokenSource<ClientCredentials>>,
) -> Result<f64> {
    let source = || {
        let source = make()?;
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
