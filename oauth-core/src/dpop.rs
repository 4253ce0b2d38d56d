//! A key that tokens are bound to, and the nonces that servers want in its proofs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::clock::Clock;
use crate::error::Error;
use crate::protocol::dpop::{Proof, nonce};
use crate::protocol::jwk::{public_only, thumbprint};
use crate::protocol::jws::{JwsAlgorithm, compact};
use crate::protocol::origin::Origin;
use crate::signer::JwsSigner;
use crate::token::AccessToken;
use crate::unique::unique;

/// A key that the tokens of a source are bound to (DPoP, RFC 9449), with what servers have said about its
/// proofs. [`TokenSource::dpop`](crate::TokenSource::dpop) shows it to an
/// [`Authorizer`](crate::Authorizer), which puts a proof on each request.
///
/// The key stays here: it is in no token, and so in no store.
pub struct Dpop {
    key: Arc<dyn JwsSigner>,
    public_jwk: Value,
    thumbprint: String,
    clock: Arc<dyn Clock>,
    nonces: Mutex<HashMap<(Audience, Origin), Box<str>>>,
}

/// For whom a proof is meant. A nonce of one is never shown to the other, even at the same origin (RFC 9449 §8,
/// §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Audience {
    AuthorizationServer,
    Api,
}

impl Audience {
    const fn of(token: Option<&AccessToken>) -> Self {
        match token {
            None => Self::AuthorizationServer,
            Some(_) => Self::Api,
        }
    }
}

impl Dpop {
    /// Binds tokens to `key`. Proofs are dated by `clock`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the signer does not show its public key,
    /// or is none for everyone to check.
    pub fn new(key: Arc<dyn JwsSigner>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let public_jwk = key.public_jwk().and_then(public_only);
        let thumbprint = public_jwk.as_ref().and_then(thumbprint);
        match (public_jwk, thumbprint) {
            (Some(public_jwk), Some(thumbprint)) if !key.algorithm().is_symmetric() => Ok(Self {
                key,
                public_jwk,
                thumbprint,
                clock,
                nonces: Mutex::default(),
            }),
            _ => Err(Error::configuration(
                "the key for DPoP does not show its public half; JwsSigner::public_jwk has to give it as a JWK of type EC, \
                 RSA or OKP (RFC 9449 §4.2)",
            )),
        }
    }

    /// The thumbprint of the public key (RFC 7638), by which servers name it (`jkt`).
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    pub(crate) fn algorithm(&self) -> JwsAlgorithm {
        self.key.algorithm()
    }

    /// A proof for one request: to the authorization server, or with `token` to an API. `target` is the URL
    /// without query, normalised.
    pub(crate) async fn prove(
        &self,
        method: &str,
        origin: &Origin,
        target: &str,
        token: Option<&AccessToken>,
    ) -> Result<HeaderValue, Error> {
        let nonce = self.nonce(Audience::of(token), origin);
        let input = Proof {
            algorithm: self.key.algorithm(),
            public_jwk: &self.public_jwk,
            method,
            target,
            wall: self.clock.wall(),
            unique: &unique()?,
            token: token.map(AccessToken::secret),
            nonce: nonce.as_deref(),
        }
        .signing_input();
        let signature = self.key.sign(input.as_bytes()).await?;
        let mut header = HeaderValue::try_from(compact(input, &signature))
            .map_err(|_| Error::configuration("the proof does not fit into a header"))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// Keeps the nonce of a response, whatever else the response says. Tells whether there was one.
    pub(crate) fn learn(&self, from: Audience, origin: &Origin, headers: &HeaderMap) -> bool {
        let Some(nonce) = nonce(headers) else {
            return false;
        };
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.insert((from, origin.clone()), nonce.into());
        true
    }

    fn nonce(&self, of: Audience, origin: &Origin) -> Option<Box<str>> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.get(&(of, origin.clone())).cloned()
    }
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dpop")
            .field("algorithm", &self.key.algorithm())
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}
