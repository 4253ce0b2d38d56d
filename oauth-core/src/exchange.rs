//! One request under authorization.

use std::borrow::Borrow;
use std::fmt;

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};

use crate::authorizer::Authorizer;
use crate::background::block_on;
use crate::dpop::{Audience, Dpop};
use crate::error::Error;
use crate::observe;
use crate::protocol::dpop::{PROOF, wants_nonce};
use crate::protocol::origin::Origin;
use crate::source::{SharedTokenSource, TokenSource};
use crate::target::{RequestLine, Target};
use crate::thread_copy::for_this_thread;
use crate::token::{AccessToken, TokenType};
use crate::verdict::{Resent, Rules, Verdict};

/// The authorization of one request; made by [`Authorizer::exchange`].
///
/// It borrows its authorizer or has it, whichever it is given to [`begin`](Self::begin).
pub struct Exchange<A = Authorizer> {
    authorizer: A,
    /// Whose token it is, if not the authorizer's.
    source: Option<SharedTokenSource>,
    /// Which of the authorizer's origins the request goes to.
    at: usize,
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

impl Authorizer {
    /// Starts the authorization of one request that has no extensions: [`exchange_for`](Self::exchange_for).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn exchange(&self, target: &Target<'_>) -> Result<Exchange<&Self>, Error> {
        self.exchange_for(target, &Extensions::new())
    }

    /// Starts the authorization of one request, with the source that its extensions name
    /// ([`RequestSource`](crate::RequestSource)), or else the one that this authorizer picks for it, or else the one
    /// that it has.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ForeignOrigin`](crate::ErrorKind::ForeignOrigin) if the token is not meant for the request's
    /// origin; [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if tokens are bound to a key and the target
    /// does not tell path and method; that of [`per_request`](Self::per_request)'s closure.
    /// The request must not be sent.
    pub fn exchange_for(
        &self,
        target: &Target<'_>,
        extensions: &Extensions,
    ) -> Result<Exchange<&Self>, Error> {
        Exchange::begin(self, target, extensions)
    }

    /// Starts the authorization of one request with the tokens of `source`, for the origins of this authorizer.
    ///
    /// # Errors
    ///
    /// As [`exchange_for`](Self::exchange_for).
    pub fn exchange_with(
        &self,
        target: &Target<'_>,
        source: SharedTokenSource,
    ) -> Result<Exchange<&Self>, Error> {
        Exchange::new(self, self.position_of(target)?, target, Some(source))
    }
}

impl<A: Borrow<Authorizer>> Exchange<A> {
    /// As [`Authorizer::exchange_for`], with an authorizer that may be the exchange's own: for a future that is a type
    /// of its own, and can borrow nothing of itself.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn begin(
        authorizer: A,
        target: &Target<'_>,
        extensions: &Extensions,
    ) -> Result<Self, Error> {
        let of = authorizer.borrow();
        let at = of.position_of(target)?;
        let source = of.source_for(target, extensions)?;
        Self::new(authorizer, at, target, source)
    }

    pub(crate) fn new(
        authorizer: A,
        at: usize,
        target: &Target<'_>,
        source: Option<SharedTokenSource>,
    ) -> Result<Self, Error> {
        let mut exchange = Self {
            authorizer,
            source,
            at,
            line: None,
            sent: Sent::Nothing,
        };
        if exchange.source().dpop().is_some() {
            let line = RequestLine::of(target, exchange.origin())?;
            exchange.line = Some(Box::new(line));
        }
        Ok(exchange)
    }

    fn source(&self) -> &dyn TokenSource {
        match &self.source {
            Some(source) => source.as_ref(),
            None => self.authorizer.borrow().source().as_ref(),
        }
    }

    fn origin(&self) -> &Origin {
        &self.authorizer.borrow().origins()[self.at]
    }

    fn rules(&self) -> Rules {
        self.authorizer.borrow().rules()
    }

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
        let token = match self.ready() {
            Some(token) => token,
            None => self.token().await?,
        };
        if let Some(dpop) = self.prover(&token) {
            // Boxed, so that the future of a request without a proof is small.
            let proof = Box::pin(self.prove(dpop, &token)).await?;
            headers.insert(PROOF, proof);
        }
        self.put(token, headers);
        Ok(())
    }

    /// [`authorize`](Self::authorize) for when nothing has to be waited for. Otherwise this is `false`, nothing has been
    /// done, and `authorize` is what to call.
    ///
    /// For an adapter that wants to hand the request on before its first `await`: one that is kept across it makes the
    /// future bigger.
    #[must_use = "the request is not authorized if this is false"]
    pub fn authorize_if_ready(&mut self, headers: &mut HeaderMap) -> bool {
        if self.is_callers_own(headers) {
            return true;
        }
        let Some(token) = self.ready() else {
            return false;
        };
        if self.prover(&token).is_some() {
            return false;
        }
        self.put(token, headers);
        true
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
        let token = match self.ready() {
            Some(token) => token,
            None => self.token_blocking()?,
        };
        if let Some(dpop) = self.prover(&token) {
            let proof = block_on(self.prove(dpop, &token))?;
            headers.insert(PROOF, proof);
        }
        self.put(token, headers);
        Ok(())
    }

    fn ready(&self) -> Option<AccessToken> {
        let at_least = self.rules().minimum_life;
        if at_least.is_zero() {
            ready(self.source())
        } else {
            self.source().ready_lasting(at_least)
        }
    }

    async fn token(&self) -> Result<AccessToken, Error> {
        let at_least = self.rules().minimum_life;
        if at_least.is_zero() {
            self.source().token().await
        } else {
            self.source().token_lasting(at_least).await
        }
    }

    fn token_blocking(&self) -> Result<AccessToken, Error> {
        let at_least = self.rules().minimum_life;
        if at_least.is_zero() {
            self.source().token_blocking()
        } else {
            self.source().token_lasting_blocking(at_least)
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
        self.source().dpop()
    }

    async fn prove(&self, dpop: &Dpop, token: &AccessToken) -> Result<HeaderValue, Error> {
        let line = self.line.as_deref().ok_or_else(|| {
            Error::configuration(
                "the source did not show its key for DPoP before it gave a token; TokenSource::dpop has to show it \
                 from the beginning",
            )
        })?;
        let method = line.method.as_str();
        dpop.prove(method, self.origin(), &line.target, Some(token))
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

    /// Whether [`review`](Self::review) has anything to read in an answer with this status. Cheaper, since it does not ask
    /// where the answer came from.
    #[must_use]
    pub fn concerns(&self, status: StatusCode) -> bool {
        status == StatusCode::UNAUTHORIZED || self.line.is_some()
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
        if !answered_by.is_at(self.origin()) {
            return Verdict::Done;
        }
        if let Some(dpop) = self.prover(token) {
            let has_nonce = dpop.learn(Audience::Api, self.origin(), headers);
            if has_nonce && wants_nonce(status, headers) {
                observe::nonce_wanted("api");
                return verdict;
            }
        }
        if !self.rules().is_rejection(status, headers) {
            return Verdict::Done;
        }
        self.source().reject(token);
        verdict
    }
}

impl<A: fmt::Debug> fmt::Debug for Exchange<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("authorizer", &self.authorizer)
            .field("has_source_of_its_own", &self.source.is_some())
            .field("line", &self.line)
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}

/// The token in hand, by a count of this thread's own.
fn ready(source: &dyn TokenSource) -> Option<AccessToken> {
    let mut ready = None;
    source.with_ready(&mut |token| ready = Some(for_this_thread(token)));
    ready
}
