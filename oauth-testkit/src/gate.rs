//! A gate that holds replies back until a test opens it.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Poll, Waker};

use crate::shutdown::{Shutdown, Stopped};
use crate::sync::lock;

/// Holds replies back until it is opened. Clones are the same gate.
///
/// Give it to replies with [`Reply::gated`](crate::Reply::gated),
/// [`gated_after_headers`](crate::Reply::gated_after_headers) or [`gated_in_body`](crate::Reply::gated_in_body), or to a
/// [`Fault`](crate::Fault) that hangs. One gate may hold any number of
/// replies, of any number of servers. Dropping a server releases what waits in it: such a request gets
/// no reply, its connection is closed.
#[derive(Clone, Default)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    open: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    servers: Vec<Weak<Shutdown>>,
    tasks: Vec<Waker>,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the gate for good: what waits is answered, what comes later is not held.
    pub fn open(&self) {
        let waiting = {
            let mut waiting = lock(&self.inner.waiting);
            self.inner.open.store(true, Ordering::SeqCst);
            std::mem::take(&mut *waiting)
        };
        for server in waiting.servers.iter().filter_map(Weak::upgrade) {
            server.look_again();
        }
        waiting.tasks.into_iter().for_each(Waker::wake);
    }

    /// Whether the gate has been opened.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inner.open.load(Ordering::SeqCst)
    }

    /// Waits until the gate is opened.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the wait.
    pub async fn opened(&self) {
        poll_fn(|context| {
            let waker = context.waker().clone();
            let mut waiting = lock(&self.inner.waiting);
            if self.is_open() {
                return Poll::Ready(());
            }
            waiting.tasks.retain(|known| !known.will_wake(&waker));
            waiting.tasks.push(waker);
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn wait(&self, server: &Arc<Shutdown>) -> Result<(), Stopped> {
        {
            let mut waiting = lock(&self.inner.waiting);
            if self.is_open() {
                return Ok(());
            }
            let server = Arc::downgrade(server);
            if !waiting.servers.iter().any(|known| known.ptr_eq(&server)) {
                waiting.servers.push(server);
            }
        }
        server.wait_until(|| self.is_open())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("open", &self.is_open())
            .finish()
    }
}
