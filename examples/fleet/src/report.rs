//! The figures.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::worker::Tally;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) processes: usize,
    pub(crate) seconds: u64,
    pub(crate) lifetime_seconds: u64,
    pub(crate) store: bool,
    pub(crate) token_requests: usize,
    /// In each second.
    pub(crate) token_requests_by_second: Vec<usize>,
    pub(crate) most_token_requests_at_once: usize,
    pub(crate) api_calls: u64,
    pub(crate) failures: Vec<String>,
    pub(crate) store_failures: u64,
    pub(crate) killed: usize,
    /// Of the first call of each process, which has no token yet.
    pub(crate) first_token: Latencies,
    /// Of all others.
    pub(crate) token: Latencies,
}

/// In microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Latencies {
    pub(crate) calls: usize,
    pub(crate) p50_us: u64,
    pub(crate) p999_us: u64,
    pub(crate) max_us: u64,
}

impl Latencies {
    pub(crate) fn of(mut all: Vec<u64>) -> Self {
        all.sort_unstable();
        let at = |per_mille: usize| {
            let last = all.len().saturating_sub(1);
            all.get(last * per_mille / 1000)
                .copied()
                .unwrap_or_default()
        };
        Self {
            calls: all.len(),
            p50_us: at(500),
            p999_us: at(999),
            max_us: at(1000),
        }
    }
}

/// What the processes have told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    first_us: Vec<u64>,
    token_us: Vec<u64>,
    pub(crate) api_calls: u64,
    pub(crate) store_failures: u64,
    pub(crate) failures: Vec<String>,
}

impl Told {
    pub(crate) fn add(&mut self, tally: Tally) {
        self.first_us.extend(tally.first_us);
        self.token_us.extend(tally.token_us);
        self.api_calls += tally.api_calls;
        self.store_failures += tally.store_failures;
    }

    pub(crate) fn latencies(&mut self) -> (Latencies, Latencies) {
        let of = |all: &mut Vec<u64>| Latencies::of(std::mem::take(all));
        (of(&mut self.first_us), of(&mut self.token_us))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = if self.store { "one store" } else { "no store" };
        writeln!(
            f,
            "{} processes, {store}, {} s, tokens of {} s",
            self.processes, self.seconds, self.lifetime_seconds
        )?;
        writeln!(
            f,
            "token requests: {}, at most {} at once",
            self.token_requests, self.most_token_requests_at_once
        )?;
        writeln!(f, "  by second: {:?}", self.token_requests_by_second)?;
        writeln!(
            f,
            "API calls: {}, failed: {}; calls of the store that failed: {}; processes killed: {}",
            self.api_calls,
            self.failures.len(),
            self.store_failures,
            self.killed
        )?;
        for failure in self.failures.iter().take(10) {
            writeln!(f, "  {failure}")?;
        }
        writeln!(f, "first token(): {}", self.first_token)?;
        writeln!(f, "other token(): {}", self.token)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p999, max] = [self.p50_us, self.p999_us, self.max_us].map(Duration::from_micros);
        write!(
            f,
            "{} calls, p50 {p50:.0?}, p99.9 {p999:.0?}, max {max:.0?}",
            self.calls
        )
    }
}
