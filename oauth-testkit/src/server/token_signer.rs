//! Access tokens that are signed JWTs (RFC 9068).

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::server::jose::thumbprint;

/// Signs with a key that was made for this server, `ES256`.
pub(crate) struct TokenSigner {
    key: EcdsaKeyPair,
    /// Public, with `kid`.
    jwk: Value,
}

impl TokenSigner {
    pub(crate) fn new() -> Result<Self, &'static str> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| "no key could be made")?;
        // SEC 1 §2.3.3: the octet 4, x and y.
        let point = key.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
        let mut jwk = Map::new();
        for (name, value) in [
            ("kty", "EC".to_owned()),
            ("crv", "P-256".to_owned()),
            ("x", URL_SAFE_NO_PAD.encode(x)),
            ("y", URL_SAFE_NO_PAD.encode(y)),
        ] {
            jwk.insert(name.to_owned(), value.into());
        }
        let id = thumbprint(&jwk).map_err(|_| "no thumbprint could be made")?;
        for (name, value) in [("kid", id.as_str()), ("alg", "ES256"), ("use", "sig")] {
            jwk.insert(name.to_owned(), value.into());
        }
        Ok(Self {
            key,
            jwk: jwk.into(),
        })
    }

    /// RFC 7517 §5.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk] })
    }

    /// `None` if the system has no random numbers.
    pub(crate) fn sign(&self, claims: &Value) -> Option<String> {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.jwk["kid"] });
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).ok()?;
        Some(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner")
            .field("jwk", &self.jwk)
            .finish_non_exhaustive()
    }
}
