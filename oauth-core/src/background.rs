//! The one place that starts a thread: background work and timers where no async runtime serves them, and
//! waiting for a future without one. The thread ends when there is nothing to do.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant as Monotonic};

use async_task::Runnable;

use crate::nesting::Blocking;
use crate::observe;

/// How long the thread waits for something to do before it ends. Beginning anew costs less than a token request by far.
const IDLE: Duration = Duration::from_millis(250);

/// Has the background thread do `work`.
pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    THREAD.spawn(work);
    THREAD.tell();
}

/// As [`spawn`], for who holds a lock: if there is no thread, whoever comes next without one tells of it.
#[cfg(not(oauth_shuttle))]
pub(crate) fn spawn_quietly(work: impl Future<Output = ()> + Send + 'static) {
    THREAD.spawn(work);
}

/// Is ready once `duration` has passed on the monotonic clock, which may stand still while the machine
/// sleeps. Needs no runtime.
pub(crate) fn pause(duration: Duration) -> impl Future<Output = ()> + Send {
    THREAD.pause(duration)
}

/// Runs `future` on the calling thread, which may be any: one of an async runtime, the background thread
/// itself, one within another `block_on`.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    THREAD.go_on_without_me();
    let _blocking = Blocking::begin();
    pollster::block_on(future)
}

static THREAD: Thread = Thread::new("oauth-core", IDLE);

struct Thread {
    name: &'static str,
    idle: Duration,
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    runnables: VecDeque<Runnable>,
    timers: BTreeMap<TimerKey, Waker>,
    timers_made: u64,
    served_by: Option<ThreadId>,
    /// Why no thread could be started, until somebody tells of it: whoever listens is somebody else's code, and must
    /// find no lock taken.
    untold: Option<io::Error>,
}

/// Deadlines in order; the number tells those of one moment apart.
type TimerKey = (Monotonic, u64);

impl Thread {
    const fn new(name: &'static str, idle: Duration) -> Self {
        Self {
            name,
            idle,
            queue: Mutex::new(Queue {
                runnables: VecDeque::new(),
                timers: BTreeMap::new(),
                timers_made: 0,
                served_by: None,
                untold: None,
            }),
            changed: Condvar::new(),
        }
    }

    fn spawn(&'static self, work: impl Future<Output = ()> + Send + 'static) {
        let (runnable, task) = async_task::spawn(work, |runnable| self.push(runnable));
        task.detach();
        runnable.schedule();
    }

    fn pause(&'static self, duration: Duration) -> Pause {
        Pause {
            thread: self,
            deadline: monotonic_now().checked_add(duration),
            timer: None,
        }
    }

    /// Tells if there is no thread. Not to be called with a lock in hand.
    fn tell(&self) {
        let untold = self.lock().untold.take();
        if let Some(cause) = untold {
            observe::no_thread(&cause);
        }
    }

    /// Wakers call this too, and who calls them may hold a lock.
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
        drop(queue);
        self.tell();
        key
    }

    fn remove_timer(&self, key: &TimerKey) {
        let mut queue = self.lock();
        let waker = queue.timers.remove(key);
        if queue.is_empty() {
            // It need not wait for that timer to end.
            self.changed.notify_one();
        }
        drop(queue);
        drop(waker);
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
            drop(queue);
            self.tell();
        }
    }

    fn start(&'static self, queue: &mut Queue) {
        #[expect(clippy::disallowed_methods, reason = "the one thread of the process")]
        match thread::Builder::new()
            .name(self.name.into())
            .spawn(|| self.run())
        {
            Ok(handle) => queue.served_by = Some(handle.thread().id()),
            // Whoever waits for the work drives it on; the next call tries again.
            Err(cause) => queue.untold = Some(cause),
        }
    }

    fn run(&'static self) {
        let me = thread::current().id();
        let _gone = Gone { thread: self, me };
        let mut queue = self.lock();
        while queue.served_by == Some(me) {
            let now = monotonic_now();
            // Timers first: work that has itself woken over and over must not hold them up.
            if let Some(waker) = queue.take_due(now) {
                drop(queue);
                // A waker is somebody else's code.
                if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
                    observe::background_panicked("waking who slept panicked");
                }
                queue = self.lock();
            } else if let Some(runnable) = queue.runnables.pop_front() {
                drop(queue);
                if catch_unwind(AssertUnwindSafe(|| runnable.run())).is_err() {
                    observe::background_panicked("background work panicked");
                }
                queue = self.lock();
            } else if let Some((&(deadline, _), _)) = queue.timers.first_key_value() {
                let wait = self.changed.wait_timeout(queue, deadline - now);
                queue = wait.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                let wait = self.changed.wait_timeout(queue, self.idle);
                let (after, wait) = wait.unwrap_or_else(PoisonError::into_inner);
                queue = after;
                if wait.timed_out() && queue.is_empty() && queue.served_by == Some(me) {
                    // Whoever comes next finds nobody to wake, and starts another.
                    queue.served_by = None;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On a thread: lets another take its place, should it end by a panic. Who is told of panics is somebody else's code.
struct Gone {
    thread: &'static Thread,
    me: ThreadId,
}

impl Drop for Gone {
    fn drop(&mut self) {
        let mut queue = self.thread.lock();
        if queue.served_by == Some(self.me) {
            queue.served_by = None;
            if !queue.is_empty() {
                self.thread.start(&mut queue);
            }
        }
    }
}

impl Queue {
    fn take_due(&mut self, now: Monotonic) -> Option<Waker> {
        let first = self.timers.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn is_empty(&self) -> bool {
        self.runnables.is_empty() && self.timers.is_empty()
    }
}

struct Pause {
    thread: &'static Thread,
    /// `None`: further away than any clock can tell.
    deadline: Option<Monotonic>,
    timer: Option<TimerKey>,
}

impl Pause {
    fn cancel(&mut self) {
        if let Some(key) = self.timer.take() {
            self.thread.remove_timer(&key);
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
        let waker = context.waker().clone();
        self.timer = Some(self.thread.add_timer(deadline, waker));
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

#[cfg(test)]
#[path = "background_tests.rs"]
mod tests;
