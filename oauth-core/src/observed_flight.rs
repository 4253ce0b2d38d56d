//! A flight as it is seen from outside; see `observe`.

#![cfg_attr(
    not(all(feature = "tracing", feature = "metrics")),
    allow(
        unused_variables,
        dead_code,
        clippy::if_same_then_else,
        reason = "each feature looks at some of it"
    )
)]

use std::future::Future;
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::metric;
use crate::observe::{Observer, event, kind};
use crate::refresh::status::{FlightReason, Status};
use crate::time::Instant;
use crate::token::AccessToken;

#[cfg(feature = "tracing")]
pub(crate) use tracing::Span;
#[cfg(not(feature = "tracing"))]
pub(crate) struct Span;

/// One flight: its span, and what is counted when it ends.
pub(crate) struct ObservedFlight {
    source: Observer,
    reason: &'static str,
    began: Instant,
    /// Made when the flight is first polled, since it is started under a lock.
    #[cfg(feature = "tracing")]
    span: std::sync::OnceLock<Span>,
}

impl ObservedFlight {
    /// It has been started at `now`.
    pub(crate) fn new(source: &Observer, reason: Option<FlightReason>, now: Instant) -> Self {
        Self {
            source: source.clone(),
            reason: reason.map_or("cold", FlightReason::as_str),
            began: now,
            #[cfg(feature = "tracing")]
            span: std::sync::OnceLock::new(),
        }
    }

    pub(crate) fn attempt(&self, ordinal: u32) {
        #[cfg(feature = "tracing")]
        self.span().record("attempts", ordinal);
        self.source
            .count(&metric::TOKEN_ATTEMPTS, &[("reason", self.reason)]);
    }

    pub(crate) fn retries(&self, error: &Error, attempt: u32, pause: Duration) {
        event!(
            DEBUG,
            "attempt_failed",
            source = self.source.name(),
            error = format_args!("{error:#}"),
            attempt,
            ?pause,
            "a token request failed; trying again"
        );
    }

    /// The flight is over. `before` and `after` are what held until then and what holds since.
    pub(crate) fn ended(
        &self,
        outcome: &Result<AccessToken, Error>,
        (before, after): (&Status, &Status),
        (now, wall): (Instant, SystemTime),
    ) {
        match outcome {
            Ok(token) => {
                self.over("ok", now);
                self.came(token, before, after, wall);
            }
            Err(error) => {
                self.over(kind(error), now);
                self.failed(error, before, after);
            }
        }
    }

    fn came(&self, token: &AccessToken, before: &Status, after: &Status, wall: SystemTime) {
        event!(
            DEBUG,
            "token_came",
            source = self.source.name(),
            generation = token.generation(),
            lifetime = token.lifetime().map(tracing::field::debug),
            "a token came"
        );
        if let Some(left) = before.time_to_expiry() {
            let labels = [("reason", self.reason)];
            self.source
                .measure(&metric::SECONDS_TO_EXPIRY, &labels, left);
        }
        if let Some(left) = after.time_to_expiry() {
            let since_1970 = wall.duration_since(SystemTime::UNIX_EPOCH);
            let expiry = since_1970.unwrap_or_default().saturating_add(left);
            self.source
                .set(&metric::EXPIRY_TIMESTAMP, expiry.as_secs_f64());
        }
    }

    fn failed(&self, error: &Error, before: &Status, after: &Status) {
        if after.is_usable() {
            event!(
                WARN,
                "renewal_failed",
                source = self.source.name(),
                error = format_args!("{error:#}"),
                time_to_expiry = after.time_to_expiry().map(tracing::field::debug),
                "the renewal failed; the token in hand goes on being used"
            );
        } else {
            event!(
                WARN,
                "no_token_came",
                source = self.source.name(),
                error = format_args!("{error:#}"),
                "no token came"
            );
        }
        match after.next_attempt_in() {
            Some(wait) if before.next_attempt_in() != Some(wait) => {
                self.source.gate_shut(kind(error), wait);
            }
            _ => {}
        }
    }

    /// Whoever drove it has stopped, and nobody waits.
    pub(crate) fn dropped(&self, now: Instant) {
        event!(
            DEBUG,
            "token_request_dropped",
            source = self.source.name(),
            "a token request was dropped unfinished; the next caller starts over"
        );
        self.over("dropped", now);
    }

    fn over(&self, outcome: &'static str, now: Instant) {
        #[cfg(feature = "tracing")]
        self.span().record("outcome", outcome);
        let labels = [("reason", self.reason), ("outcome", outcome)];
        let took = now.saturating_duration_since(self.began);
        self.source.count(&metric::TOKEN_REQUESTS, &labels);
        self.source
            .measure(&metric::TOKEN_REQUEST_DURATION, &labels, took);
    }

    /// The span of the flight. It has no parent: a flight serves many callers. Not to be called under a lock.
    #[cfg(feature = "tracing")]
    pub(crate) fn span(&self) -> Span {
        let make = || {
            tracing::span!(
                target: "oauth_core",
                parent: None,
                tracing::Level::DEBUG,
                "token_request",
                source = self.source.name(),
                reason = self.reason,
                attempts = tracing::field::Empty,
                outcome = tracing::field::Empty,
            )
        };
        self.span.get_or_init(make).clone()
    }

    #[cfg(not(feature = "tracing"))]
    pub(crate) fn span(&self) -> Span {
        Span
    }
}

/// Does `work` in `span`.
pub(crate) fn within<F: Future>(span: Span, work: F) -> impl Future<Output = F::Output> {
    #[cfg(feature = "tracing")]
    {
        tracing::Instrument::instrument(work, span)
    }
    #[cfg(not(feature = "tracing"))]
    work
}
