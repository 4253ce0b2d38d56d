//! The decision table: what to do for a caller, given the life of the token in hand.

use std::time::Duration;

use crate::refresh::backoff::Draw;
use crate::refresh::policy::Settings;
use crate::time::Instant;
use crate::token::AccessToken;

/// No jitter is longer.
const LONGEST_JITTER: Duration = Duration::from_secs(60);

/// The three moments in the life of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) refresh_due: Instant,
    pub(crate) unusable: Instant,
    pub(crate) expires: Instant,
}

impl Life {
    /// `jitter` moves the renewal forward by what it leaves: [`Draw::NONE`] leaves it where it is.
    pub(crate) fn of(policy: &Settings, token: &AccessToken, sent: Instant, jitter: Draw) -> Self {
        let lifetime = token.lifetime().unwrap_or(policy.assumed_lifetime);
        let expires = sent + lifetime;
        // Advice to renew at once, and again and again, is none.
        let advice = token
            .refresh_in()
            .filter(|refresh_in| !refresh_in.is_zero());
        let refresh_due = match advice {
            Some(refresh_in) => sent + refresh_in,
            None => {
                let margin = policy.refresh_margin.min(lifetime / 3);
                expires - margin - jitter.above(LONGEST_JITTER.min(lifetime / 10))
            }
        };
        Self {
            refresh_due,
            unusable: expires - policy.safety_margin.min(lifetime / 10),
            expires,
        }
    }
}

/// What to do for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Use the token in hand.
    Use,
    /// Use the token in hand, and start a renewal that nobody waits for.
    UseAndRenew,
    /// Wait for the flight that is under way.
    Join,
    /// Start a flight and wait for it.
    Start,
    /// Fail with the last error: the next request is not due yet.
    Fail,
}

/// The decision table. `gate` is the moment before which no request is sent.
pub(crate) fn decide(
    now: Instant,
    life: Option<Life>,
    in_flight: bool,
    gate: Option<Instant>,
) -> Decision {
    let open = gate.is_none_or(|until| now >= until);
    match life.filter(|life| now < life.unusable) {
        Some(life) if now < life.refresh_due || in_flight || !open => Decision::Use,
        Some(_) => Decision::UseAndRenew,
        None if in_flight => Decision::Join,
        None if open => Decision::Start,
        None => Decision::Fail,
    }
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
