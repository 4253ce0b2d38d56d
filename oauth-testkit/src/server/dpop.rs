//! DPoP proofs and nonces (RFC 9449).

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::server::assertion::{header_algorithm, seconds, text, time};
use crate::server::client_auth::Refusal;
use crate::server::http1::Request;
use crate::server::issuer::fresh_value;
use crate::server::jose::{JwtAlgorithm, PublicKey, sha256, thumbprint};
use crate::server::jwt::{CompactJwt, PRIVATE_MEMBERS};
use crate::server::target_uri::{normalized, target_uri};
use crate::sync::lock;

/// Whether proofs need a nonce of the server (RFC 9449 §8 and §9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DpopNonce {
    /// They need none, and none is sent.
    #[default]
    Off,
    /// They need the one that every response brings, until it is
    /// [renewed](crate::FakeTokenServer::renew_dpop_nonces).
    Required,
    /// They need one that has not been used before: every response brings another.
    OneTime,
}

/// How DPoP proofs are judged, beyond what RFC 9449 §4.3 asks in any case.
///
/// # Examples
///
/// ```
/// use oauth_testkit::{DpopNonce, DpopRules, FakeTokenServer};
///
/// let server = FakeTokenServer::builder()
///     .dpop(DpopRules::new().required().nonce_at_token_endpoint(DpopNonce::Required))
///     .start()?;
/// # drop(server);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "rules are for a builder"]
pub struct DpopRules {
    known: bool,
    required: bool,
    token_nonce: DpopNonce,
    api_nonce: DpopNonce,
    max_age: Duration,
}

impl DpopRules {
    /// A proof that comes is verified, and the token bound to its key; a request without one gets a
    /// bearer token. No nonces; a proof is good for a minute.
    pub fn new() -> Self {
        Self {
            known: true,
            required: false,
            token_nonce: DpopNonce::Off,
            api_nonce: DpopNonce::Off,
            max_age: Duration::from_secs(60),
        }
    }

    /// A server that knows nothing of DPoP: it does not look at proofs, and answers a request with one
    /// with a bearer token.
    pub fn unknown() -> Self {
        Self {
            known: false,
            ..Self::new()
        }
    }

    /// Refuses token requests without a proof.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The nonces of the token endpoint. By default [`Off`](DpopNonce::Off).
    pub fn nonce_at_token_endpoint(mut self, nonce: DpopNonce) -> Self {
        self.token_nonce = nonce;
        self
    }

    /// The nonces of the protected API, which have nothing to do with those of the token endpoint. By
    /// default [`Off`](DpopNonce::Off).
    pub fn nonce_at_api(mut self, nonce: DpopNonce) -> Self {
        self.api_nonce = nonce;
        self
    }

    /// How long after its `iat` a proof is good, by the server's clock. By default a minute.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }
}

impl Default for DpopRules {
    fn default() -> Self {
        Self::new()
    }
}

/// The judge of proofs, who remembers those that were used and the nonces that were given.
#[derive(Debug)]
pub(crate) struct Dpop {
    rules: DpopRules,
    token_nonces: Nonces,
    api_nonces: Nonces,
    /// Thumbprint and `jti`.
    used: Mutex<HashSet<(String, String)>>,
}

/// Whose proof or nonce it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    TokenEndpoint,
    Api,
}

/// Where a proof came, and when.
pub(crate) struct Occasion<'a> {
    pub(crate) side: Side,
    pub(crate) request: &'a Request,
    pub(crate) scheme: &'a str,
    /// The access token beside it.
    pub(crate) token: Option<&'a str>,
    pub(crate) now: SystemTime,
}

