//! Designs that do the least that a hit can do: what the caches are measured beside. They know no renewal, no
//! rejection and no store.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use arc_swap::ArcSwapOption;
use http::HeaderValue;
use oauth_bench_kit::fixtures::ONE_KILOBYTE;

/// What any source that is called through `dyn` pays for that.
pub(crate) trait Look: Send + Sync {
    /// Shows the header in place, and tells whether there is one.
    fn look_dyn(&self, look: &mut dyn FnMut(&HeaderValue)) -> bool;
}

impl Look for Reference {
    fn look_dyn(&self, look: &mut dyn FnMut(&HeaderValue)) -> bool {
        self.look(look)
    }
}

/// A token behind an `ArcSwap`, and a deadline that is compared with a coarse clock.
#[derive(Debug)]
pub(crate) struct Reference {
    current: ArcSwapOption<Entry>,
    /// Changes with the token; of no two references the same.
    generation: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    header: HeaderValue,
    /// Nanoseconds of the coarse clock.
    unusable: u64,
}

impl Reference {
    /// Holds a token of 1 KB for an hour.
    pub(crate) fn ready() -> Result<Self> {
        static GENERATIONS: AtomicU64 = AtomicU64::new(1);
        let entry = Entry {
            header: HeaderValue::from_str(&format!("Bearer {}", "t".repeat(ONE_KILOBYTE)))?,
            unusable: coarse_now() + 3_600_000_000_000,
        };
        Ok(Self {
            current: ArcSwapOption::from_pointee(entry),
            generation: AtomicU64::new(GENERATIONS.fetch_add(1, Ordering::Relaxed)),
        })
    }

    /// Shows the header in place, under the guard: no reference count is touched.
    pub(crate) fn look(&self, look: impl FnOnce(&HeaderValue)) -> bool {
        let guard = self.current.load();
        match guard.as_ref() {
            Some(entry) if coarse_now() < entry.unusable => {
                look(&entry.header);
                true
            }
            _ => false,
        }
    }

    /// The header by a reference count that all threads share.
    pub(crate) fn shared(&self) -> Option<HeaderValue> {
        let mut header = None;
        self.look(|held| header = Some(held.clone()));
        header
    }

    /// The header by a reference count that only this thread has: a copy of its own, valid as long as the generation
    /// has not changed.
    pub(crate) fn per_thread(&self) -> Option<HeaderValue> {
        thread_local! {
            static COPY: RefCell<Option<(u64, u64, HeaderValue)>> = const { RefCell::new(None) };
        }
        COPY.with_borrow_mut(|copy| {
            let generation = self.generation.load(Ordering::Acquire);
            if let Some((of, unusable, header)) = copy
                && *of == generation
                && coarse_now() < *unusable
            {
                return Some(header.clone());
            }
            let guard = self.current.load();
            let entry = guard.as_ref()?;
            let header = HeaderValue::from_bytes(entry.header.as_bytes()).ok()?;
            *copy = Some((generation, entry.unusable, header.clone()));
            Some(header)
        })
    }
}

/// A shared reference, as the contenders have it.
pub(crate) fn ready_reference() -> Result<&'static Reference> {
    let reference = Reference::ready().context("the reference design")?;
    Ok(Box::leak(Box::new(reference)))
}

/// Nanoseconds by the clock that moves on with each tick of the kernel and costs the least.
#[cfg(target_os = "linux")]
fn coarse_now() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::MonotonicCoarse);
    // Both count up from zero.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Elsewhere there is no such clock to be had without `unsafe`.
#[cfg(not(target_os = "linux"))]
fn coarse_now() -> u64 {
    use oauth_bench_kit::Stopwatch;
    use std::sync::OnceLock;
    static START: OnceLock<Stopwatch> = OnceLock::new();
    START.get_or_init(Stopwatch::start).nanos() as u64
}
