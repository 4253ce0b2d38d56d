//! The clock port.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::time::Instant;

/// A boxed future that can be sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where every part of this library reads the time: nothing reads an ambient clock.
///
/// Use [`SystemClock`](crate::SystemClock) in a program, and a clock that you move by hand in a test.
///
/// # Contract
///
/// - [`now`](Self::now) never goes back, whatever happens to the wall clock, and counts the time the
///   machine spends asleep: a token dies on the server while a laptop is shut.
/// - [`wall`](Self::wall) is the time of day. It may be stepped either way; nothing about the life of
///   a token in hand depends on it. It serves HTTP dates, JWT claims and expiry that is shared
///   between machines.
/// - [`sleep`](Self::sleep) is ready once `now` has advanced by at least the duration, may be late, is
///   never early, and needs no async runtime of the caller's. Dropping the future cancels it.
/// - [`now_coarse`](Self::now_coarse) is `now`, or what `now` was a few milliseconds ago. It is read on every
///   call of a source: it must be cheap and must not block.
///
/// # Examples
///
/// A clock that counts from its own making and sleeps by means of another:
///
/// ```
/// use oauth_core::{BoxFuture, Clock, Instant, SystemClock};
/// use std::time::{Duration, SystemTime};
///
/// /// Runs an hour ahead of the system.
/// struct Ahead(SystemClock);
///
/// impl Clock for Ahead {
///     fn now(&self) -> Instant {
///         self.0.now() + Duration::from_secs(3600)
///     }
///     fn wall(&self) -> SystemTime {
///         self.0.wall() + Duration::from_secs(3600)
///     }
///     fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
///         self.0.sleep(duration)
///     }
/// }
///
/// let clock = Ahead(SystemClock::new());
/// assert!(clock.now() >= Instant::ORIGIN + Duration::from_secs(3600));
/// ```
pub trait Clock: Send + Sync {
    /// The present moment: never goes back, counts time asleep.
    fn now(&self) -> Instant;

    /// The present moment, or one that lies a few milliseconds back: how late somebody who looks at this notices
    /// that a token has expired. The default is [`now`](Self::now).
    fn now_coarse(&self) -> Instant {
        self.now()
    }

    /// The same number for all clocks that are one, as clones often are, and for no others while one of them lives:
    /// the address of what they share will do. Sources that are [kept
    /// warm](crate::CachedTokenSourceBuilder::keep_warm) share one timer on one clock. `None`, the default: each
    /// clock handed over counts for itself.
    fn identity(&self) -> Option<usize> {
        None
    }

    /// The time of day, for what is shared with other machines.
    fn wall(&self) -> SystemTime;

    /// Completes when `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn now_coarse(&self) -> Instant {
        (**self).now_coarse()
    }

    fn identity(&self) -> Option<usize> {
        let address = || Arc::as_ptr(self).cast::<()>().addr();
        Some((**self).identity().unwrap_or_else(address))
    }

    fn wall(&self) -> SystemTime {
        (**self).wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        (**self).sleep(duration)
    }
}
