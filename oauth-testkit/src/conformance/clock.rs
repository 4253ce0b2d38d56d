//! The contract of [`Clock`], rule by rule.
//!
//! Each rule takes a function that makes a [`ClockUnderTest`], and panics if the clock breaks the rule.
//! [`clock_conformance!`](crate::clock_conformance) makes a test of each.

use std::fmt;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};

use oauth_core::{Clock, SystemClock};

use super::drive::{Bell, PATIENCE, eventually, left_out, poll, run};

/// Long for a sleep that is waited for, short for a test.
const NAP: Duration = Duration::from_millis(20);
const HOUR: Duration = Duration::from_secs(3600);
/// What a busy machine may add to what is measured.
const SLACK: Duration = Duration::from_secs(60);

/// A clock, and what can be done to it.
pub struct ClockUnderTest {
    clock: Arc<dyn Clock>,
    pass: Option<Box<dyn Fn(Duration)>>,
    suspend: Option<Box<dyn Fn(Duration)>>,
    step_wall: Option<Box<dyn Fn(i64)>>,
}

impl ClockUnderTest {
    /// A clock on which time passes by itself.
    pub fn running(clock: impl Clock + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            pass: None,
            suspend: None,
            step_wall: None,
        }
    }

    /// A clock that stands still until `pass` lets time pass.
    pub fn moved(clock: impl Clock + 'static, pass: impl Fn(Duration) + 'static) -> Self {
        Self {
            pass: Some(Box::new(pass)),
            ..Self::running(clock)
        }
    }

    /// `suspend` puts the machine to sleep for a duration. Without that, what the clock makes of it is left out.
    #[must_use]
    pub fn suspended_by(mut self, suspend: impl Fn(Duration) + 'static) -> Self {
        self.suspend = Some(Box::new(suspend));
        self
    }

    /// `step` steps the time of day by seconds, either way. Without that, what the clock makes of it is left out.
    #[must_use]
    pub fn stepped_by(mut self, step: impl Fn(i64) + 'static) -> Self {
        self.step_wall = Some(Box::new(step));
        self
    }

    /// Whether it comes true by itself. What depends on moving the clock needs no more than other threads do.
    fn comes(&self, condition: impl Fn() -> bool) -> bool {
        eventually(self.patience(), condition)
    }

    fn patience(&self) -> Duration {
        let is_moved = self.pass.is_some();
        if is_moved { PATIENCE / 10 } else { PATIENCE }
    }

    /// Lets time pass, at least so much.
    fn pass(&self, duration: Duration) {
        match &self.pass {
            Some(pass) => pass(duration),
            // Another clock than the one under test, which may be wrong.
            None => {
                let passed = run(PATIENCE, SystemClock::new().sleep(duration));
                assert_eq!(passed, Some(()), "time stands still");
            }
        }
    }
}

impl fmt::Debug for ClockUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockUnderTest")
            .field("runs_by_itself", &self.pass.is_none())
            .field("can_be_suspended", &self.suspend.is_some())
            .field("can_be_stepped", &self.step_wall.is_some())
            .finish_non_exhaustive()
    }
}

/// Makes a clock, a fresh one each time.
pub type Factory<'a> = dyn Fn() -> ClockUnderTest + 'a;

/// Makes a named test of each rule for [`Clock`](oauth_core::Clock)s.
///
/// `clock` is a function that makes a [`ClockUnderTest`](crate::conformance::clock::ClockUnderTest).
///
/// ```
/// use oauth_testkit::ManualClock;
/// use oauth_testkit::conformance::clock::ClockUnderTest;
///
/// oauth_testkit::clock_conformance! {
///     clock: || {
///         let clock = ManualClock::new();
///         let moved = clock.clone();
///         ClockUnderTest::moved(clock, move |time| moved.advance(time))
///     },
/// }
/// ```
#[macro_export]
macro_rules! clock_conformance {
    (clock: $clock:expr $(,)?) => {
        $crate::clock_conformance! { @each tests($clock) }
    };
    (@each $then:ident($($argument:tt)*)) => {
        $crate::clock_conformance! {
            @$then($($argument)*)
            p01_now_never_goes_back
            p01_now_coarse_follows_now
            now_counts_the_time_that_passes
            p01_time_asleep_counts
            p01_a_stepped_wall_changes_nothing
            the_wall_counts_the_time_that_passes
            the_wall_can_be_stepped
            a_sleep_is_never_early
            a_sleep_ends_and_wakes_its_task
            a_sleep_wakes_the_task_that_polled_last
            a_sleep_of_no_time_is_over
            a_sleep_for_ever_does_not_overflow
            a_dropped_sleep_wakes_nobody
            a_sleep_that_falls_due_while_suspended_ends
        }
    };
    (@tests($clock:expr) $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                $crate::conformance::clock::$rule(&$clock);
            }
        )*
    };
    (@list() $($rule:ident)*) => {
        &[$((stringify!($rule), $crate::conformance::clock::$rule)),*]
    };
}

