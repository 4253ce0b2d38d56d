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

/// The processor time that this thread has had, where the system tells.
pub(crate) fn thread_cpu() -> Option<Duration> {
    cpu::of_thread()
}

/// The processor time that all threads of this process have had, where the system tells.
#[cfg(feature = "callers")]
pub(crate) fn process_cpu() -> Option<Duration> {
    cpu::of_process()
}

#[cfg(target_os = "linux")]
mod cpu {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    pub(super) fn of_thread() -> Option<Duration> {
        read(ClockId::ThreadCPUTime)
    }

    #[cfg(feature = "callers")]
    pub(super) fn of_process() -> Option<Duration> {
        read(ClockId::ProcessCPUTime)
    }

    fn read(clock: ClockId) -> Option<Duration> {
        let time = clock_gettime(clock);
        let seconds = u64::try_from(time.tv_sec).ok()?;
        Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
    }
}

#[cfg(not(target_os = "linux"))]
mod cpu {
    use std::time::Duration;

    pub(super) const fn of_thread() -> Option<Duration> {
        None
    }

    #[cfg(feature = "callers")]
    pub(super) const fn of_process() -> Option<Duration> {
        None
    }
}
