//! A clock that stands still until a test moves it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use oauth_core::{BoxFuture, Clock, Instant};

use crate::sync::lock;

/// A [`Clock`] that stands still until it is moved. Clones are the same clock.
///
/// A sleeper is registered when [`sleep`](Clock::sleep) is called, before its future is first polled,
/// and unregistered when it fires or is dropped.
///
/// # Contract
///
/// - [`advance`](Self::advance) and [`advance_to`](Self::advance_to) wake the sleepers in the order of
///   their deadlines (those with the same one in the order they began), each with the clock at its own
///   deadline. Waking only schedules a task: a driver that wants the task to *run* at that moment goes
///   from [`next_deadline`](Self::next_deadline) to the next with `advance_to` and runs its tasks
///   between.
/// - [`suspend`](Self::suspend) is a machine asleep: all the time passes first, then what is due fires.
/// - Wakers are called outside the clock's lock: they may read the clock, and move it.
///
/// # Examples
///
/// ```
/// use oauth_core::Clock;
/// use oauth_testkit::ManualClock;
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let begin = clock.now();
/// let sleep = clock.sleep(Duration::from_secs(5));
/// assert_eq!(clock.next_deadline(), Some(begin + Duration::from_secs(5)));
///
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), begin + Duration::from_secs(60));
/// assert_eq!(clock.sleepers(), 0);
/// # drop(sleep);
/// ```
#[derive(Clone)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

impl ManualClock {
    /// A clock that stands a day after its origin, in June 2025.
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(
            Instant::from_origin(Duration::from_secs(86_400)),
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000),
        )
    }

    /// A clock that stands at the given moment and time of day.
    #[must_use]
    pub fn starting_at(now: Instant, wall: SystemTime) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                now,
                wall,
                sleepers: BTreeMap::new(),
                registered: 0,
            })),
        }
    }

    /// Lets `duration` pass, stopping at each deadline on the way to wake who sleeps until then. The time limits of
    /// requests under way are among these deadlines: move the clock by more than theirs when nothing is under way.
    pub fn advance(&self, duration: Duration) {
        // Counted down rather than up to a fixed moment, so that two threads that advance at once
        // add up.
        let mut left = duration;
        loop {
            let due = {
                let mut state = lock(&self.state);
                let stop = state.now + left;
                let step = state.next_deadline().map_or(left, |deadline| {
                    deadline.min(stop).saturating_duration_since(state.now)
                });
                state.pass(step);
                left -= step;
                state.take_due()
            };
            due.into_iter().for_each(Waker::wake);
            if left.is_zero() {
                return;
            }
        }
    }

    /// Lets time pass until `instant`, as [`advance`](Self::advance) does; nothing if that is past.
    pub fn advance_to(&self, instant: Instant) {
        self.advance(instant.saturating_duration_since(self.now()));
    }

    /// Puts the machine to sleep for `duration`: all of it passes, then the sleepers that are due are
    /// woken, in the order of their deadlines.
    pub fn suspend(&self, duration: Duration) {
        let due = {
            let mut state = lock(&self.state);
            state.pass(duration);
            state.take_due()
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// Steps the time of day by `seconds`, either way. No time passes and nobody is woken.
    pub fn step_wall(&self, seconds: i64) {
        let mut state = lock(&self.state);
        let step = Duration::from_secs(seconds.unsigned_abs());
        let stepped = if seconds < 0 {
            state.wall.checked_sub(step)
        } else {
            state.wall.checked_add(step)
        };
        state.wall = stepped.unwrap_or(state.wall);
    }

    /// How many sleeps are under way.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        lock(&self.state).sleepers.len()
    }

    /// The earliest moment that somebody sleeps until.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        lock(&self.state).next_deadline()
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        lock(&self.state).now
    }

    fn identity(&self) -> Option<usize> {
        Some(Arc::as_ptr(&self.state).addr())
    }

    fn wall(&self) -> SystemTime {
        lock(&self.state).wall
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut state = lock(&self.state);
        let key = Key {
            deadline: state.now + duration,
            order: state.registered,
        };
        if !duration.is_zero() {
            state.registered += 1;
            state.sleepers.insert(key, None);
        }
        Box::pin(Sleep {
            key,
            clock: self.clone(),
        })
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("ManualClock")
            .field("now", &state.now)
            .field("wall", &state.wall)
            .field("sleepers", &state.sleepers.len())
            .finish()
    }
}

struct State {
    now: Instant,
    wall: SystemTime,
    /// The waker is absent until the future is polled.
    sleepers: BTreeMap<Key, Option<Waker>>,
    registered: u64,
}

impl State {
    fn next_deadline(&self) -> Option<Instant> {
        self.sleepers.first_key_value().map(|(key, _)| key.deadline)
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.wall = self.wall.checked_add(duration).unwrap_or(self.wall);
    }

    fn take_due(&mut self) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(first) = self.sleepers.first_entry() {
            if first.key().deadline > self.now {
                break;
            }
            due.extend(first.remove());
        }
        due
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    deadline: Instant,
    order: u64,
}

struct Sleep {
    key: Key,
    clock: ManualClock,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.clock.state);
        let Some(waker) = state.sleepers.get_mut(&self.key) else {
            return Poll::Ready(());
        };
        let replaced = waker.replace(context.waker().clone());
        // Dropping the last waker of a task may drop the task, with the sleeps it holds.
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let removed = lock(&self.clock.state).sleepers.remove(&self.key);
        drop(removed);
    }
}
