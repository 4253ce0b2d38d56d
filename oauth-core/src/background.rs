//! The one place that starts a thread: background work and timers where no async runtime serves them, and
//! waiting for a future without one.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant as Monotonic};

use async_task::Runnable;

use crate::nesting::Blocking;
use crate::observe;

/// Has the background thread do `work`.
pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    let (runnable, task) = async_task::spawn(work, |runnable| THREAD.push(runnable));
    task.detach();
    runnable.schedule();
}

/// Is ready once `duration` has passed on the monotonic clock, which may stand still while the machine
/// sleeps. Needs no runtime.
pub(crate) fn pause(duration: Duration) -> impl Future<Output = ()> + Send {
    Pause {
        deadline: monotonic_now().checked_add(duration),
        timer: None,
    }
}

/// Runs `future` on the calling thread, which may be any: one of an async runtime, the background thread
/// itself, one within another `block_on`.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    THREAD.go_on_without_me();
    let _blocking = Blocking::begin();
    pollster::block_on(future)
}

static THREAD: Thread = Thread {
    queue: Mutex::new(Queue {
        runnables: VecDeque::new(),
        timers: BTreeMap::new(),
        timers_made: 0,
        served_by: None,
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
    served_by: Option<ThreadId>,
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
        if queue.served_by.is_some() {
            self.changed.notify_one();
        } else {
            self.start(queue);
        }
    }

    /// To be called before the thread blocks. What it would wait for may need work or timers that are its own
    /// to serve, so another takes its place.
    fn go_on_without_me(&'static self) {
        let mut queue = self.lock();
        if queue.served_by == Some(thread::current().id()) {
            self.start(&mut queue);
        }
    }

    fn start(&'static self, queue: &mut Queue) {
        #[expect(clippy::disallowed_methods, reason = "the one thread of the process")]
        match thread::Builder::new()
            .name("oauth-core".into())
            .spawn(|| self.run())
        {
            Ok(handle) => queue.served_by = Some(handle.thread().id()),
            // Whoever waits for the work drives it on; the next call tries again.
            Err(cause) => observe::no_thread(&cause),
        }
    }

    fn run(&self) {
        let me = Some(thread::current().id());
        let mut queue = self.lock();
        while queue.served_by == me {
            if let Some(runnable) = queue.runnables.pop_front() {
                drop(queue);
                if catch_unwind(AssertUnwindSafe(|| runnable.run())).is_err() {
                    observe::background_panicked("background work panicked");
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
                        observe::background_panicked("waking who slept panicked");
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