impl Dpop {
    pub(crate) fn new(rules: DpopRules) -> Self {
        Self {
            token_nonces: Nonces::new(rules.token_nonce),
            api_nonces: Nonces::new(rules.api_nonce),
            used: Mutex::default(),
            rules,
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        self.rules.known
    }

    pub(crate) fn is_required(&self) -> bool {
        self.rules.known && self.rules.required
    }

    /// What the next response brings.
    pub(crate) fn nonce(&self, side: Side) -> Option<String> {
        self.nonces(side).next()
    }

    pub(crate) fn renew_nonces(&self) {
        self.token_nonces.renew();
        self.api_nonces.renew();
    }

    /// The thumbprint of the key, if there is a proof.
    pub(crate) fn verify(&self, occasion: &Occasion<'_>) -> Result<Option<String>, Refusal> {
        if !self.rules.known {
            return Ok(None);
        }
        let invalid = |reason: String| ("invalid_dpop_proof", reason);
        let mut proofs = occasion.request.headers.get_all("dpop").iter();
        let proof = match (proofs.next(), proofs.next()) {
            (None, _) if self.rules.required || occasion.token.is_some() => {
                return Err(invalid("there is no DPoP proof".to_owned()));
            }
            (None, _) => return Ok(None),
            (Some(proof), None) => proof,
            (Some(_), Some(_)) => {
                return Err(invalid("there is more than one DPoP header".to_owned()));
            }
        };
        let proof = proof.to_str().unwrap_or_default();
        let jwt = CompactJwt::parse(proof)
            .map_err(|reason| invalid(format!("the proof is not a JWT: {reason}")))?;
        let thumbprint = verify_key(&jwt).map_err(invalid)?;
        self.verify_claims(&jwt.claims, &thumbprint, occasion)
            .map_err(invalid)?;
        self.verify_nonce(&jwt.claims, occasion.side)?;
        Ok(Some(thumbprint))
    }

    /// RFC 9449 §4.3 items 8 to 12, without the nonce.
    fn verify_claims(
        &self,
        claims: &Map<String, Value>,
        thumbprint: &str,
        occasion: &Occasion<'_>,
    ) -> Result<(), String> {
        let id = text(claims, "jti")?;
        // Also if it is refused below: each attempt has a proof of its own (RFC 9449 §11.1).
        let unused = lock(&self.used).insert((thumbprint.to_owned(), id.to_owned()));
        if !unused {
            return Err(format!("jti {id:?} was used before"));
        }
        let method = text(claims, "htm")?;
        if method != occasion.request.method {
            return Err(format!("htm {method:?} is not {}", occasion.request.method));
        }
        verify_target(text(claims, "htu")?, occasion)?;
        let issued = time(claims, "iat")?.ok_or("there is no iat")?;
        let now = seconds(occasion.now);
        if issued > now {
            return Err(format!("iat {issued} is in the future, it is {now}"));
        }
        if now - issued > self.rules.max_age.as_secs_f64() {
            return Err(format!("iat {issued} is too long ago, it is {now}"));
        }
        if let Some(token) = occasion.token
            && text(claims, "ath")? != sha256(token)
        {
            return Err("ath is not the hash of the access token".to_owned());
        }
        Ok(())
    }

    fn verify_nonce(&self, claims: &Map<String, Value>, side: Side) -> Result<(), Refusal> {
        let nonce = claims.get("nonce").and_then(Value::as_str);
        if self.nonces(side).accept(nonce) {
            return Ok(());
        }
        let reason = match nonce {
            None => "the proof has no nonce",
            Some(_) => "the nonce of the proof is not the server's, or no longer",
        };
        Err(("use_dpop_nonce", reason.to_owned()))
    }

    fn nonces(&self, side: Side) -> &Nonces {
        match side {
            Side::TokenEndpoint => &self.token_nonces,
            Side::Api => &self.api_nonces,
        }
    }
}

/// The algorithms of proofs: those with a public key (RFC 9449 §4.2).
pub(crate) fn algorithms() -> impl Iterator<Item = &'static str> {
    let all = JwtAlgorithm::ALL.into_iter();
    all.filter(|algorithm| !algorithm.is_symmetric())
        .map(JwtAlgorithm::name)
}

/// RFC 9449 §4.3 items 4 to 7: the thumbprint of the key that has signed.
fn verify_key(jwt: &CompactJwt<'_>) -> Result<String, String> {
    let header = &jwt.header;
    let kind = text(header, "typ")?;
    if kind != "dpop+jwt" {
        return Err(format!("typ {kind:?} is not dpop+jwt"));
    }
    let algorithm = header_algorithm(header)?;
    if algorithm.is_symmetric() {
        return Err(format!("alg {algorithm} has no public key"));
    }
    let jwk = header.get("jwk").and_then(Value::as_object);
    let jwk = jwk.ok_or("the header has no jwk")?;
    if let Some(member) = PRIVATE_MEMBERS.iter().find(|name| jwk.contains_key(**name)) {
        return Err(format!("the jwk has {member:?}: it is a private key"));
    }
    let key = PublicKey::from_jwk(algorithm, jwk)?;
    if !key.verifies(jwt.signing_input, &jwt.signature) {
        return Err("the signature is wrong".to_owned());
    }
    thumbprint(jwk)
}

/// RFC 9449 §4.2: the target of the request, without query and fragment.
fn verify_target(target: &str, occasion: &Occasion<'_>) -> Result<(), String> {
    if target.contains(['?', '#']) {
        return Err(format!("htu {target:?} has a query or a fragment"));
    }
    let expected = target_uri(occasion.scheme, occasion.request);
    match (normalized(target), normalized(&expected)) {
        (Some(told), Some(expected)) if told == expected => Ok(()),
        _ => Err(format!("htu {target:?} is not {expected:?}")),
    }
}

/// The nonces of one origin.
#[derive(Debug)]
struct Nonces {
    policy: DpopNonce,
    /// With [`DpopNonce::Required`] the one that is good; else all that were given and not used.
    good: Mutex<HashSet<String>>,
}

impl Nonces {
    fn new(policy: DpopNonce) -> Self {
        Self {
            policy,
            good: Mutex::default(),
        }
    }

    fn next(&self) -> Option<String> {
        let mut good = lock(&self.good);
        match self.policy {
            DpopNonce::Off => return None,
            DpopNonce::Required => {
                if let Some(known) = good.iter().next() {
                    return Some(known.clone());
                }
            }
            DpopNonce::OneTime => {}
        }
        let nonce = fresh_value().replace("fake", "nonce");
        good.insert(nonce.clone());
        Some(nonce)
    }

    fn accept(&self, nonce: Option<&str>) -> bool {
        let mut good = lock(&self.good);
        match (self.policy, nonce) {
            (DpopNonce::Off, _) => true,
            (_, None) => false,
            (DpopNonce::Required, Some(nonce)) => good.contains(nonce),
            (DpopNonce::OneTime, Some(nonce)) => good.remove(nonce),
        }
    }

    fn renew(&self) {
        lock(&self.good).clear();
    }
}
