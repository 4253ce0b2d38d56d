//! Client assertions: a signed statement in place of a secret (RFC 7521 §4.2, RFC 7523 §2.2).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::protocol::jws::{JwsAlgorithm, signing_input};

/// What `client_assertion_type` says of every assertion that is a JWT (RFC 7523 §2.2).
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion is good for.
const LIFETIME: Duration = Duration::from_secs(60);

/// For whom a client assertion is meant: its `aud` (RFC 7523 §3), always one plain string.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AssertionAudience {
    /// The URL of the token endpoint, as it was configured or discovered. The default: every server must take it.
    #[default]
    TokenEndpoint,
    /// The issuer that was discovered, as newer servers want it. Without discovery, name it with
    /// [`Exactly`](Self::Exactly).
    Issuer,
    /// This very value.
    Exactly(String),
}

/// What one assertion says.
pub(crate) struct Assertion<'a> {
    pub(crate) algorithm: JwsAlgorithm,
    pub(crate) key_id: Option<&'a str>,
    pub(crate) client_id: &'a str,
    pub(crate) audience: &'a str,
    /// The time of day.
    pub(crate) wall: SystemTime,
    /// Never used before: servers refuse an assertion that they have seen.
    pub(crate) unique: &'a str,
}

impl Assertion<'_> {
    /// What is to be signed.
    pub(crate) fn signing_input(&self) -> String {
        let mut header = json!({"alg": self.algorithm.as_str(), "typ": "JWT"});
        if let Some(key_id) = self.key_id {
            header["kid"] = key_id.into();
        }
        // Rounded down: some servers refuse what seems to be issued in the future.
        let issued = seconds(self.wall);
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "iat": issued,
            "exp": issued + LIFETIME.as_secs(),
            "jti": self.unique,
        });
        signing_input(&header, &claims)
    }
}

/// A NumericDate (RFC 7519 §2), in whole seconds, rounded down.
pub(crate) fn seconds(wall: SystemTime) -> u64 {
    wall.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::Value;

    fn parts(key_id: Option<&str>) -> [Value; 2] {
        let assertion = Assertion {
            algorithm: JwsAlgorithm::Es256,
            key_id,
            client_id: "me",
            audience: "https://id.example.com/token?a=b",
            wall: UNIX_EPOCH + Duration::from_millis(1_700_000_000_999),
            unique: "u1",
        };
        let input = assertion.signing_input();
        let (header, claims) = input.split_once('.').unwrap();
        [header, claims]
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
    }

    #[test]
    fn rfc_7523_section_3_the_claims_of_an_assertion() {
        let [header, claims] = parts(Some("k1"));
        assert_eq!(header, json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}));
        assert_eq!(
            claims,
            json!({
                "iss": "me",
                "sub": "me",
                "aud": "https://id.example.com/token?a=b",
                "iat": 1_700_000_000,
                "exp": 1_700_000_060,
                "jti": "u1",
            }),
            "aud is a plain string and iat not ahead of the clock"
        );
    }

    #[test]
    fn a_key_without_an_id_names_none() {
        assert_eq!(parts(None)[0].get("kid"), None);
    }
}
