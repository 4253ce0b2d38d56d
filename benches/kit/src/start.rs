//! A start at the same moment.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::yield_now;
use std::time::Duration;

use crate::stopwatch::Stopwatch;

/// Lets threads begin at the same moment, each on a core of its own. On a busy machine two threads often take turns on
/// one core: then they are not in each other's way, and what is to be measured does not happen.
///
/// The threads pass a token around until that is so quick that all of them must be running.
#[derive(Debug)]
pub(crate) struct Start {
    threads: u64,
    token: AtomicU64,
    go: AtomicBool,
}

/// A lap of the token, while all are running, takes well under a microsecond.
const LAPS: u64 = 16;
const QUICK: Duration = Duration::from_micros(40);

/// If they are not all running by then, they begin as it comes.
const PATIENCE: Duration = Duration::from_millis(20);

impl Start {
    pub(crate) fn of(threads: usize) -> Self {
        Self {
            threads: threads as u64,
            token: AtomicU64::new(0),
            go: AtomicBool::new(false),
        }
    }

    /// Returns in all threads at once; they are numbered from 0. Tells the first whether they all run.
    pub(crate) fn wait(&self, thread: usize) -> bool {
        if thread > 0 {
            while self.take(thread as u64) {}
            return true;
        }
        let begin = Stopwatch::start();
        loop {
            let watch = Stopwatch::start();
            for _ in 0..LAPS {
                self.take(0);
            }
            let is_quick = watch.elapsed() < QUICK;
            if is_quick || begin.elapsed() > PATIENCE {
                self.go.store(true, Ordering::Release);
                return is_quick;
            }
        }
    }

    /// Waits for the token and passes it on, unless it is time to go.
    fn take(&self, thread: u64) -> bool {
        let mut spins = 0_u32;
        while self.token.load(Ordering::Acquire) % self.threads != thread {
            if self.go.load(Ordering::Acquire) {
                return false;
            }
            spins += 1;
            if spins.is_multiple_of(1000) {
                yield_now();
            } else {
                spin_loop();
            }
        }
        self.token.fetch_add(1, Ordering::AcqRel);
        true
    }
}
