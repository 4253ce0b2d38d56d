//! JWTs as client authentication (RFC 7523 §2.2, RFC 7521 §4.2) and as a grant (§2.1).

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::server::client_auth::{
    Circumstances, ClientAuthMethod, Clients, Presented, Registration,
};
use crate::server::jose::{JwtAlgorithm, PublicKey, mac_verifies};
use crate::server::jwt::CompactJwt;
use crate::server::urls::Place;
use crate::sync::lock;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A public key as it is registered for a client or a trusted issuer.
pub(crate) type ClientKey = PublicKey;

/// Whom an assertion has to be for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AssertionAudience {
    /// The URL of the token endpoint or the issuer identifier.
    #[default]
    Either,
    /// The URL of the token endpoint, and nothing else.
    TokenEndpoint,
    /// The issuer identifier, and nothing else.
    Issuer,
}

/// How strictly an assertion is judged, beyond what RFC 7523 §3 asks in any case.
///
/// # Examples
///
/// ```
/// use oauth_testkit::{AssertionAudience, AssertionRules};
/// use std::time::Duration;
///
/// let rules = AssertionRules::new()
///     .audience(AssertionAudience::TokenEndpoint)
///     .audience_as_text()
///     .require_kid()
///     .max_lifetime(Duration::from_secs(60));
/// # drop(rules);
/// ```
#[derive(Clone, Debug)]
#[must_use = "rules are for a builder"]
pub struct AssertionRules {
    audience: AssertionAudience,
    audience_as_text: bool,
    kid_required: bool,
    max_lifetime: Duration,
    reusable: bool,
}

impl AssertionRules {
    /// Any audience that is right, as text or in an array, with or without `kid`, for five minutes at
    /// most, and once.
    pub fn new() -> Self {
        Self {
            audience: AssertionAudience::Either,
            audience_as_text: false,
            kid_required: false,
            max_lifetime: Duration::from_secs(300),
            reusable: false,
        }
    }

    /// Whom an assertion has to be for. By default either.
    pub fn audience(mut self, audience: AssertionAudience) -> Self {
        self.audience = audience;
        self
    }

    /// Refuses an `aud` that is an array, even of one.
    pub fn audience_as_text(mut self) -> Self {
        self.audience_as_text = true;
        self
    }

    /// Refuses an assertion whose header does not name its key. One that names a key has to name a
    /// registered one in any case.
    pub fn require_kid(mut self) -> Self {
        self.kid_required = true;
        self
    }

    /// How far `exp` may be ahead of the server's clock. By default five minutes.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// Takes an assertion over and over until it expires, and does not ask for a `jti`, as servers do that leave out
    /// RFC 7523 §3 item 7. By default it is good once. Those of a [`FederatedIdentity`](crate::FederatedIdentity) can be
    /// used again in any case.
    pub fn reusable(mut self) -> Self {
        self.reusable = true;
        self
    }
}

impl Default for AssertionRules {
    fn default() -> Self {
        Self::new()
    }
}

/// The judge of assertions, who remembers those that were used.
#[derive(Debug, Default)]
pub(crate) struct Assertions {
    pub(crate) rules: AssertionRules,
    /// The algorithm registered for the secret of a client; any that is symmetric without.
    pub(crate) mac_algorithms: HashMap<String, JwtAlgorithm>,
    /// Who may assert for the grant, and with which keys.
    pub(crate) trusted_issuers: HashMap<String, Vec<ClientKey>>,
    /// Issuer and `jti`.
    used: Mutex<HashSet<(String, String)>>,
}

impl Assertions {
    /// The client that has authenticated, or why it has not.
    pub(crate) fn verify(
        &self,
        clients: &Clients,
        presented: &Presented,
        circumstances: &Circumstances<'_>,
    ) -> Result<String, String> {
        if presented.assertion_type.as_deref() != Some(ASSERTION_TYPE) {
            return Err(format!("client_assertion_type is not {ASSERTION_TYPE}"));
        }
        let assertion = presented.assertion.as_deref();
        let assertion = assertion.ok_or("there is no client_assertion")?;
        let jwt = CompactJwt::parse(assertion)
            .map_err(|reason| format!("the client_assertion is not a JWT: {reason}"))?;
        if let Some(verified) = self.verify_federated(clients, presented, &jwt, circumstances) {
            return verified;
        }
        let id = Self::client_of(&jwt.claims, presented)?;
        let client = clients.registered.get(id);
        let client = client.ok_or_else(|| format!("no client {id:?} is registered"))?;
        self.verify_client_signature(clients, client, id, &jwt)?;
        self.verify_claims(&jwt.claims, id, circumstances)?;
        Ok(id.to_owned())
    }

