//! What time it is at the engine, as far as its answers tell.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oauth_core::Instant;

/// How long what the engine has told is of use. Its clock and the one here run at nearly the same pace.
const FRESH: Duration = Duration::from_secs(60);

/// The engine's time when it last told it, in milliseconds, and when that was here.
#[derive(Debug, Default)]
pub(crate) struct EngineTime(Mutex<Option<(u64, Instant)>>);

impl EngineTime {
    /// `now` is when the answer was there: what it took is then counted as if it had been no time.
    pub(crate) fn told(&self, time: u64, now: Instant) {
        let mut last = self.lock();
        let since = |told_at: Instant| now.saturating_duration_since(told_at).as_millis();
        // An answer that was long on its way says less than an earlier one that was quick.
        let is_late = last.is_some_and(|(before, told_at)| {
            since(told_at) < FRESH.as_millis() && u128::from(before) + since(told_at) > time.into()
        });
        if !is_late {
            *last = Some((time, now));
        }
    }

    /// The engine's time, or a little less. `None`: it has not told it lately.
    pub(crate) fn at(&self, now: Instant) -> Option<Duration> {
        let (time, told_at) = (*self.lock())?;
        let since = now.saturating_duration_since(told_at);
        (since < FRESH).then(|| Duration::from_millis(time) + since)
    }

    fn lock(&self) -> MutexGuard<'_, Option<(u64, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_from_what_was_told_for_a_minute() {
        let at = |seconds| Instant::from_origin(Duration::from_secs(seconds));
        let time = EngineTime::default();
        assert_eq!(time.at(at(100)), None);
        time.told(1_000_000, at(100));
        assert_eq!(time.at(at(100)), Some(Duration::from_secs(1000)));
        assert_eq!(time.at(at(159)), Some(Duration::from_secs(1059)));
        assert_eq!(time.at(at(160)), None);
        time.told(2_000_000, at(160));
        assert_eq!(time.at(at(161)), Some(Duration::from_secs(2001)));
        time.told(2_001_000, at(170));
        let nine_late = time.at(at(170));
        assert_eq!(
            nine_late,
            Some(Duration::from_secs(2010)),
            "the quick one counts"
        );
        time.told(2_011_000, at(170));
        assert_eq!(time.at(at(170)), Some(Duration::from_secs(2011)));
    }
}