/// The name of a rule, and what panics if the clocks that it is given the factory of break it.
pub type Rule = (&'static str, fn(&Factory<'_>));

/// Every rule, in the order of the tests.
pub const RULES: &[Rule] = clock_conformance!(@each list());

/// However often it is read, by whichever thread, and whatever passes.
pub fn p01_now_never_goes_back(make: &Factory<'_>) {
    let under_test = make();
    let mut last = under_test.clock.now();
    let mut look = |what: &str| {
        let now = under_test.clock.now();
        assert!(
            now >= last,
            "now went back by {what}: {now:?} after {last:?}"
        );
        last = now;
    };
    (0..1000).for_each(|_| look("itself"));
    under_test.pass(NAP);
    look("passing time");
    (0..1000).for_each(|_| look("itself"));
}

/// It is what `now` was a moment ago, and does not go back either.
pub fn p01_now_coarse_follows_now(make: &Factory<'_>) {
    let under_test = make();
    let clock = &under_test.clock;
    let mut last = clock.now_coarse();
    for _ in 0..10 {
        let before = clock.now();
        under_test.pass(NAP);
        let coarse = clock.now_coarse();
        assert!(
            coarse >= before,
            "now_coarse is {coarse:?}, and {NAP:?} ago now was {before:?}"
        );
        assert!(
            coarse >= last,
            "now_coarse went back from {last:?} to {coarse:?}"
        );
        let now = clock.now();
        assert!(
            coarse <= now,
            "now_coarse, {coarse:?}, is ahead of now, {now:?}"
        );
        last = coarse;
    }
}

/// No less than what passes, and not much more.
pub fn now_counts_the_time_that_passes(make: &Factory<'_>) {
    let under_test = make();
    let begin = under_test.clock.now();
    under_test.pass(NAP);
    let counted = under_test.clock.now().saturating_duration_since(begin);
    assert!(counted >= NAP, "{counted:?} of {NAP:?} were counted");
    assert!(counted < NAP + SLACK, "{counted:?} instead of {NAP:?}");
}

/// A token dies on the server while the machine sleeps.
pub fn p01_time_asleep_counts(make: &Factory<'_>) {
    let under_test = make();
    let Some(suspend) = &under_test.suspend else {
        return left_out("p01_time_asleep_counts", "the clock cannot be suspended");
    };
    let begin = under_test.clock.now();
    suspend(HOUR);
    let counted = under_test.clock.now().saturating_duration_since(begin);
    assert!(
        counted >= HOUR,
        "{counted:?} of an hour asleep were counted"
    );
}

/// Nothing about `now` depends on the time of day.
pub fn p01_a_stepped_wall_changes_nothing(make: &Factory<'_>) {
    let under_test = make();
    let Some(step) = &under_test.step_wall else {
        let why = "the time of day cannot be stepped";
        return left_out("p01_a_stepped_wall_changes_nothing", why);
    };
    for seconds in [86_400, -172_800] {
        let begin = under_test.clock.now();
        step(seconds);
        let now = under_test.clock.now();
        assert!(now >= begin, "stepping by {seconds} s set now back");
        let counted = now.saturating_duration_since(begin);
        assert!(
            counted < SLACK,
            "stepping by {seconds} s counted {counted:?}"
        );
    }
}

/// The time of day goes on.
pub fn the_wall_counts_the_time_that_passes(make: &Factory<'_>) {
    let under_test = make();
    let begin = under_test.clock.wall();
    under_test.pass(NAP);
    let counted = after(begin, under_test.clock.wall());
    // The machine may be setting its clock right.
    assert!(counted >= NAP / 2, "{counted:?} of {NAP:?} were counted");
    assert!(counted < NAP + SLACK, "{counted:?} instead of {NAP:?}");
}

/// The time of day is what the machine says, not what has been counted since.
pub fn the_wall_can_be_stepped(make: &Factory<'_>) {
    let under_test = make();
    let Some(step) = &under_test.step_wall else {
        return left_out(
            "the_wall_can_be_stepped",
            "the time of day cannot be stepped",
        );
    };
    let begin = under_test.clock.wall();
    step(7200);
    assert!(after(begin, under_test.clock.wall()) >= 2 * HOUR);
    step(-10_800);
    assert!(after(under_test.clock.wall(), begin) >= HOUR - SLACK);
}

