//! A point in time on a [`Clock`](crate::Clock).

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time on a [`Clock`](crate::Clock): nanoseconds since an origin that the clock chooses.
///
/// It differs from [`std::time::Instant`] in two ways: it counts the time a machine spends asleep
/// (the standard one stands still there on some systems, so that a token would seem to live on), and
/// it can be made out of a number, so that a test can move it. Instants of different clocks must not
/// be compared, except those of [`SystemClock`](crate::SystemClock), which all share one origin.
///
/// Arithmetic saturates: no lifetime a server sends can overflow it. The range is 584 years.
///
/// # Examples
///
/// ```
/// use oauth_core::Instant;
/// use std::time::Duration;
///
/// let sent = Instant::from_origin(Duration::from_secs(10));
/// assert_eq!(sent + Duration::MAX, Instant::MAX);
/// assert_eq!((sent + Duration::from_secs(5)).saturating_duration_since(sent).as_secs(), 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The origin of the clock.
    pub const ORIGIN: Self = Self(0);

    /// The last instant there is: a moment that is never reached.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `elapsed` after the clock's origin.
    #[must_use]
    pub fn from_origin(elapsed: Duration) -> Self {
        Self(nanos(elapsed))
    }

    /// The time from the clock's origin to this instant.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The time from `earlier` to `self`, or zero if `earlier` is the later one.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
