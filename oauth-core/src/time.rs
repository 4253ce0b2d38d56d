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

/// A duration or an instant that may be missing, in half the room. The last of either counts as the one before it.
#[derive(Clone, Copy)]
pub(crate) struct MaybeNanos(u64);

impl MaybeNanos {
    const NONE: u64 = u64::MAX;

    fn new(nanos: Option<u64>) -> Self {
        Self(nanos.map_or(Self::NONE, |nanos| nanos.min(Self::NONE - 1)))
    }

    fn get(self) -> Option<u64> {
        (self.0 != Self::NONE).then_some(self.0)
    }

    pub(crate) fn duration(self) -> Option<Duration> {
        self.get().map(Duration::from_nanos)
    }

    pub(crate) fn instant(self) -> Option<Instant> {
        self.get().map(Instant)
    }
}

impl From<Option<Duration>> for MaybeNanos {
    fn from(duration: Option<Duration>) -> Self {
        Self::new(duration.map(nanos))
    }
}

impl From<Option<Instant>> for MaybeNanos {
    fn from(instant: Option<Instant>) -> Self {
        Self::new(instant.map(|instant| instant.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_stays_missing_and_what_is_endless_is_not() {
        for duration in [None, Some(Duration::ZERO), Some(Duration::from_secs(3600))] {
            assert_eq!(MaybeNanos::from(duration).duration(), duration);
        }
        for instant in [None, Some(Instant::ORIGIN), Some(Instant(u64::MAX - 1))] {
            assert_eq!(MaybeNanos::from(instant).instant(), instant);
        }
        let endless = MaybeNanos::from(Some(Duration::MAX)).duration();
        assert_eq!(endless, Some(Duration::from_nanos(u64::MAX - 1)));
        assert!(MaybeNanos::from(Some(Instant::MAX)).instant().is_some());
    }
}
