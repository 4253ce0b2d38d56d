//! How long to wait after a failure.

use std::time::Duration;

/// A number drawn by the caller from `[0, 1)`, or 1 where no jitter is wanted: chance is an input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Draw(f64);

impl Draw {
    /// The longest pause, the latest moment.
    pub(crate) const NONE: Self = Self(1.0);

    /// Takes `fraction` into `[0, 1]`.
    pub(crate) fn new(fraction: f64) -> Self {
        Self(if fraction.is_nan() {
            1.0
        } else {
            fraction.clamp(0.0, 1.0)
        })
    }

    /// This part of `duration`.
    pub(crate) fn of(self, duration: Duration) -> Duration {
        if self == Self::NONE {
            duration
        } else {
            duration.mul_f64(self.0)
        }
    }

    /// What is left of `duration` above this part of it.
    pub(crate) fn above(self, duration: Duration) -> Duration {
        duration.saturating_sub(self.of(duration))
    }
}

/// `base · 2^(ordinal − 1)`, at most `cap`, for the `ordinal`-th failure in a row.
pub(crate) fn exponential(base: Duration, cap: Duration, ordinal: u32) -> Duration {
    let doublings = ordinal.saturating_sub(1).min(31);
    base.saturating_mul(1 << doublings).min(cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p06_it_doubles_up_to_the_cap_and_never_overflows() {
        let base = Duration::from_secs(1);
        let cap = Duration::from_secs(60);
        let pauses: Vec<_> = (1..9)
            .map(|n| exponential(base, cap, n).as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(exponential(base, cap, u32::MAX), cap);
        assert_eq!(
            exponential(Duration::MAX, Duration::MAX, u32::MAX),
            Duration::MAX
        );
    }

    #[test]
    fn a_draw_takes_its_part() {
        let ten = Duration::from_secs(10);
        assert_eq!(Draw::new(0.25).of(ten), Duration::from_millis(2500));
        assert_eq!(Draw::new(0.25).above(ten), Duration::from_millis(7500));
        assert_eq!(Draw::NONE.of(Duration::MAX), Duration::MAX);
        assert_eq!(Draw::NONE.above(ten), Duration::ZERO);
        assert_eq!(Draw::new(f64::NAN), Draw::NONE);
        assert_eq!(Draw::new(-3.0).of(ten), Duration::ZERO);
    }
}
