//! A clock that can be moved ahead.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use oauth_core::{BoxFuture, Clock, Instant, SystemClock};

/// The clock of the machine, moved ahead: shows in a moment what takes an hour.
#[derive(Debug, Clone, Default)]
pub struct FastForward {
    ahead: Arc<Mutex<Duration>>,
}

impl FastForward {
    /// Lets `duration` pass at once.
    pub fn skip(&self, duration: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += duration;
    }

    fn ahead(&self) -> Duration {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FastForward {
    fn now(&self) -> Instant {
        SystemClock::new().now() + self.ahead()
    }

    fn wall(&self) -> SystemTime {
        SystemClock::new().wall() + self.ahead()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        SystemClock::new().sleep(duration)
    }
}
