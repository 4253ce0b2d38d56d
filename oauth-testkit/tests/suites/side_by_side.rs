//! Many checks at once, most of which wait: for a socket, or for what is not going to happen.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More than there are processors.
const WORKERS: usize = 16;

/// Those of the jobs whose check panics, in their order.
pub(crate) fn failing<J: Sync>(jobs: &[J], check: impl Fn(&J) + Sync) -> Vec<&J> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else {
                return failed;
            };
            if quietly(|| check(job)).is_err() {
                failed.push(index);
            }
        }
    };
    let mut failed: Vec<usize> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        let failed = workers.into_iter().map(|worker| worker.join().unwrap());
        failed.flatten().collect()
    });
    failed.sort_unstable();
    failed.into_iter().map(|index| &jobs[index]).collect()
}

/// Most panics of a check are expected, and their backtraces take longer than the checks.
fn quietly(check: impl FnOnce()) -> thread::Result<()> {
    thread_local! {
        static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HUSH: Once = Once::new();
    HUSH.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            if !IS_QUIET.get() {
                loud(panicked);
            }
        }));
    });
    IS_QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(check));
    IS_QUIET.set(false);
    outcome
}
