//! What a health page may show.

use std::time::Duration;

use crate::error::Error;

/// A snapshot of a [`CachedTokenSource`](crate::CachedTokenSource) for health pages, at the moment it was
/// taken. There is no token in it, nor any other secret.
///
/// # Examples
///
/// ```
/// # fn example<S: oauth_core::TokenSource + 'static>(source: oauth_core::CachedTokenSource<S>) {
/// let status = source.status();
/// if !status.is_usable() {
///     println!("no token since {:?}, next attempt in {:?}", status.last_error(), status.next_attempt_in());
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Status {
    pub(crate) generation: u64,
    pub(crate) held: Option<HeldStatus>,
    pub(crate) last_error: Option<Error>,
    pub(crate) next_attempt_in: Option<Duration>,
    pub(crate) in_flight: bool,
    pub(crate) flights: u64,
    pub(crate) last_reason: Option<FlightReason>,
    pub(crate) store_failures: u64,
}

/// The times of the token in hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeldStatus {
    pub(crate) age: Duration,
    pub(crate) until_refresh: Duration,
    pub(crate) until_unusable: Duration,
    pub(crate) until_expiry: Duration,
}

/// Why a token was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlightReason {
    /// There had been no token yet.
    Cold,
    /// The token in hand was due for renewal, and still usable: nobody waited.
    Renewal,
    /// The token in hand had become unusable before it was renewed.
    Expired,
    /// A server had rejected the token in hand.
    Rejected,
    /// The token in hand could be used, but not for as long as a caller needed who asked for
    /// [`token_lasting`](crate::TokenSource::token_lasting), and waited.
    TooShort,
}

impl FlightReason {
    /// The reason in `snake_case`, for logs and metrics. It does not change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Renewal => "renewal",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::TooShort => "too_short",
        }
    }
}

impl Status {
    /// Whether there is a token that can be handed out without waiting.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.held.is_some_and(|held| !held.until_unusable.is_zero())
    }

    /// The ordinal of the newest token, from 1; 0 if there has been none.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How long ago the token in hand came.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.held.map(|held| held.age)
    }

    /// How long until the token in hand is due for renewal; zero if it is.
    #[must_use]
    pub fn time_to_refresh(&self) -> Option<Duration> {
        self.held.map(|held| held.until_refresh)
    }

    /// How long until the server stops accepting the token in hand; zero if it has. It is no longer handed
    /// out some time before: [`is_usable`](Self::is_usable).
    #[must_use]
    pub fn time_to_expiry(&self) -> Option<Duration> {
        self.held.map(|held| held.until_expiry)
    }

    /// Why the last request for a token failed, unless one has succeeded since.
    #[must_use]
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// How long until the next request may be sent, if a failure or a rejection put it off.
    #[must_use]
    pub fn next_attempt_in(&self) -> Option<Duration> {
        self.next_attempt_in
    }

    /// How often the token store has failed, if there is one. Tokens were fetched without it then.
    #[must_use]
    pub fn store_failures(&self) -> u64 {
        self.store_failures
    }

    pub(crate) fn with_store_failures(mut self, failures: u64) -> Self {
        self.store_failures = failures;
        self
    }

    /// Whether a token is being asked for.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.in_flight
    }

    /// How many times a token has been asked for. Attempts within one flight are not counted apart.
    #[must_use]
    pub fn flights(&self) -> u64 {
        self.flights
    }

    /// Why a token was asked for the last time.
    #[must_use]
    pub fn last_reason(&self) -> Option<FlightReason> {
        self.last_reason
    }
}
