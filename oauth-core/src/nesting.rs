//! Which calls block on which threads, one within another.

use std::cell::Cell;
use std::thread::{self, ThreadId};

thread_local! {
    /// How many calls block on this thread, each within the one before.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A call that blocks its thread on a future, from its beginning to its end.
pub(crate) struct Blocking(());

impl Blocking {
    pub(crate) fn begin() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self(())
    }
}

impl Drop for Blocking {
    /// An executor around this call may sleep in [`thread::park`] too. What woke it meanwhile has woken this call
    /// instead, so it is made to look once more.
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        thread::current().unpark();
    }
}

/// Where something happens: on which thread, and within how many calls that block it.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    thread: ThreadId,
    depth: usize,
}

impl Standing {
    pub(crate) fn here() -> Self {
        Self {
            thread: thread::current().id(),
            depth: DEPTH.get(),
        }
    }

    /// Whether what happens there cannot go on before a call returns that this is in.
    pub(crate) fn blocks(self, there: Self) -> bool {
        self.thread == there.thread && self.depth > there.depth
    }
}