    /// RFC 7523 §3 items 1 and 2 B, RFC 7521 §4.2.
    fn client_of<'a>(
        claims: &'a Map<String, Value>,
        presented: &Presented,
    ) -> Result<&'a str, String> {
        let issuer = text(claims, "iss")?;
        let subject = text(claims, "sub")?;
        if issuer != subject {
            return Err(format!("iss {issuer:?} is not sub {subject:?}"));
        }
        match &presented.client_id {
            Some(other) if other != subject => {
                Err(format!("client_id {other:?} is not sub {subject:?}"))
            }
            _ => Ok(subject),
        }
    }

    fn verify_client_signature(
        &self,
        clients: &Clients,
        client: &Registration,
        id: &str,
        jwt: &CompactJwt<'_>,
    ) -> Result<(), String> {
        let algorithm = header_algorithm(&jwt.header)?;
        if !algorithm.is_symmetric() {
            if !clients.accepts(ClientAuthMethod::PrivateKeyJwt) {
                return Err("private_key_jwt is not accepted here".to_owned());
            }
            return self.verify_signature(algorithm, &client.keys, jwt);
        }
        if !clients.accepts(ClientAuthMethod::SecretJwt) {
            return Err("client_secret_jwt is not accepted here".to_owned());
        }
        let registered = self.mac_algorithms.get(id);
        if registered.is_some_and(|registered| *registered != algorithm) {
            return Err(format!("alg {algorithm} is not the registered one"));
        }
        let secret = client.secret.as_ref().ok_or("the client has no secret")?;
        if mac_verifies(
            algorithm,
            secret.as_bytes(),
            jwt.signing_input,
            &jwt.signature,
        ) {
            Ok(())
        } else {
            Err("the MAC is wrong".to_owned())
        }
    }

    pub(crate) fn verify_signature(
        &self,
        algorithm: JwtAlgorithm,
        keys: &[ClientKey],
        jwt: &CompactJwt<'_>,
    ) -> Result<(), String> {
        if keys.is_empty() {
            return Err("no key is registered".to_owned());
        }
        let mut keys: Vec<_> = keys
            .iter()
            .filter(|key| key.algorithm == algorithm)
            .collect();
        if keys.is_empty() {
            return Err(format!("alg {algorithm} is not the registered one"));
        }
        match jwt.header.get("kid").map(Value::as_str) {
            None if self.rules.kid_required => return Err("the header has no kid".to_owned()),
            None => {}
            Some(None) => return Err("kid is not text".to_owned()),
            // A key that was registered without an id may have any.
            Some(Some(id)) => keys.retain(|key| key.id.as_deref().is_none_or(|known| known == id)),
        }
        if keys.is_empty() {
            return Err("no key has the kid of the header".to_owned());
        }
        if keys
            .iter()
            .any(|key| key.verifies(jwt.signing_input, &jwt.signature))
        {
            Ok(())
        } else {
            Err("the signature is wrong".to_owned())
        }
    }

    /// RFC 7523 §3 items 3 to 7.
    fn verify_claims(
        &self,
        claims: &Map<String, Value>,
        issuer: &str,
        circumstances: &Circumstances<'_>,
    ) -> Result<(), String> {
        self.verify_audience(claims, circumstances)?;
        let most = self.rules.max_lifetime;
        self.verify_times(claims, circumstances.now, Some(most))?;
        if self.rules.reusable {
            return Ok(());
        }
        let id = text(claims, "jti")?;
        // The last check: an assertion that was refused was not used.
        let unused = lock(&self.used).insert((issuer.to_owned(), id.to_owned()));
        if unused {
            Ok(())
        } else {
            Err(format!("jti {id:?} was used before"))
        }
    }

    pub(crate) fn verify_audience(
        &self,
        claims: &Map<String, Value>,
        circumstances: &Circumstances<'_>,
    ) -> Result<(), String> {
        let mut permitted = Vec::new();
        if self.rules.audience != AssertionAudience::Issuer {
            let urls = circumstances.urls;
            permitted.extend(urls.everywhere(Place::Token));
            // RFC 7662 §2.1 and RFC 7009 §2.1 do not say which: its own URL will do.
            if circumstances.place != Place::Token {
                permitted.extend(urls.everywhere(circumstances.place));
            }
        }
        if self.rules.audience != AssertionAudience::TokenEndpoint {
            permitted.push(circumstances.urls.issuer());
        }
        self.verify_audience_among(claims, &permitted)
    }

    pub(crate) fn verify_audience_among(
        &self,
        claims: &Map<String, Value>,
        permitted: &[String],
    ) -> Result<(), String> {
        let audience = match claims.get("aud") {
            None => return Err("there is no aud".to_owned()),
            Some(one @ Value::String(_)) => std::slice::from_ref(one),
            Some(Value::Array(_)) if self.rules.audience_as_text => {
                return Err("aud is an array".to_owned());
            }
            Some(Value::Array(several)) if !several.is_empty() => several.as_slice(),
            Some(_) => return Err("aud is neither text nor an array of texts".to_owned()),
        };
        let is_permitted = |value: &&Value| {
            let text = value.as_str().unwrap_or_default();
            permitted.iter().any(|known| known == text)
        };
        match audience.iter().find(|value| !is_permitted(value)) {
            None => Ok(()),
            Some(other) => Err(format!("aud {other} is none of {}", permitted.join(", "))),
        }
    }

    /// `most`: how far `exp` may be ahead.
    pub(crate) fn verify_times(
        &self,
        claims: &Map<String, Value>,
        now: SystemTime,
        most: Option<Duration>,
    ) -> Result<(), String> {
        let now = seconds(now);
        let expires = time(claims, "exp")?.ok_or("there is no exp")?;
        if expires <= now {
            return Err(format!("exp {expires} has passed, it is {now}"));
        }
        if let Some(most) = most.map(|most| most.as_secs_f64())
            && expires - now > most
        {
            return Err(format!(
                "exp {expires} is more than {most} s ahead of {now}"
            ));
        }
        for claim in ["iat", "nbf"] {
            if let Some(time) = time(claims, claim)?.filter(|time| *time > now) {
                return Err(format!("{claim} {time} is in the future, it is {now}"));
            }
        }
        Ok(())
    }

    /// Whom an assertion given as a grant stands for (RFC 7523 §2.1), or why for nobody.
    pub(crate) fn verify_grant(
        &self,
        assertion: &str,
        circumstances: &Circumstances<'_>,
    ) -> Result<String, String> {
        let jwt = CompactJwt::parse(assertion)
            .map_err(|reason| format!("the assertion is not a JWT: {reason}"))?;
        let issuer = text(&jwt.claims, "iss")?;
        let subject = text(&jwt.claims, "sub")?;
        let keys = self.trusted_issuers.get(issuer);
        let keys = keys.ok_or_else(|| format!("the issuer {issuer:?} is not trusted"))?;
        self.verify_signature(header_algorithm(&jwt.header)?, keys, &jwt)?;
        self.verify_claims(&jwt.claims, issuer, circumstances)?;
        Ok(subject.to_owned())
    }
}

/// A time as a `NumericDate` (RFC 7519 §2).
pub(crate) fn seconds(time: SystemTime) -> f64 {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH);
    since_epoch.unwrap_or(Duration::ZERO).as_secs_f64()
}

/// A claim that is a `NumericDate`, if it is there.
pub(crate) fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, String> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(number) => Ok(Some(number)),
            None => Err(format!("{name} is not a number")),
        },
    }
}

/// A claim that has to be there and to be text.
pub(crate) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    match claims.get(name) {
        None => Err(format!("there is no {name}")),
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(format!("{name} is not text")),
    }
}

/// RFC 7515 §4.1.11: an extension that has to be understood is not.
pub(crate) fn header_algorithm(header: &Map<String, Value>) -> Result<JwtAlgorithm, String> {
    if header.contains_key("crit") {
        return Err("the header has crit, and no extension is supported".to_owned());
    }
    JwtAlgorithm::of(header)
}
