//! The refresh machine: what a cache knows, and what it does next. It awaits nothing and reads no clock.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::refresh::backoff::{Draw, exponential};
use crate::refresh::decision::{Decision, Life, decide};
use crate::refresh::held::{Held, Usable};
use crate::refresh::policy::{RefreshPolicy, Settings};
use crate::refresh::status::{FlightReason, HeldStatus, Status};
use crate::refresh::trouble::Trouble;
use crate::refresh::under_way::{Flight, FlightId};
use crate::time::Instant;
use crate::token::AccessToken;

/// A flight ends by its own timer, which may be a little late. Whoever comes in between waits for that, so that its
/// end is known: only a flight that nobody drives outlives this.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) policy: Arc<Settings>,
    pub(super) held: Option<Held>,
    pub(super) flight: Option<Box<Flight>>,
    pub(super) trouble: Option<Box<Trouble>>,
    flights: u32,
    last_reason: Option<FlightReason>,
    generation: u64,
}

impl Machine {
    pub(crate) fn new(policy: RefreshPolicy) -> Self {
        Self {
            policy: policy.into_settings(),
            held: None,
            flight: None,
            trouble: None,
            flights: 0,
            last_reason: None,
            generation: 0,
        }
    }

    pub(crate) fn policy(&self) -> &Settings {
        &self.policy
    }

