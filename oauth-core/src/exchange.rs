//! One request under authorization.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::background::block_on;
use crate::dpop::{Audience, Dpop};
use crate::error::Error;
use crate::observe;
use crate::protocol::challenge::Challenge;
use crate::protocol::dpop::{PROOF, wants_nonce};
use crate::protocol::origin::Origin;
use crate::request_source::ChosenSource;
use crate::source::TokenSource;
use crate::target::{RequestLine, Target};
use crate::thread_copy::for_this_thread;
use crate::token::{AccessToken, TokenType};

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
    /// For an adapter whose second [`authorize`](Exchange::authorize) gave this error.
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

/// The authorization of one request; made by [`Authorizer::exchange`](crate::Authorizer::exchange).
#[derive(Debug)]
pub struct Exchange<'a> {
    rules: Rules,
    source: ChosenSource<'a>,
    origin: &'a Origin,
    /// What a proof of DPoP is about, if the source has a key.
    line: Option<Box<RequestLine>>,
    sent: Sent,
}

#[derive(Debug)]
enum Sent {
    Nothing,
    /// With an `Authorization` header of the caller's own.
    CallersOwn,
    Once(AccessToken),
    Twice(AccessToken),
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        rules: Rules,
        target: &Target<'_>,
        origin: &'a Origin,
        source: ChosenSource<'a>,
    ) -> Result<Self, Error> {
        let line = match source.dpop() {
            Some(_) => Some(Box::new(RequestLine::of(target, origin)?)),
            None => None,
        };
        Ok(Self {
            rules,
            source,
            origin,
            line,
            sent: Sent::Nothing,
        })
    }
}

impl Exchange<'_> {
    /// Puts the `Authorization` header on, marked sensitive, and with a token bound to a key the proof
    /// (`DPoP`, RFC 9449 §7.1). A header of the caller's own is left alone, and the exchange ends there: its
    /// answer is nobody else's business.
    ///
    /// Waits only if there is no usable token in hand, or for the signature of a proof; else it neither waits
    /// nor allocates, besides what the header map itself needs, and what a thread's own copy of the token takes once.
    ///
    /// # Cancellation
    ///
    /// May be dropped at any time; a token request goes on for other callers.
    ///
    /// # Errors
    ///
    /// Why there is no token.
    pub async fn authorize(&mut self, headers: &mut HeaderMap) -> Result<(), Error> {
        if self.is_callers_own(headers) {
            return Ok(());
        }
        let token = self.token().await?;
        if let Some(dpop) = self.prover(&token) {
            // Boxed, so that the future of a request without a proof is small.
            let proof = Box::pin(self.prove(dpop, &token)).await?;
            headers.insert(PROOF, proof);
        }
        self.put(token, headers);
        Ok(())
    }

    /// As [`authorize`](Self::authorize), for synchronous code: what waits there blocks here, as
    /// [`TokenSource::token_blocking`](crate::TokenSource::token_blocking) says.
    ///
    /// # Errors
    ///
    /// Why there is no token.
    pub fn authorize_blocking(&mut self, headers: &mut HeaderMap) -> Result<(), Error> {
        if self.is_callers_own(headers) {
            return Ok(());
        }
        let token = self.token_blocking()?;
        if let Some(dpop) = self.prover(&token) {
            let proof = block_on(self.prove(dpop, &token))?;
            headers.insert(PROOF, proof);
        }
        self.put(token, headers);
        Ok(())
    }

    async fn token(&self) -> Result<AccessToken, Error> {
        let (source, at_least) = (&self.source, self.rules.minimum_life);
        if at_least.is_zero() {
            return match ready(&**source) {
                Some(token) => Ok(token),
                None => source.token().await,
            };
        }
        match source.ready_lasting(at_least) {
            Some(token) => Ok(token),
            None => source.token_lasting(at_least).await,
        }
    }

    fn token_blocking(&self) -> Result<AccessToken, Error> {
        let at_least = self.rules.minimum_life;
        if at_least.is_zero() {
            match ready(&*self.source) {
                Some(token) => Ok(token),
                None => self.source.token_blocking(),
            }
        } else {
            self.source.token_lasting_blocking(at_least)
        }
    }

    /// Whether the request has been authorized a second time: an adapter puts [`Resent`] among the extensions of the
    /// response then.
    #[must_use]
    pub fn resent(&self) -> Option<Resent> {
        matches!(self.sent, Sent::Twice(_)).then_some(Resent)
    }

    /// What proves that this token is the client's, if it has to be proved.
    fn prover(&self, token: &AccessToken) -> Option<&Dpop> {
        if token.token_type() != TokenType::Dpop {
            return None;
        }
        self.source.dpop()
    }

    async fn prove(&self, dpop: &Dpop, token: &AccessToken) -> Result<HeaderValue, Error> {
        let line = self.line.as_deref().ok_or_else(|| {
            Error::configuration(
                "the source did not show its key for DPoP before it gave a token; TokenSource::dpop has to show it \
                 from the beginning",
            )
        })?;
        let method = line.method.as_str();
        dpop.prove(method, self.origin, &line.target, Some(token))
            .await
    }

    fn is_callers_own(&mut self, headers: &HeaderMap) -> bool {
        let is_callers_own = headers.contains_key(AUTHORIZATION);
        if is_callers_own {
            self.sent = Sent::CallersOwn;
        }
        is_callers_own
    }

    fn put(&mut self, token: AccessToken, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, token.header().clone());
        self.sent = match self.sent {
            Sent::Nothing | Sent::CallersOwn => Sent::Once(token),
            Sent::Once(_) | Sent::Twice(_) => {
                observe::resent();
                Sent::Twice(token)
            }
        };
    }

    /// Reads an answer. A token that it says is no good is rejected; the first time, the verdict is to send the request
    /// again. So it is if the API wants its nonce in the proof (RFC 9449 §9).
    ///
    /// `answered_by` is where the answer came from, which redirects may have changed: what another origin says about our
    /// token does not count.
    pub fn review(
        &mut self,
        answered_by: &Target<'_>,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Verdict {
        let (token, verdict) = match &self.sent {
            Sent::Nothing | Sent::CallersOwn => return Verdict::Done,
            Sent::Once(token) => (token, Verdict::Resend),
            Sent::Twice(token) => (token, Verdict::Done),
        };
        if !answered_by.is_at(self.origin) {
            return Verdict::Done;
        }
        if let Some(dpop) = self.prover(token) {
            let has_nonce = dpop.learn(Audience::Api, self.origin, headers);
            if has_nonce && wants_nonce(status, headers) {
                observe::nonce_wanted("api");
                return verdict;
            }
        }
        if !self.rules.is_rejection(status, headers) {
            return Verdict::Done;
        }
        self.source.reject(token);
        verdict
    }
}

/// The token in hand, by a count of this thread's own.
fn ready(source: &dyn TokenSource) -> Option<AccessToken> {
    let mut ready = None;
    source.with_ready(&mut |token| ready = Some(for_this_thread(token)));
    ready
}

impl Rules {
    /// Whether this answer to a request that bore a token says that the token is no good. RFC 6750 §3.1:
    /// nothing but a 401 with `invalid_token` does.
    fn is_rejection(&self, status: StatusCode, headers: &HeaderMap) -> bool {
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
