//! The end of a server, which interrupts every wait inside it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::sync::lock;

/// Raised once, when the server is dropped.
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    stopped: Mutex<bool>,
    changed: Condvar,
}

/// The server stopped while somebody waited.
#[derive(Debug)]
pub(crate) struct Stopped;

impl Shutdown {
    pub(crate) fn stop(&self) {
        *lock(&self.stopped) = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        *lock(&self.stopped)
    }

    /// Waits in real time.
    pub(crate) fn pause(&self, duration: Duration) -> Result<(), Stopped> {
        let (stopped, _) = self
            .changed
            .wait_timeout_while(lock(&self.stopped), duration, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if *stopped { Err(Stopped) } else { Ok(()) }
    }

    /// Waits until `ready` says so. Whoever makes it true calls [`look_again`](Self::look_again).
    pub(crate) fn wait_until(&self, ready: impl Fn() -> bool) -> Result<(), Stopped> {
        let stopped = self
            .changed
            .wait_while(lock(&self.stopped), |stopped| !*stopped && !ready())
            .unwrap_or_else(PoisonError::into_inner);
        if *stopped { Err(Stopped) } else { Ok(()) }
    }

    /// Makes every waiter test its condition anew.
    pub(crate) fn look_again(&self) {
        // Taking the lock orders this after a waiter's test and before its wait ends up unheard.
        let _stopped = lock(&self.stopped);
        self.changed.notify_all();
    }
}
