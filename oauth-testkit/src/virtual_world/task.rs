//! Futures polled by hand, on one thread, when they have been woken and at no other time.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use oauth_core::{BoxFuture, Spawner};

use crate::sync::lock;

/// A future and whether it has been woken since it was last polled.
pub(crate) struct Task<T> {
    future: BoxFuture<'static, T>,
    woken: Arc<Woken>,
    waker: Waker,
}

impl<T> Task<T> {
    /// A task that is to be polled.
    pub(crate) fn new(future: BoxFuture<'static, T>) -> Self {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        Self {
            future,
            woken,
            waker,
        }
    }

    /// `None`: there was no reason to poll it.
    pub(crate) fn poll_if_woken(&mut self) -> Option<Poll<T>> {
        if !self.woken.0.swap(false, Ordering::AcqRel) {
            return None;
        }
        let mut context = Context::from_waker(&self.waker);
        Some(self.future.as_mut().poll(&mut context))
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("woken", &self.woken.0)
            .finish_non_exhaustive()
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// A [`Spawner`] that keeps the work until somebody takes it. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct SpawnedWork(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl SpawnedWork {
    pub(crate) fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Spawner for SpawnedWork {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        lock(&self.0).push(work);
    }
}

impl fmt::Debug for SpawnedWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpawnedWork")
            .field(&lock(&self.0).len())
            .finish()
    }
}
