//! The rules for clocks: our own keep them, and each finds the clock that breaks it.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use crate::rules::each_finds_what_breaks_it;
use oauth_core::{BoxFuture, Clock, Instant};
use oauth_testkit::ManualClock;
use oauth_testkit::conformance::clock::{ClockUnderTest, RULES};

mod the_manual_clock {
    use super::manual;

    oauth_testkit::clock_conformance! { clock: || manual(super::ManualClock::new(), |clock| clock) }
}

mod the_system_clock {
    use oauth_core::SystemClock;
    use oauth_testkit::conformance::clock::ClockUnderTest;

    oauth_testkit::clock_conformance! { clock: || ClockUnderTest::running(SystemClock::new()) }
}

/// A clock on top of a manual one, which moves it.
fn manual<C: Clock + 'static>(
    clock: ManualClock,
    wrap: impl FnOnce(ManualClock) -> C,
) -> ClockUnderTest {
    let [moved, suspended, stepped] = [clock.clone(), clock.clone(), clock.clone()];
    ClockUnderTest::moved(wrap(clock), move |time| moved.advance(time))
        .suspended_by(move |time| suspended.suspend(time))
        .stepped_by(move |seconds| stepped.step_wall(seconds))
}

#[derive(Clone, Copy)]
enum Flaw {
    NowWavers,
    CoarseIsStuck,
    NowRunsAhead,
    NowMissesTheTimeAsleep,
    NowFollowsTheWall,
    TheWallStandsStill,
    TheWallIsCounted,
    SleepsAreShort,
    SleepsWakeNobody,
    SleepsWakeTheFirst,
    NoSleepIsForEver,
    SleepsOverflow,
    DroppedSleepsGoOn,
    SleepsStopWhenSuspended,
}

struct Flawed {
    clock: ManualClock,
    flaw: Flaw,
    begin: (Instant, SystemTime),
    reads: Mutex<u32>,
}

impl Flawed {
    fn new(clock: ManualClock, flaw: Flaw) -> Self {
        Self {
            begin: (clock.now(), clock.wall()),
            clock,
            flaw,
            reads: Mutex::default(),
        }
    }
}

impl Clock for Flawed {
    fn now(&self) -> Instant {
        let now = self.clock.now();
        match self.flaw {
            Flaw::NowWavers => {
                let mut reads = self.reads.lock().unwrap();
                *reads += 1;
                now - Duration::from_nanos(u64::from(*reads == 500))
            }
            Flaw::NowRunsAhead => now + 10_000 * now.saturating_duration_since(self.begin.0),
            Flaw::NowMissesTheTimeAsleep => {
                let passed = now.saturating_duration_since(self.begin.0);
                self.begin.0 + passed.min(Duration::from_secs(60))
            }
            Flaw::NowFollowsTheWall => {
                let counted = self.clock.wall().duration_since(self.begin.1);
                self.begin.0 + counted.unwrap_or_default()
            }
            _ => now,
        }
    }

    fn now_coarse(&self) -> Instant {
        match self.flaw {
            Flaw::CoarseIsStuck => self.begin.0,
            _ => self.now(),
        }
    }

    fn wall(&self) -> SystemTime {
        let now = self.clock.now();
        let counted = self.begin.1 + now.saturating_duration_since(self.begin.0);
        match self.flaw {
            Flaw::TheWallStandsStill => {
                let stepped = self
                    .clock
                    .wall()
                    .duration_since(counted)
                    .unwrap_or_default();
                let back = counted
                    .duration_since(self.clock.wall())
                    .unwrap_or_default();
                self.begin.1 + stepped - back
            }
            Flaw::TheWallIsCounted => counted,
            _ => self.clock.wall(),
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut sleep = self.clock.sleep(duration);
        match self.flaw {
            Flaw::SleepsAreShort => self.clock.sleep(duration.mul_f64(0.5)),
            // But the task that polls twice.
            Flaw::SleepsWakeNobody if duration < Duration::from_secs(60) => {
                let mut polled = false;
                Box::pin(std::future::poll_fn(move |context| {
                    let again = std::mem::replace(&mut polled, true);
                    let waker = if again {
                        context.waker()
                    } else {
                        Waker::noop()
                    };
                    sleep.as_mut().poll(&mut Context::from_waker(waker))
                }))
            }
            Flaw::SleepsWakeTheFirst => {
                let mut first: Option<Waker> = None;
                Box::pin(std::future::poll_fn(move |context| {
                    let waker = first.get_or_insert_with(|| context.waker().clone());
                    sleep.as_mut().poll(&mut Context::from_waker(waker))
                }))
            }
            Flaw::NoSleepIsForEver if duration.is_zero() => Box::pin(std::future::pending()),
            Flaw::SleepsOverflow if duration > Duration::from_secs(1 << 40) => {
                Box::pin(std::future::ready(()))
            }
            Flaw::DroppedSleepsGoOn => {
                let sleep = Arc::new(Mutex::new(sleep));
                let kept = Arc::clone(&sleep);
                Box::pin(std::future::poll_fn(move |context| {
                    let polled = sleep.lock().unwrap().as_mut().poll(context);
                    if polled.is_pending() {
                        // Nobody drops it.
                        std::mem::forget(Arc::clone(&kept));
                    }
                    polled
                }))
            }
            Flaw::SleepsStopWhenSuspended if duration > Duration::from_secs(60) => {
                Box::pin(std::future::poll_fn(|_| Poll::Pending))
            }
            _ => sleep,
        }
    }
}

#[test]
fn each_rule_finds_the_clock_that_breaks_it() {
    let flawed = [
        ("p01_now_never_goes_back", Flaw::NowWavers),
        ("p01_now_coarse_follows_now", Flaw::CoarseIsStuck),
        ("now_counts_the_time_that_passes", Flaw::NowRunsAhead),
        ("p01_time_asleep_counts", Flaw::NowMissesTheTimeAsleep),
        (
            "p01_a_stepped_wall_changes_nothing",
            Flaw::NowFollowsTheWall,
        ),
        (
            "the_wall_counts_the_time_that_passes",
            Flaw::TheWallStandsStill,
        ),
        ("the_wall_can_be_stepped", Flaw::TheWallIsCounted),
        ("a_sleep_is_never_early", Flaw::SleepsAreShort),
        ("a_sleep_ends_and_wakes_its_task", Flaw::SleepsWakeNobody),
        (
            "a_sleep_wakes_the_task_that_polled_last",
            Flaw::SleepsWakeTheFirst,
        ),
        ("a_sleep_of_no_time_is_over", Flaw::NoSleepIsForEver),
        ("a_sleep_for_ever_does_not_overflow", Flaw::SleepsOverflow),
        ("a_dropped_sleep_wakes_nobody", Flaw::DroppedSleepsGoOn),
        (
            "a_sleep_that_falls_due_while_suspended_ends",
            Flaw::SleepsStopWhenSuspended,
        ),
    ];
    let names: Vec<_> = RULES.iter().map(|(name, _)| *name).collect();
    each_finds_what_breaks_it(&names, &flawed, |rule, flaw| {
        let (_, check) = RULES.iter().find(|(name, _)| *name == rule).unwrap();
        check(&|| manual(ManualClock::new(), |clock| Flawed::new(clock, *flaw)));
    });
}
