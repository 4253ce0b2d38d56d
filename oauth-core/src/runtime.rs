//! The one place that starts a thread: background work and timers where no async runtime serves them.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant as Monotonic};

use async_task::Runnable;
use tracing::error;

use crate::clock::BoxFuture;
use crate::spawner::Spawner;

/// Runs work on the tokio runtime it is called in (feature `tokio`), and everywhere else on one thread
/// that serves the whole process, starts when first needed, and sleeps when there is nothing to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultSpawner;

impl Spawner for DefaultSpawner {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        #[cfg(feature = "tokio")]
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
            return;
        }
        let (runnable, task) = async_task::spawn(work, |runnable| THREAD.push(runnable));
        task.detach();
        runnable.schedule();
    }
}

/// Is ready once `duration` has passed on the monotonic clock, which may stand still while the machine
/// sleeps. Needs no runtime.
pub(crate) fn pause(duration: Duration) -> impl Future<Output = ()> + Send {
    Pause {
        deadline: monotonic_now().checked_add(duration),
        timer: None,
    }
}

static THREAD: Thread = Thread {
    queue: Mutex::new(Queue {
        runnables: VecDeque::new(),
        timers: BTreeMap::new(),
        timers_made: 0,
        started: false,
    }),
    changed: Condvar::new(),
};

struct Thread {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    runnables: VecDeque<Runnable>,
    timers: BTreeMap<TimerKey, Waker>,
    timers_made: u64,
    started: bool,
}

/// Deadlines in order; the number tells those of one moment apart.
type TimerKey = (Monotonic, u64);

impl Thread {
    fn push(&'static self, runnable: Runnable) {
        let mut queue = self.lock();
        queue.runnables.push_back(runnable);
        self.wake(&mut queue);
    }

    fn add_timer(&'static self, deadline: Monotonic, waker: Waker) -> TimerKey {
        let mut queue = self.lock();
        queue.timers_made += 1;
        let key = (deadline, queue.timers_made);
        queue.timers.insert(key, waker);
        self.wake(&mut queue);
        key
    }

    fn wake(&'static self, queue: &mut Queue) {
        if queue.started {
            self.changed.notify_one();
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "the one thread of the process")]
        match thread::Builder::new()
            .name("oauth-core".into())
            .spawn(|| self.run())
        {
            Ok(_) => queue.started = true,
            // Whoever waits for the work drives it on; the next call tries again.
            Err(cause) => error!(%cause, "no thread for background work could be started"),
        }
    }

    fn run(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(runnable) = queue.runnables.pop_front() {
                drop(queue);
                if catch_unwind(AssertUnwindSafe(|| runnable.run())).is_err() {
                    error!("background work panicked");
                }
                queue = self.lock();
                continue;
            }
            let now = monotonic_now();
            match queue.timers.first_key_value() {
                Some((&(deadline, _), _)) if deadline <= now => {
                    let waker = queue.timers.pop_first().map(|(_, waker)| waker);
                    drop(queue);
                    // A waker is somebody else's code.
                    let wake = AssertUnwindSafe(|| waker.into_iter().for_each(Waker::wake));
                    if catch_unwind(wake).is_err() {
                        error!("waking who slept panicked");
                    }
                    queue = self.lock();
                }
                Some((&(deadline, _), _)) => {
                    let wait = self.changed.wait_timeout(queue, deadline - now);
                    queue = wait.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => {
                    queue = self
                        .changed
                        .wait(queue)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Pause {
    /// `None`: further away than any clock can tell.
    deadline: Option<Monotonic>,
    timer: Option<TimerKey>,
}

impl Pause {
    fn cancel(&mut self) {
        if let Some(key) = self.timer.take() {
            let waker = THREAD.lock().timers.remove(&key);
            drop(waker);
        }
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        self.cancel();
        if deadline <= monotonic_now() {
            return Poll::Ready(());
        }
        self.timer = Some(THREAD.add_timer(deadline, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "timers wait on the clock that condition variables use"
)]
fn monotonic_now() -> Monotonic {
    Monotonic::now()
}
