//! What answers say about the token, and what becomes of a request for it.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::error::Error;
use crate::protocol::challenge::Challenge;

/// What an authorizer was told about all of its requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rules {
    pub(crate) heals_bare_401: bool,
    pub(crate) minimum_life: Duration,
}

/// What to do about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the caller's.
    Done,
    /// Authorize the request anew and send it once more, if its body can be sent again. If it cannot, or no
    /// new token comes ([`NotResent`]), this answer is the caller's.
    Resend,
}

/// Stands among the extensions of a response if its request was sent a second time, with a new token or a proof that
/// the API could take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resent;

/// Stands among the extensions of a response that says that the token is no good, if the request could not be sent a
/// second time for want of a new token, or of a proof: why there was none.
#[derive(Debug, Clone)]
pub struct NotResent(Error);

impl NotResent {
    /// For an adapter whose second [`authorize`](crate::Exchange::authorize) gave this error.
    #[must_use]
    pub fn new(error: Error) -> Self {
        Self(error)
    }

    /// Why there was no new token.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.0
    }
}

impl Rules {
    /// Whether this answer to a request that bore a token says that the token is no good. RFC 6750 §3.1:
    /// nothing but a 401 with `invalid_token` does.
    pub(crate) fn is_rejection(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        if status != StatusCode::UNAUTHORIZED {
            return false;
        }
        let challenges = Challenge::all(headers);
        let mut ours = challenges
            .iter()
            .filter(|challenge| challenge.is("bearer") || challenge.is("dpop"))
            .peekable();
        let is_bare = challenges.is_empty() || ours.peek().is_some();
        let mut errors = ours
            .filter_map(|challenge| challenge.parameter("error"))
            .peekable();
        if errors.peek().is_none() {
            return self.heals_bare_401 && is_bare;
        }
        errors.any(|error| error == "invalid_token")
    }
}
