//! How rules run futures and wait, without a runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::sync::lock;

/// Far beyond what anything takes that is going to come.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a future to its end on this thread; `None` if it is not even woken for so long.
pub(super) fn run<T>(patience: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut rings = 0;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        rings = bell.await_more_than(rings, patience)?;
    }
}

/// Counts its wakes.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rings: Mutex<usize>,
    rung: Condvar,
}

impl Bell {
    pub(super) fn rings(&self) -> usize {
        *lock(&self.rings)
    }

    /// The number of rings once there were more than these; `None` if there are not for long.
    fn await_more_than(&self, rings: usize, patience: Duration) -> Option<usize> {
        let (now, waited) = self
            .rung
            .wait_timeout_while(lock(&self.rings), patience, |now| *now <= rings)
            .unwrap_or_else(PoisonError::into_inner);
        (!waited.timed_out()).then_some(*now)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *lock(&self.rings) += 1;
        self.rung.notify_all();
    }
}

pub(super) fn poll<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// Whether it comes true within real time.
pub(super) fn eventually(patience: Duration, condition: impl Fn() -> bool) -> bool {
    let step = Duration::from_millis(1);
    let steps = patience.as_millis() / step.as_millis();
    for _ in 0..steps {
        if condition() {
            return true;
        }
        let never = (Mutex::new(()), Condvar::new());
        drop(never.1.wait_timeout(lock(&never.0), step));
    }
    condition()
}

/// Says on the terminal, past what captures the output of tests, that a rule could not be checked.
pub(super) fn left_out(rule: &str, why: &str) {
    use std::io::Write as _;
    // Telling is all that can be done.
    let _ = writeln!(std::io::stderr(), "note: {rule} is left out: {why}");
}
