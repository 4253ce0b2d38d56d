//! The time of a lookup.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{
    AccessToken, CachedTokenSource, Clock, Error, SystemClock, TokenSource, async_trait,
};
use oauth_tenants::TokenSources;

use crate::{name, roomy};

/// A prime: with it as a step, no order of the tenants is that in which they were made.
const STEP: usize = 7_919;

/// How long a lookup of one of so many warm tenants takes each of so many threads, in nanoseconds: a hit by a borrowed
/// key, with a look at the token (`with_ready`). The tenants are asked for in no order of theirs, so that their memory
/// is as cold as their number makes it.
pub fn lookup(tenants: usize, threads: usize, lookups: usize) -> Result<f64, Error> {
    let sources = TokenSources::builder(|_: &String| Ok(CachedTokenSource::new(Short)))
        .max_entries(roomy(tenants))
        .build();
    for tenant in 0..tenants {
        block_on(sources.get(&name(tenant))?.token())?;
    }
    let keys: Vec<_> = (0..tenants)
        .map(|place| name(place * STEP % tenants))
        .collect();
    let together = Barrier::new(threads);
    let times: Vec<Duration> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let (sources, keys, together) = (&sources, &keys, &together);
                let start = worker * tenants / threads;
                let keys = keys.iter().cycle().skip(start);
                scope.spawn(move || {
                    together.wait();
                    timed(sources, keys.take(lookups))
                })
            })
            .collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .collect()
    });
    assert_eq!(times.len(), threads, "no worker panicked");
    let total: Duration = times.iter().sum();
    Ok(total.as_nanos() as f64 / (threads * lookups) as f64)
}

fn timed<'a>(
    sources: &TokenSources<String, CachedTokenSource<Short>>,
    keys: impl Iterator<Item = &'a String>,
) -> Duration {
    let clock = SystemClock::new();
    let start = clock.now();
    for key in keys {
        let hit = sources.get(key.as_str()).is_ok_and(|source| {
            source.with_ready(&mut |token| {
                black_box(token.header());
            })
        });
        assert!(hit, "every tenant is warm");
    }
    clock.now().saturating_duration_since(start)
}

struct Short;

#[async_trait]
impl TokenSource for Short {
    async fn token(&self) -> Result<AccessToken, Error> {
        let token = AccessToken::builder("t").expires_in(Duration::from_secs(36_000));
        Ok(token.build()?)
    }
}
