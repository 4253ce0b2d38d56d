//! The clock of the machine.

use std::time::{Duration, SystemTime};

use crate::clock::{BoxFuture, Clock};
use crate::runtime::pause;
use crate::time::Instant;

/// The clock of the machine, counting the time it spends asleep.
///
/// On Linux it reads `CLOCK_BOOTTIME`. Elsewhere time has passed when *either* the monotonic or the wall
/// clock says so: the former may stand still while the machine sleeps, the latter may be stepped back,
/// and neither makes a dead token look alive.
///
/// All its instants share one origin. Its sleeps need no async runtime: one thread serves them all.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock(());

impl SystemClock {
    /// The clock of the machine.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        imp::now()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = *self;
        let deadline = clock.now() + duration;
        Box::pin(async move {
            // Timers may stand still while the machine sleeps: look again before long.
            const LONGEST: Duration = Duration::from_secs(5);
            loop {
                let left = deadline.saturating_duration_since(clock.now());
                if left.is_zero() {
                    return;
                }
                pause(left.min(LONGEST)).await;
            }
        })
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    use crate::time::Instant;

    pub(super) fn now() -> Instant {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
        Instant::from_origin(Duration::new(seconds, nanos))
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::sync::OnceLock;
    use std::time::{Instant as Monotonic, SystemTime};

    use super::either::Either;
    use crate::time::Instant;

    static START: OnceLock<(Monotonic, SystemTime)> = OnceLock::new();
    static EITHER: Either = Either::new();

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clocks"
    )]
    pub(super) fn now() -> Instant {
        let (monotonic, wall) = START.get_or_init(|| (Monotonic::now(), SystemTime::now()));
        EITHER.now(monotonic.elapsed(), wall.elapsed().ok())
    }
}

/// Compiled for the tests everywhere.
#[cfg(any(test, not(target_os = "linux")))]
mod either {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use crate::time::Instant;

    /// Time by two clocks: it has passed when either says so, and what has passed does not come back.
    pub(super) struct Either(AtomicU64);

    impl Either {
        pub(super) const fn new() -> Self {
            Self(AtomicU64::new(0))
        }

        /// The present moment, by what each clock has counted since the start. `None`: the wall clock
        /// stands before the start.
        pub(super) fn now(&self, by_monotonic: Duration, by_wall: Option<Duration>) -> Instant {
            let now =
                Instant::from_origin(by_monotonic.max(by_wall.unwrap_or_default())).as_nanos();
            let farthest = self.0.fetch_max(now, Ordering::Relaxed).max(now);
            Instant::from_origin(Duration::from_nanos(farthest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p01_it_does_not_go_back_and_counts_at_least_what_the_monotonic_clock_counts() {
        let clock = SystemClock::new();
        let before = clock.now();
        let pause = Duration::from_millis(20);
        futures_executor::block_on(clock.sleep(pause));
        assert!(clock.now().saturating_duration_since(before) >= pause);
    }

    #[test]
    fn p01_of_two_clocks_the_one_that_has_got_farther_counts() {
        let clock = either::Either::new();
        let seconds = Duration::from_secs;
        let now = |monotonic, wall: Option<u64>| {
            clock
                .now(seconds(monotonic), wall.map(seconds))
                .since_origin()
                .as_secs()
        };
        assert_eq!(now(10, Some(10)), 10);
        assert_eq!(
            now(11, Some(3611)),
            3611,
            "the machine slept: the monotonic clock stood still"
        );
        assert_eq!(now(12, Some(12)), 3611, "the wall clock was stepped back");
        assert_eq!(now(13, None), 3611, "and before the start");
        assert_eq!(now(3700, Some(20)), 3700);
    }

    #[test]
    fn a_sleep_of_no_time_is_ready_and_one_for_ever_can_be_dropped() {
        futures_executor::block_on(SystemClock::new().sleep(Duration::ZERO));
        drop(SystemClock::new().sleep(Duration::MAX));
    }
}
