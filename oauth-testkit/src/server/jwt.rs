//! A JWT as the log shows it: what it says, and nothing to prove it with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The header and the claims of a JWT (RFC 7519) that a client sent. The signature is left out, so that
/// this cannot be used in its place.
///
/// `Display` is one readable line.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenJwt {
    header: Value,
    claims: Value,
}

impl SeenJwt {
    /// Whatever is in it, right or wrong; `None` if it is no JWT at all.
    pub(crate) fn read(compact: &str) -> Option<Self> {
        let jwt = CompactJwt::parse(compact).ok()?;
        let mut header = jwt.header;
        if let Some(Value::Object(jwk)) = header.get_mut("jwk") {
            redact_private_members(jwk);
        }
        Some(Self {
            header: header.into(),
            claims: jwt.claims.into(),
        })
    }

    /// The header (RFC 7515 §4), a JSON object. The members of a private key are redacted.
    #[must_use]
    pub fn header(&self) -> &Value {
        &self.header
    }

    /// The claims (RFC 7519 §4), a JSON object.
    #[must_use]
    pub fn claims(&self) -> &Value {
        &self.claims
    }

    pub(crate) fn algorithm(&self) -> Option<&str> {
        self.header.get("alg").and_then(Value::as_str)
    }

    /// A claim that is text.
    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }
}

impl fmt::Display for SeenJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.header, self.claims)
    }
}

/// RFC 7518 §6: `d` of every kind of key, what else an RSA key has, and `k` of a symmetric one.
pub(crate) const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn redact_private_members(jwk: &mut Map<String, Value>) {
    for name in PRIVATE_MEMBERS {
        if let Some(value) = jwk.get_mut(name) {
            *value = "<redacted>".into();
        }
    }
}

/// The JWS Compact Serialization of a JWT (RFC 7515 §7.1), taken apart and not verified.
pub(crate) struct CompactJwt<'a> {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    /// What the signature is over.
    #[cfg_attr(
        not(feature = "jose"),
        expect(dead_code, reason = "only verified there")
    )]
    pub(crate) signing_input: &'a str,
    #[cfg_attr(
        not(feature = "jose"),
        expect(dead_code, reason = "only verified there")
    )]
    pub(crate) signature: Vec<u8>,
}

impl<'a> CompactJwt<'a> {
    pub(crate) fn parse(compact: &'a str) -> Result<Self, &'static str> {
        let (signing_input, signature) = compact.rsplit_once('.').ok_or("it has no parts")?;
        let (header, claims) = signing_input
            .split_once('.')
            .filter(|(_, claims)| !claims.contains('.'))
            .ok_or("it does not have three parts")?;
        let signature = URL_SAFE_NO_PAD.decode(signature);
        Ok(Self {
            header: object(header).ok_or("its header is not a JSON object in base64url")?,
            claims: object(claims).ok_or("its claims are not a JSON object in base64url")?,
            signing_input,
            signature: signature.map_err(|_| "its signature is not base64url")?,
        })
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