    pub(super) fn trouble(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    pub(super) fn gate(&self) -> Option<Instant> {
        self.trouble.as_ref()?.gate
    }

    fn rejections(&self) -> u32 {
        self.trouble
            .as_ref()
            .map_or(0, |trouble| trouble.rejections)
    }

    pub(super) fn last_error(&self) -> Option<&Error> {
        self.trouble.as_ref()?.last_error.as_ref()
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// Whether anybody has asked for a token yet.
    pub(super) fn has_begun(&self) -> bool {
        self.last_reason.is_some()
    }

    /// Whether the last token that came was too old to keep.
    pub(super) fn last_was_fleeting(&self) -> bool {
        self.trouble
            .as_ref()
            .is_some_and(|trouble| trouble.fleeting.is_some())
    }

    /// What to do for a caller who comes now. A flight that should have ended long since is given up first: whoever
    /// was to end it has stopped running, and the caller starts over.
    pub(crate) fn decide(&mut self, now: Instant) -> Decision {
        self.flight.take_if(|flight| now >= flight.overdue);
        decide(
            now,
            self.held.as_ref().map(Held::life),
            self.flight.is_some(),
            self.gate(),
        )
    }

    /// Whether a caller who waited for `token` may use it now. Time may have passed since it came, and it may
    /// have been rejected. One that was too old to keep (its generation is 0) is for those who waited.
    pub(crate) fn is_still_good(&self, token: &AccessToken, now: Instant) -> bool {
        if token.generation() == 0 {
            let trouble = self.trouble.as_ref();
            return !trouble.is_some_and(|trouble| trouble.has_rejected(token));
        }
        let is_it = |held: &&Held| held.token().generation() == token.generation();
        let held = self.held.as_ref().filter(is_it);
        held.is_some_and(|held| held.is_usable(now))
    }

    /// What a health page may show.
    pub(crate) fn status(&self, now: Instant) -> Status {
        let until = |moment: Instant| moment.saturating_duration_since(now);
        Status {
            generation: self.generation,
            held: self.held.as_ref().map(|held| HeldStatus {
                age: now.saturating_duration_since(held.obtained),
                until_refresh: until(held.refresh_due),
                until_unusable: until(held.usable.until),
                until_expiry: until(held.expires),
            }),
            last_error: self.last_error().cloned(),
            next_attempt_in: self.gate().map(until).filter(|wait| !wait.is_zero()),
            in_flight: self.flight.is_some(),
            flights: self.flights.into(),
            last_reason: self.last_reason,
            store_failures: 0,
        }
    }

    /// The error for a caller whom [`Decision::Fail`] sends away.
    pub(crate) fn standing_error(&self, now: Instant) -> Error {
        let wait = self
            .gate()
            .map_or(Duration::ZERO, |gate| gate.saturating_duration_since(now));
        let error = self
            .last_error()
            .cloned()
            .unwrap_or_else(|| self.timed_out(None));
        error.with_next_attempt_in(wait)
    }

    /// The error of a flight that outlived its time, and what its last attempt failed of, if one did.
    pub(crate) fn timed_out(&self, last_error: Option<Error>) -> Error {
        let limit = self.policy.acquire_timeout;
        let message = format!(
            "no token came within the acquire timeout of {limit:?}; look at how long the token endpoint takes, or \
             raise RefreshPolicyBuilder::acquire_timeout"
        );
        let error = Error::builder(ErrorKind::Timeout, message);
        match last_error {
            Some(last_error) => error.source(last_error).build(),
            None => error.build(),
        }
    }

    /// The next moment at which a look at the usable token in hand may lead to more than its use.
    pub(crate) fn next_look(&self) -> Instant {
        match (&self.flight, &self.held) {
            (Some(flight), _) => flight.overdue,
            (None, Some(held)) => held.refresh_due.max(self.gate().unwrap_or(Instant::ORIGIN)),
            (None, None) => Instant::MAX,
        }
    }

    pub(crate) fn start_flight(&mut self, now: Instant) -> FlightId {
        self.flights = self.flights.wrapping_add(1);
        self.last_reason = Some(match &self.held {
            Some(held) if held.is_usable(now) => FlightReason::Renewal,
            Some(_) => FlightReason::Expired,
            None if self.rejections() > 0 => FlightReason::Rejected,
            None => FlightReason::Cold,
        });
        self.flight = Some(Box::new(Flight {
            id: self.flights,
            began: now,
            overdue: now + self.policy.acquire_timeout + GRACE,
            rejected: Vec::new(),
        }));
        FlightId(self.flights)
    }

    /// As [`start_flight`](Self::start_flight), for a caller who waits: a token in hand that can be used is too
    /// short for it.
    pub(crate) fn start_awaited_flight(&mut self, now: Instant) -> FlightId {
        let id = self.start_flight(now);
        if self.last_reason == Some(FlightReason::Renewal) {
            self.last_reason = Some(FlightReason::TooShort);
        }
        id
    }

    /// The flight was dropped unfinished (its runtime shut down): the next caller starts over. If it was a renewal,
    /// there is no hurry, and a program whose runtimes are short-lived must not send one request for each.
    pub(crate) fn drop_flight(&mut self, id: FlightId, now: Instant, draw: Draw) {
        let dropped = self.flight.take_if(|flight| flight.id == id.0);
        let is_in_hand = self.held.as_ref().is_some_and(|held| held.is_usable(now));
        if dropped.is_some() && is_in_hand && self.last_reason == Some(FlightReason::Renewal) {
            self.shut_gate(None, now, draw);
        }
    }

    /// Whether a failed flight tries again, as the `attempt`-th failed, and after what pause.
    /// `Retry-After` ends a flight: the gate obeys it.
    pub(crate) fn pause_before_retry(
        &self,
        error: &Error,
        attempt: u32,
        somebody_waits: bool,
        draw: Draw,
    ) -> Option<Duration> {
        let again = somebody_waits
            && attempt < self.policy.attempts
            && error.is_retryable()
            && error.retry_after().is_none();
        again.then(|| {
            draw.of(exponential(
                self.policy.attempt_backoff,
                Duration::MAX,
                attempt,
            ))
        })
    }

    /// Takes in the outcome of a flight, and gives what its callers get. The outcome of a flight that
    /// is no longer the one under way changes nothing.
    pub(crate) fn end_flight(
        &mut self,
        id: FlightId,
        now: Instant,
        outcome: Result<(AccessToken, Instant), Error>,
        draw: Draw,
    ) -> Result<AccessToken, Error> {
        let Some(flight) = self.flight.take_if(|flight| flight.id == id.0) else {
            return Err(outcome.err().unwrap_or_else(|| self.timed_out(None)));
        };
        let outcome = outcome.and_then(|(token, sent)| {
            if flight
                .rejected
                .iter()
                .any(|rejected| rejected.secret() == token.secret())
            {
                let message = "the authorization server handed out once more the token that an API has just \
                               rejected; look for why the API rejects it, and have the server issue a new one";
                return Err(Error::new(ErrorKind::TokenRejected, message));
            }
            Ok((token, sent))
        });
        match outcome {
            Ok((token, sent)) => {
                // What was asked for before the flight began is what others had, not what the server gives now.
                let confirmed = if sent < flight.began { sent } else { now };
                Ok(self.succeed(token, (sent, confirmed), now, draw))
            }
            Err(error) => {
                self.fail(error.clone(), now, draw);
                Err(error)
            }
        }
    }

    fn succeed(
        &mut self,
        token: AccessToken,
        (sent, confirmed): (Instant, Instant),
        now: Instant,
        draw: Draw,
    ) -> AccessToken {
        let life = Life::of(&self.policy, &token, sent, draw);
        if now >= life.unusable {
            // Too old to keep: for those who waited, and for nobody else.
            if let Some(held) = self.held.as_mut().filter(|held| held.is_usable(now)) {
                held.look_again_later(now);
            }
            let trouble = self.trouble();
            trouble.gate = None;
            if now < life.expires {
                trouble.failures = 0;
                trouble.last_error = None;
            }
            // One that was rejected and is issued once more to a later request is good again.
            let is_it = |rejected: &mut AccessToken| rejected.secret() == token.secret();
            trouble.rejected_fleeting.take_if(is_it);
            trouble.fleeting = Some(token.clone());
            // The source may be a cache too: its generations are none of ours.
            return token.with_generation(0);
        }
        if let (Some(held), Some(trouble)) = (&self.held, &mut self.trouble)
            && held.is_proven(now)
        {
            trouble.rejections = 0;
        }
        self.trouble = self.trouble.take().and_then(Trouble::after_success);
        let known = self
            .held
            .take()
            .filter(|held| held.token().secret() == token.secret());
        if let Some(mut held) = known.clone()
            && held.is_usable(now)
            && life.expires <= held.expires
        {
            // Nothing new: the life of the token stays what it was.
            held.look_again_later(now);
            held.original_generation = token.generation();
            let token = held.token().clone();
            self.held = Some(held);
            return token;
        }
        if known.is_none() {
            self.generation += 1;
        }
        let original_generation = token.generation();
        let token = token.with_generation(self.generation);
        self.held = Some(Held {
            usable: Arc::new(Usable {
                token: token.clone(),
                until: life.unusable,
            }),
            original_generation,
            refresh_due: life.refresh_due,
            expires: life.expires,
            obtained: now,
            confirmed,
        });
        token
    }

    fn fail(&mut self, error: Error, now: Instant, draw: Draw) {
        self.shut_gate(error.retry_after(), now, draw);
        self.trouble().last_error = Some(error);
    }

    /// One flight more has failed: no request is sent for a while.
    fn shut_gate(&mut self, retry_after: Option<Duration>, now: Instant, draw: Draw) {
        let policy = Arc::clone(&self.policy);
        let left = self.held.as_ref().filter(|held| held.is_usable(now));
        let left = left.map(|held| held.usable.until.saturating_duration_since(now));
        let trouble = self.trouble();
        trouble.failures = trouble.failures.saturating_add(1);
        let (base, cap) = (policy.backoff_base, policy.backoff_cap);
        let mut pause = draw.of(exponential(base, cap, trouble.failures));
        if let Some(left) = left {
            pause = pause.min(left / 4);
        }
        if let Some(wait) = retry_after {
            pause = pause.max(wait.min(policy.retry_after_cap));
        }
        trouble.gate = Some(now + pause);
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
