//! The clock of the machine.

use std::time::{Duration, SystemTime};

use crate::background::pause;
use crate::clock::{BoxFuture, Clock};
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
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use crate::time::Instant;

    /// Time by two clocks: between two looks as much has passed as the clock says that went farther.
    pub(super) struct Either(Mutex<Looked>);

    struct Looked {
        by_monotonic: Duration,
        by_wall: Option<Duration>,
        passed: Duration,
    }

    impl Either {
        pub(super) const fn new() -> Self {
            Self(Mutex::new(Looked {
                by_monotonic: Duration::ZERO,
                by_wall: Some(Duration::ZERO),
                passed: Duration::ZERO,
            }))
        }

        /// The present moment, by what each clock has counted since the start. `None`: the wall clock
        /// stands before the start.
        pub(super) fn now(&self, by_monotonic: Duration, by_wall: Option<Duration>) -> Instant {
            let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let monotonic = by_monotonic.saturating_sub(last.by_monotonic);
            // A step back, or from before the start, says nothing about how long it took.
            let wall = match (by_wall, last.by_wall) {
                (Some(now), Some(before)) => now.saturating_sub(before),
                _ => Duration::ZERO,
            };
            let passed = last.passed.saturating_add(monotonic.max(wall));
            *last = Looked {
                by_monotonic: by_monotonic.max(last.by_monotonic),
                by_wall,
                passed,
            };
            Instant::from_origin(passed)
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
        assert_eq!(
            now(12, Some(12)),
            3612,
            "the wall clock was stepped back, and time goes on"
        );
        assert_eq!(now(13, None), 3613, "and before the start");
        assert_eq!(now(14, Some(100)), 3614, "and after it again");
        assert_eq!(now(15, Some(160)), 3674, "the machine slept for a minute");
        assert_eq!(now(14, Some(161)), 3675);
    }

    #[test]
    fn a_sleep_of_no_time_is_ready_and_one_for_ever_can_be_dropped() {
        futures_executor::block_on(SystemClock::new().sleep(Duration::ZERO));
        drop(SystemClock::new().sleep(Duration::MAX));
    }
}
