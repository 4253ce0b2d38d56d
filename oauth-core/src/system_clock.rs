//! The clock of the machine.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
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
/// [`now_coarse`](Clock::now_coarse) costs a fraction of that and lies back by one tick of the kernel's clock at
/// most, which is 1 to 10 ms. After the machine has slept it takes one tick more to show it. The margins before the
/// expiry of a token are a hundred times as long.
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

    /// One that all share who name no other.
    pub(crate) fn shared() -> Arc<dyn Clock> {
        static SHARED: OnceLock<Arc<SystemClock>> = OnceLock::new();
        SHARED.get_or_init(Arc::default).clone()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        imp::now()
    }

    fn now_coarse(&self) -> Instant {
        static COARSE: Coarse = Coarse::new();
        COARSE.now(imp::tick(), imp::now)
    }

    fn identity(&self) -> Option<usize> {
        static ALL_ARE_ONE: u8 = 0;
        Some((&raw const ALL_ARE_ONE).addr())
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

/// Time by two clocks: one that is cheap to read and moves in ticks, and one that is right. The latter is read once
/// a tick.
struct Coarse {
    /// The tick that `now` was read in, or a later one than that.
    tick: AtomicU64,
    now: AtomicU64,
}

impl Coarse {
    const fn new() -> Self {
        Self {
            tick: AtomicU64::new(u64::MAX),
            now: AtomicU64::new(0),
        }
    }

    /// `tick` is to be read before this is called.
    #[inline]
    fn now(&self, tick: u64, right: impl FnOnce() -> Instant) -> Instant {
        if self.tick.load(Ordering::Acquire) == tick {
            return Instant::from_nanos(self.now.load(Ordering::Relaxed));
        }
        let now = right();
        // It never goes back, whoever is late.
        let before = self.now.fetch_max(now.as_nanos(), Ordering::Relaxed);
        self.tick.store(tick, Ordering::Release);
        now.max(Instant::from_nanos(before))
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    use crate::time::Instant;

    pub(super) fn now() -> Instant {
        Instant::from_nanos(nanos(clock_gettime(ClockId::Boottime)))
    }

    /// Stands still while the machine sleeps, and between ticks.
    pub(super) fn tick() -> u64 {
        nanos(clock_gettime(ClockId::MonotonicCoarse))
    }

    /// Of a clock that counts from the start of the machine.
    fn nanos(time: Timespec) -> u64 {
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
        seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::sync::OnceLock;
    use std::time::{Duration, Instant as Monotonic, SystemTime};

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

    /// Stands still while the machine sleeps on some systems, and between ticks on all.
    pub(super) fn tick() -> u64 {
        const TICK: Duration = Duration::from_millis(4);
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the clocks"
        )]
        let (monotonic, _) = START.get_or_init(|| (Monotonic::now(), SystemTime::now()));
        u64::try_from(monotonic.elapsed().as_nanos() / TICK.as_nanos()).unwrap_or_default()
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
    fn p01_the_coarse_clock_lies_back_by_one_tick_at_most() {
        let clock = Coarse::new();
        let at = |tick, right| clock.now(tick, || Instant::from_nanos(right)).as_nanos();
        assert_eq!(at(1, 1_000_001), 1_000_001, "read once");
        assert_eq!(at(1, 1_999_999), 1_000_001, "and not again in that tick");
        assert_eq!(at(2, 2_000_000), 2_000_000);
        assert_eq!(
            at(2, 9_000_000),
            2_000_000,
            "the machine slept: no tick yet"
        );
        assert_eq!(at(3, 9_500_000), 9_500_000, "the first tick tells");
        assert_eq!(
            at(2, 3_000_000),
            9_500_000,
            "whoever comes late changes nothing"
        );
        assert_eq!(at(3, 9_600_000), 9_600_000);
    }

    #[test]
    fn p01_the_coarse_clock_of_the_machine_keeps_up_and_never_goes_back() {
        let clock = SystemClock::new();
        let mut last = clock.now_coarse();
        for _ in 0..20 {
            let before = clock.now();
            futures_executor::block_on(clock.sleep(Duration::from_millis(11)));
            let coarse = clock.now_coarse();
            assert!(coarse > before, "no tick is longer than 10 ms");
            assert!(coarse >= last && coarse <= clock.now());
            last = coarse;
        }
    }

    #[test]
    fn a_sleep_of_no_time_is_ready_and_one_for_ever_can_be_dropped() {
        futures_executor::block_on(SystemClock::new().sleep(Duration::ZERO));
        drop(SystemClock::new().sleep(Duration::MAX));
    }
}