/// Ready only once `now` has advanced by the duration.
pub fn a_sleep_is_never_early(make: &Factory<'_>) {
    let under_test = make();
    let begin = under_test.clock.now();
    let mut sleep = under_test.clock.sleep(4 * NAP);
    for _ in 0..8 {
        if poll(sleep.as_mut(), Waker::noop()).is_ready() {
            let slept = under_test.clock.now().saturating_duration_since(begin);
            assert!(
                slept >= 4 * NAP,
                "a sleep of {:?} was over after {slept:?}",
                4 * NAP
            );
            return;
        }
        under_test.pass(NAP / 2);
    }
}

/// Its task learns that it is over.
pub fn a_sleep_ends_and_wakes_its_task(make: &Factory<'_>) {
    let under_test = make();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut sleep = under_test.clock.sleep(NAP);
    if poll(sleep.as_mut(), &waker).is_ready() {
        return;
    }
    under_test.pass(2 * NAP);
    let over = || bell.rings() > 0;
    assert!(under_test.comes(over), "a sleep of {NAP:?} woke nobody");
    let mut over = poll(sleep.as_mut(), &waker);
    // A wake may come a little early, if another follows.
    let mut rings = bell.rings();
    while over == Poll::Pending {
        assert!(
            under_test.comes(|| bell.rings() > rings),
            "a sleep of {NAP:?} does not end"
        );
        rings = bell.rings();
        over = poll(sleep.as_mut(), &waker);
    }
}

/// A future may move from task to task.
pub fn a_sleep_wakes_the_task_that_polled_last(make: &Factory<'_>) {
    let under_test = make();
    let bell = Arc::new(Bell::default());
    let mut sleep = under_test.clock.sleep(NAP);
    let first = poll(sleep.as_mut(), Waker::noop());
    let last = poll(sleep.as_mut(), &Waker::from(Arc::clone(&bell)));
    if first.is_ready() || last.is_ready() {
        return;
    }
    under_test.pass(2 * NAP);
    let woken = under_test.comes(|| bell.rings() > 0);
    assert!(woken, "the task that polled last was not woken");
}

/// At once, or as good as.
pub fn a_sleep_of_no_time_is_over(make: &Factory<'_>) {
    let under_test = make();
    let over = run(
        under_test.patience(),
        under_test.clock.sleep(Duration::ZERO),
    );
    assert_eq!(over, Some(()), "a sleep of no time does not end");
}

/// No lifetime that a server sends makes the clock panic, or the sleep short.
pub fn a_sleep_for_ever_does_not_overflow(make: &Factory<'_>) {
    let under_test = make();
    let mut sleep = under_test.clock.sleep(Duration::MAX);
    let polled = poll(sleep.as_mut(), Waker::noop());
    assert!(polled.is_pending(), "a sleep for ever was over at once");
}

/// Dropping the future cancels the sleep.
pub fn a_dropped_sleep_wakes_nobody(make: &Factory<'_>) {
    let under_test = make();
    let bell = Arc::new(Bell::default());
    let mut sleep = under_test.clock.sleep(NAP);
    let polled = poll(sleep.as_mut(), &Waker::from(Arc::clone(&bell)));
    drop(sleep);
    let before = bell.rings();
    under_test.pass(2 * NAP);
    // If one sleep has been seen to by now, the other would have been.
    let _ = run(NAP, under_test.clock.sleep(Duration::ZERO));
    if polled.is_pending() {
        assert_eq!(
            bell.rings(),
            before,
            "a sleep that was dropped woke its task"
        );
    }
}

/// It is over after the machine wakes up.
pub fn a_sleep_that_falls_due_while_suspended_ends(make: &Factory<'_>) {
    let under_test = make();
    let rule = "a_sleep_that_falls_due_while_suspended_ends";
    let Some(suspend) = &under_test.suspend else {
        return left_out(rule, "the clock cannot be suspended");
    };
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut sleep = under_test.clock.sleep(HOUR / 2);
    if poll(sleep.as_mut(), &waker).is_ready() {
        return;
    }
    suspend(HOUR);
    assert!(under_test.comes(|| bell.rings() > 0), "nobody was woken");
    let polled = poll(sleep.as_mut(), &waker);
    assert!(
        polled.is_ready(),
        "a sleep that was due while suspended goes on"
    );
}

fn after(begin: SystemTime, end: SystemTime) -> Duration {
    end.duration_since(begin).unwrap_or_default()
}
