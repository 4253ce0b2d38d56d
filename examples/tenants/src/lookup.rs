//! The time of a lookup.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, Barrier, PoisonError, RwLock};
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

type Source = CachedTokenSource<Short>;

/// Tenants who all have a token in hand.
#[derive(Debug)]
pub struct Warm {
    sources: TokenSources<String, Source>,
    tenants: usize,
}

/// The least that could be done: the same sources in a map of the standard library, with neither a bound nor an end.
#[derive(Debug)]
pub struct Map(RwLock<HashMap<String, Arc<Source>>>);

/// Who looks tenants up.
#[derive(Debug, Clone, Copy)]
pub struct Callers {
    /// So many of the tenants are asked for, in no order of theirs.
    pub busy: usize,
    /// So many threads, at the same time.
    pub threads: usize,
    /// So many lookups a thread.
    pub lookups: usize,
}

impl Warm {
    /// So many tenants.
    pub fn new(tenants: usize) -> Result<Self, Error> {
        let sources = TokenSources::builder(|_: &String| Ok(CachedTokenSource::new(Short)))
            .max_entries(roomy(tenants))
            .build();
        for tenant in 0..tenants {
            block_on(sources.get(&name(tenant))?.token())?;
        }
        Ok(Self { sources, tenants })
    }

    /// How long a lookup takes each thread, in nanoseconds: a hit by a borrowed key, with a look at the token
    /// (`with_ready`).
    pub fn lookup(&self, callers: Callers) -> f64 {
        callers.measure(self.tenants, |key| {
            self.sources.get(key).is_ok_and(|source| look(&*source))
        })
    }
}

impl Map {
    /// So many tenants.
    pub fn new(tenants: usize) -> Result<Self, Error> {
        let mut map = HashMap::with_capacity(tenants);
        for tenant in 0..tenants {
            let source = CachedTokenSource::new(Short);
            block_on(source.token())?;
            map.insert(name(tenant), Arc::new(source));
        }
        Ok(Self(RwLock::new(map)))
    }

    /// As [`Warm::lookup`].
    pub fn lookup(&self, callers: Callers) -> f64 {
        let tenants = self.read(HashMap::len);
        callers.measure(tenants, |key| {
            let source = self.read(|map| map.get(key).cloned());
            source.is_some_and(|source| look(&*source))
        })
    }

    fn read<T>(&self, look: impl FnOnce(&HashMap<String, Arc<Source>>) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn look(source: &impl TokenSource) -> bool {
    source.with_ready(&mut |token| {
        black_box(token.header());
    })
}

impl Callers {
    fn measure(self, tenants: usize, hit: impl Fn(&str) -> bool + Sync) -> f64 {
        let Self {
            busy,
            threads,
            lookups,
        } = self;
        // All over the memory of the tenants, and not only where those lie who came first.
        let keys: Vec<_> = (0..busy)
            .map(|place| name(place * STEP % tenants))
            .collect();
        let together = Barrier::new(threads);
        let times: Vec<Duration> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|worker| {
                    let (hit, together) = (&hit, &together);
                    let keys = keys.iter().cycle().skip(worker * busy / threads);
                    scope.spawn(move || {
                        together.wait();
                        timed(keys.take(lookups), hit)
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
        total.as_nanos() as f64 / (threads * lookups) as f64
    }
}

fn timed<'a>(keys: impl Iterator<Item = &'a String>, hit: &impl Fn(&str) -> bool) -> Duration {
    let clock = SystemClock::new();
    let start = clock.now();
    for key in keys {
        assert!(hit(key), "every tenant is warm");
    }
    clock.now().saturating_duration_since(start)
}

#[derive(Debug)]
struct Short;

#[async_trait]
impl TokenSource for Short {
    async fn token(&self) -> Result<AccessToken, Error> {
        let token = AccessToken::builder("t").expires_in(Duration::from_secs(36_000));
        Ok(token.build()?)
    }
}
