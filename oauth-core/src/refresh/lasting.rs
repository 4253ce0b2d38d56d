//! Whether a token has as much of its life left as a caller needs, and whether to ask for another one.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::refresh::decision::Decision;
use crate::refresh::held::{Held, SHORTEST_LOOK, Usable};
use crate::refresh::machine::Machine;
use crate::time::Instant;
use crate::token::AccessToken;

/// What to do for a caller who needs a token with so much of its life left.
#[derive(Debug)]
pub(crate) enum Lasting {
    /// As for any other caller, but a token in hand that can be used is to be renewed, and waited for.
    As(Decision),
    /// Another request would bring nothing better, or is not due yet.
    Refuse(Error),
}

/// How long `token` lives on: until the server stops accepting it, or, if the server did not say when that is, until
/// the cache stops using it.
pub(crate) fn life_left(usable: &Usable, now: Instant) -> Duration {
    let expires = usable.token.expires_at().unwrap_or(usable.until);
    expires.saturating_duration_since(now)
}

/// The error for a token that came by itself, without a cache that knows the time.
pub(crate) fn check_lifetime(token: &AccessToken, at_least: Duration) -> Result<(), Error> {
    match token.lifetime() {
        Some(lifetime) if lifetime < at_least => Err(lives_too_short(lifetime, at_least)),
        _ => Ok(()),
    }
}

impl Machine {
    /// What to do for a caller who comes now and needs `at_least` of a token's life.
    pub(crate) fn decide_lasting(&mut self, now: Instant, at_least: Duration) -> Lasting {
        let decision = self.decide(now);
        let (Decision::Use | Decision::UseAndRenew, Some(held)) = (decision, self.held()) else {
            return Lasting::As(decision);
        };
        let left = life_left(held.usable(), now);
        if left >= at_least {
            return Lasting::As(decision);
        }
        if self.is_in_flight() {
            return Lasting::As(Decision::Join);
        }
        // A renewal that was dropped shuts it too; that has not failed, and nobody waited for it.
        if self.last_error().is_some() && self.gate().is_some_and(|gate| now < gate) {
            let standing = self.standing_error(now);
            return Lasting::Refuse(not_before(&standing, left, at_least));
        }
        let lifetime = whole_life(held);
        let due = held.confirmed + pause(lifetime, left, at_least);
        // A token from before the clock's origin is older than anybody can tell.
        if now < due && held.confirmed > Instant::ORIGIN {
            let error = if lifetime < at_least {
                lives_too_short(lifetime, at_least)
            } else {
                nothing_better(left, at_least)
            };
            let wait = due.saturating_duration_since(now);
            return Lasting::Refuse(error.with_next_attempt_in(wait));
        }
        Lasting::As(Decision::Start)
    }
}

fn whole_life(held: &Held) -> Duration {
    let assumed = || held.usable().until.saturating_duration_since(held.obtained);
    held.token().lifetime().unwrap_or_else(assumed)
}

/// How long after the server gave a token no other one is asked for because it is too short: what has just come, or come once
/// more, is the best there is.
fn pause(lifetime: Duration, left: Duration, at_least: Duration) -> Duration {
    let part = if lifetime < at_least { 3 } else { 10 };
    (lifetime / part).min(left / 2).max(SHORTEST_LOOK)
}

pub(crate) fn lives_too_short(lifetime: Duration, at_least: Duration) -> Error {
    Error::configuration(format!(
        "the tokens of the authorization server live {}, but one is needed that lives at least {} more; ask for less, \
         or have the server issue tokens that live longer",
        Seconds(lifetime),
        Seconds(at_least)
    ))
}

fn nothing_better(left: Duration, at_least: Duration) -> Error {
    Error::configuration(format!(
        "the token that the authorization server has just handed out lives {} more, but one is needed that lives at \
         least {} more; ask for less, at most nine tenths of the life of a new token",
        Seconds(left),
        Seconds(at_least)
    ))
}

/// For a caller who comes while no request is sent: it is told why, and when the next one is.
fn not_before(standing: &Error, left: Duration, at_least: Duration) -> Error {
    let message = format!(
        "the token in hand lives {} more, but one is needed that lives at least {} more, and the last request for \
         another failed",
        Seconds(left),
        Seconds(at_least)
    );
    let mut error = Error::builder(standing.kind(), message).source(standing.clone());
    if let Some(status) = standing.status() {
        error = error.status(status);
    }
    if let Some(refusal) = standing.oauth_error() {
        error = error.oauth_error(refusal.clone());
    }
    error
        .build()
        .with_next_attempt_in(standing.retry_after().unwrap_or_default())
}

/// Seconds for people to read, to a tenth.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.as_millis() / 100;
        match (tenths / 10, tenths % 10) {
            (seconds, 0) => write!(f, "{seconds} s"),
            (seconds, tenth) => write!(f, "{seconds}.{tenth} s"),
        }
    }
}

#[cfg(test)]
#[path = "lasting_tests.rs"]
mod tests;
