//! Puts tokens on requests, and says what to do about the answer: the one place for every adapter.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::background::block_on;
use crate::dpop::{Audience, Dpop};
use crate::error::{Error, ErrorKind};
use crate::observe;
use crate::protocol::challenge::Challenge;
use crate::protocol::dpop::{PROOF, wants_nonce};
use crate::protocol::origin::Origin;
use crate::source::{SharedTokenSource, TokenSource};
use crate::target::{RequestLine, Target};
use crate::token::{AccessToken, TokenType};

/// Authorizes API requests with the tokens of a source, for the origins they are meant for only.
///
/// An adapter to an HTTP client is glue around it, and holds no policy of its own. For each request it
/// starts an [`Exchange`], lets it put the header on, sends the request, and asks it whether to send it once
/// more.
///
/// # Examples
///
/// The whole of an adapter, for a client that is a closure:
///
/// ```
/// use http::{Request, Response};
/// use oauth_core::{Authorizer, Error, Target, Verdict};
///
/// async fn send(
///     authorizer: &Authorizer,
///     mut request: Request<&'static str>,
///     client: impl Fn(Request<&'static str>) -> Response<String>,
/// ) -> Result<Response<String>, Error> {
///     let uri = request.uri().clone();
///     let method = request.method().clone();
///     let target = Target::of(&uri).with_method(&method);
///     let mut exchange = authorizer.exchange(&target)?;
///     let mut again = request.clone();
///     exchange.authorize(request.headers_mut()).await?;
///     let response = client(request);
///     if exchange.review(&target, response.status(), response.headers()) == Verdict::Resend
///         && exchange.authorize(again.headers_mut()).await.is_ok()
///     {
///         return Ok(client(again));
///     }
///     Ok(response)
/// }
/// ```
#[derive(Clone)]
pub struct Authorizer {
    source: SharedTokenSource,
    origins: Arc<[Origin]>,
    heals_bare_401: bool,
}

impl Authorizer {
    /// Authorizes requests to `origins` (`https://api.example.com`) with the tokens of `source`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if there is no origin, or one that is not a bare `https` origin (or
    /// `http` to loopback).
    pub fn new<I>(source: impl TokenSource + 'static, origins: I) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let origins: Arc<[Origin]> = origins
            .into_iter()
            .map(|origin| origin.as_ref().parse())
            .collect::<Result<_, Error>>()?;
        if origins.is_empty() {
            return Err(Error::configuration(
                "no origin is given that tokens may go to; name at least one, like https://api.example.com",
            ));
        }
        Ok(Self {
            source: Arc::new(source),
            origins,
            heals_bare_401: false,
        })
    }

    /// Also takes a 401 whose challenges name no error at all for a rejected token. The default is to
    /// believe `invalid_token` only (RFC 6750 §3.1): an API that answers a bare 401 for other reasons
    /// would have good tokens thrown away.
    #[must_use]
    pub fn heal_bare_401(mut self) -> Self {
        self.heals_bare_401 = true;
        self
    }

    /// Takes only `invalid_token` for a rejected token, as is the default.
    #[must_use]
    pub fn no_heal_bare_401(mut self) -> Self {
        self.heals_bare_401 = false;
        self
    }

    /// Where the tokens may go.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Where the tokens come from.
    #[must_use]
    pub fn source(&self) -> &SharedTokenSource {
        &self.source
    }

    /// Starts the authorization of one request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ForeignOrigin`] if the token is not meant for the request's origin;
    /// [`ErrorKind::Configuration`] if tokens are bound to a key and the target does not tell path and method.
    /// The request must not be sent.
    pub fn exchange(&self, target: &Target<'_>) -> Result<Exchange<'_>, Error> {
        let at_target = |origin: &&Origin| target.is_at(origin);
        let Some(origin) = self.origins.iter().find(at_target) else {
            return Err(self.foreign(target));
        };
        let line = match self.source.dpop() {
            Some(_) => Some(Box::new(RequestLine::of(target, origin)?)),
            None => None,
        };
        Ok(Exchange {
            authorizer: self,
            origin,
            line,
            sent: Sent::Nothing,
        })
    }

    fn foreign(&self, target: &Target<'_>) -> Error {
        let port = target
            .port
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let allowed: Vec<_> = self.origins.iter().map(Origin::to_string).collect();
        Error::new(
            ErrorKind::ForeignOrigin,
            format!(
                "the token is not meant for {}://{}{port}; it goes to {} only",
                target.scheme,
                target.host,
                allowed.join(", ")
            ),
        )
    }

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

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("origins", &self.origins)
            .field("heals_bare_401", &self.heals_bare_401)
            .finish_non_exhaustive()
    }
}

/// What to do about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the caller's.
    Done,
    /// Authorize the request anew and send it once more, if its body can be sent again. If it cannot, or no
    /// new token comes, this answer is the caller's.
    Resend,
}

/// Stands among the extensions of a response if its request was sent a second time, with a new token or a proof that
/// the API could take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resent;

/// The authorization of one request; made by [`Authorizer::exchange`].
#[derive(Debug)]
pub struct Exchange<'a> {
    authorizer: &'a Authorizer,
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

impl Exchange<'_> {
    /// Puts the `Authorization` header on, marked sensitive, and with a token bound to a key the proof
    /// (`DPoP`, RFC 9449 §7.1). A header of the caller's own is left alone, and the exchange ends there: its
    /// answer is nobody else's business.
    ///
    /// Waits only if there is no usable token in hand, or for the signature of a proof; else it neither waits
    /// nor allocates, besides what the header map itself needs.
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
        let source = &self.authorizer.source;
        let token = match source.ready() {
            Some(token) => token,
            None => source.token().await?,
        };
        if let Some(dpop) = self.prover(&token) {
            let proof = self.prove(dpop, &token).await?;
            headers.insert(PROOF, proof);
        }
        self.put(token, headers);
        Ok(())
    }

    /// As [`authorize`](Self::authorize), for synchronous code: what waits there blocks here, as
    /// [`TokenSource::token_blocking`] says.
    ///
    /// # Errors
    ///
    /// Why there is no token.
    pub fn authorize_blocking(&mut self, headers: &mut HeaderMap) -> Result<(), Error> {
        if self.is_callers_own(headers) {
            return Ok(());
        }
        let token = self.authorizer.source.token_blocking()?;
        if let Some(dpop) = self.prover(&token) {
            let proof = block_on(self.prove(dpop, &token))?;
            headers.insert(PROOF, proof);
        }
        self.put(token, headers);
        Ok(())
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
        self.authorizer.source.dpop()
    }

    async fn prove(&self, dpop: &Dpop, token: &AccessToken) -> Result<HeaderValue, Error> {
        let line = self.line.as_deref().ok_or_else(|| {
            Error::configuration("the source did not show its key for DPoP from the beginning")
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

    /// Reads an answer. A token that it says is no good is rejected; the first time, the verdict is to send
    /// the request again. So it is if the API wants its nonce in the proof (RFC 9449 §9). `answered_by` is where the answer came from, which redirects may have changed:
    /// what another origin says about our token does not count.
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
        if !self.authorizer.is_rejection(status, headers) {
            return Verdict::Done;
        }
        self.authorizer.source.reject(token);
        verdict
    }
}
