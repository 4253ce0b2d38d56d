//! The clock of the program's server, which can be moved whether it runs or stands.

use std::time::{Duration, SystemTime};

use oauth_core::{BoxFuture, Clock, Instant, SystemClock};

use crate::manual_clock::ManualClock;

/// The machine's time when the program began, and what was added to it since: by moving the clock, and by the passing
/// of time if it runs. Clones are the same clock.
#[derive(Clone, Debug)]
pub(super) struct MovableClock {
    moved: ManualClock,
    system: SystemClock,
    begin: Instant,
    runs: bool,
}

impl MovableClock {
    pub(super) fn new(runs: bool) -> Self {
        let system = SystemClock::new();
        let begin = system.now();
        Self {
            moved: ManualClock::starting_at(begin, system.wall()),
            system,
            begin,
            runs,
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.runs
    }

    /// What moves it.
    pub(super) fn hand(&self) -> &ManualClock {
        &self.moved
    }

    /// Since the program began, as this clock tells it.
    pub(super) fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(self.begin)
    }

    fn passed(&self) -> Duration {
        if self.runs {
            self.system.now().saturating_duration_since(self.begin)
        } else {
            Duration::ZERO
        }
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Instant {
        self.moved.now() + self.passed()
    }

    fn wall(&self) -> SystemTime {
        let moved = self.moved.wall();
        moved.checked_add(self.passed()).unwrap_or(moved)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if self.runs {
            self.system.sleep(duration)
        } else {
            self.moved.sleep(duration)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_stands_moves_by_exactly_what_it_is_moved() {
        let clock = MovableClock::new(false);
        let (now, wall) = (clock.now(), clock.wall());
        clock.hand().advance(Duration::from_secs(60));
        clock.hand().step_wall(-100);
        assert_eq!(clock.now(), now + Duration::from_secs(60));
        assert_eq!(clock.wall() + Duration::from_secs(40), wall);
        assert_eq!(clock.elapsed(), Duration::from_secs(60));
    }

    #[test]
    fn a_clock_that_runs_is_at_least_as_far_as_it_was_moved() {
        let clock = MovableClock::new(true);
        clock.hand().suspend(Duration::from_secs(60));
        assert!(clock.elapsed() >= Duration::from_secs(60));
    }
}
