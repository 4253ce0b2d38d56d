//! When a source that is kept warm is looked at though nobody asks.

use std::time::Duration;

use crate::refresh::machine::Machine;
use crate::time::Instant;

/// No look follows on an event sooner: tokens that live for moments cannot be kept warm, and whoever has had a token
/// rejected comes back first.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

impl Machine {
    /// When a kept-warm source has to be looked at next, given that it is `now`: when its renewal is due, and not
    /// before the gate opens, also if no token has ever come. `Instant::MAX`: nobody has asked for one yet.
    pub(crate) fn next_warm_look(&self, now: Instant) -> Instant {
        if self.is_in_flight() {
            return self.next_look();
        }
        if !self.has_begun() {
            return Instant::MAX;
        }
        let gate = self.gate().unwrap_or(Instant::ORIGIN);
        let held = self.held();
        let is_usable = held.is_some_and(|held| now < held.usable().until);
        let pause = if !is_usable && self.last_was_fleeting() {
            // There is nothing to keep while tokens come too old to be kept.
            self.policy().backoff_cap
        } else {
            SHORTEST_PAUSE
        };
        let due = held.map_or(Instant::ORIGIN, |held| held.life().refresh_due);
        due.max(gate).max(now + pause)
    }
}

#[cfg(test)]
#[path = "warmth_tests.rs"]
mod tests;
