//! The one place here that reads the time.

use std::time::{Duration, Instant};

/// Tells how long something took.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "real time is what a benchmark measures"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// The same in nanoseconds, for arithmetic.
    #[must_use]
    pub fn nanos(self) -> f64 {
        self.elapsed().as_nanos() as f64
    }
}
