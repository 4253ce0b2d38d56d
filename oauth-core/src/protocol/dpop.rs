//! Proofs of possession (RFC 9449): signed statements that go with a request, so that a stolen token is of no
//! use.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::protocol::assertion::seconds;
use crate::protocol::challenge::Challenge;
use crate::protocol::jws::{JwsAlgorithm, signing_input};
use crate::protocol::origin::Origin;

/// The header with the proof (RFC 9449 §4.1).
pub(crate) const PROOF: HeaderName = HeaderName::from_static("dpop");

/// The header in which a server gives the next nonce (RFC 9449 §8.1).
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// No nonce is longer: it has to fit into every proof.
const MAX_NONCE: usize = 2048;

/// What one proof says (RFC 9449 §4.2).
pub(crate) struct Proof<'a> {
    pub(crate) algorithm: JwsAlgorithm,
    pub(crate) public_jwk: &'a Value,
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    /// The time of day.
    pub(crate) wall: SystemTime,
    /// Never used before.
    pub(crate) unique: &'a str,
    /// The access token that the request bears, if it bears one.
    pub(crate) token: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
}

impl Proof<'_> {
    /// What is to be signed.
    pub(crate) fn signing_input(&self) -> String {
        let header = json!({
            "typ": "dpop+jwt",
            "alg": self.algorithm.as_str(),
            "jwk": self.public_jwk,
        });
        let mut claims = json!({
            "jti": self.unique,
            "htm": self.method,
            "htu": self.target,
            "iat": seconds(self.wall),
        });
        if let Some(token) = self.token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token)).into();
        }
        if let Some(nonce) = self.nonce {
            claims["nonce"] = nonce.into();
        }
        signing_input(&header, &claims)
    }
}

/// The target of a request as proofs name it: without query and fragment, and normalised (RFC 9449 §4.3,
/// RFC 3986 §6.2.2 and §6.2.3). The origin is so by itself.
pub(crate) fn target(origin: &Origin, path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut target = origin.to_string();
    if !path.starts_with('/') {
        target.push('/');
    }
    let mut digits_to_come = 0;
    for character in path.chars() {
        if digits_to_come > 0 {
            digits_to_come -= 1;
            target.push(character.to_ascii_uppercase());
            continue;
        }
        if character == '%' {
            digits_to_come = 2;
        }
        target.push(character);
    }
    target
}

/// The nonce for the next proof, which any response may bring (RFC 9449 §8.2).
pub(crate) fn nonce(headers: &HeaderMap) -> Option<&str> {
    let nonce = headers.get(NONCE)?.to_str().ok()?;
    let is_fit = !nonce.is_empty()
        && nonce.len() <= MAX_NONCE
        && nonce.bytes().all(|byte| byte.is_ascii_graphic());
    is_fit.then_some(nonce)
}

/// Whether an API refuses a request only for want of its nonce (RFC 9449 §9).
pub(crate) fn wants_nonce(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::UNAUTHORIZED
        && Challenge::all(headers).iter().any(|challenge| {
            challenge.is("dpop") && challenge.parameter("error") == Some("use_dpop_nonce")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::WWW_AUTHENTICATE;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn parts(input: &str) -> [Value; 2] {
        let (header, claims) = input.split_once('.').unwrap();
        [header, claims]
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
    }

    /// The key of the examples in RFC 9449.
    fn rfc_9449_key() -> Value {
        json!({
            "kty": "EC",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
            "crv": "P-256",
        })
    }

    #[test]
    fn rfc_9449_section_4_2_the_proof_for_a_token_request() {
        let key = rfc_9449_key();
        let proof = Proof {
            algorithm: JwsAlgorithm::Es256,
            public_jwk: &key,
            method: "POST",
            target: "https://server.example.com/token",
            wall: UNIX_EPOCH + Duration::from_millis(1_562_262_616_999),
            unique: "-BwC3ESc6acc2lTc",
            token: None,
            nonce: None,
        };
        let [header, claims] = parts(&proof.signing_input());
        assert_eq!(
            header,
            json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key}),
            "Figure 2"
        );
        assert_eq!(
            claims,
            json!({
                "jti": "-BwC3ESc6acc2lTc",
                "htm": "POST",
                "htu": "https://server.example.com/token",
                "iat": 1_562_262_616,
            })
        );
    }

    #[test]
    fn rfc_9449_section_7_1_the_proof_that_goes_with_a_token() {
        let proof = Proof {
            algorithm: JwsAlgorithm::Es256,
            public_jwk: &rfc_9449_key(),
            method: "GET",
            target: "https://resource.example.org/protectedresource",
            wall: UNIX_EPOCH + Duration::from_secs(1_562_262_618),
            unique: "e1j3V_bKic8-LAEB",
            token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
            nonce: Some("eyJ7S_zG.eyJH0-Z.HX4w-7v"),
        };
        let [_, claims] = parts(&proof.signing_input());
        assert_eq!(
            claims,
            json!({
                "jti": "e1j3V_bKic8-LAEB",
                "htm": "GET",
                "htu": "https://resource.example.org/protectedresource",
                "iat": 1_562_262_618,
                "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo",
                "nonce": "eyJ7S_zG.eyJH0-Z.HX4w-7v",
            }),
            "Figure 13, with the nonce of section 8.1"
        );
    }

    #[test]
    fn rfc_9449_section_6_1_the_thumbprint_of_the_key() {
        let thumbprint = crate::protocol::jwk::thumbprint(&rfc_9449_key());
        assert_eq!(
            thumbprint.unwrap(),
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
        );
    }

    #[test]
    fn rfc_9449_section_4_3_targets_are_normalised() {
        let of = |origin: &str, path: &str| target(&origin.parse().unwrap(), path);
        assert_eq!(
            of("https://API.example.com:443", "/a"),
            "https://api.example.com/a"
        );
        assert_eq!(of("http://[::1]:80", "/"), "http://[::1]/");
        assert_eq!(of("https://h:8443", ""), "https://h:8443/");
        assert_eq!(of("https://h", "/a%2fb%c3%A9/C"), "https://h/a%2Fb%C3%A9/C");
        assert_eq!(of("https://h", "/a?b=%2f#c"), "https://h/a");
        assert_eq!(of("https://h", "/a%"), "https://h/a%");
    }

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn rfc_9449_section_8_1_nonces_are_visible_characters() {
        assert_eq!(
            nonce(&with(NONCE, "eyJ7S_zG.eyJH0-Z")),
            Some("eyJ7S_zG.eyJH0-Z")
        );
        for bad in ["", "a b", &"a".repeat(MAX_NONCE + 1)] {
            assert_eq!(nonce(&with(NONCE, bad)), None);
        }
        assert_eq!(nonce(&HeaderMap::new()), None);
    }

    #[test]
    fn rfc_9449_section_9_an_api_asks_for_its_nonce() {
        let wanted = r#"Bearer, DPoP algs="ES256", error="use_dpop_nonce", error_description="x""#;
        let challenged = with(WWW_AUTHENTICATE, wanted);
        assert!(wants_nonce(StatusCode::UNAUTHORIZED, &challenged));
        assert!(!wants_nonce(StatusCode::BAD_REQUEST, &challenged));
        for other in [
            r#"Bearer error="use_dpop_nonce""#,
            r#"DPoP error="invalid_token""#,
        ] {
            let challenged = with(WWW_AUTHENTICATE, other);
            assert!(
                !wants_nonce(StatusCode::UNAUTHORIZED, &challenged),
                "{other}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_path_has_a_target_that_stays_as_it_is(path in "[/a-zA-Z0-9%é?#.]{0,20}") {
            let origin: Origin = "https://h".parse().unwrap();
            let once = target(&origin, &path);
            prop_assert!(once.starts_with("https://h/"));
            prop_assert!(!once.contains(['?', '#']));
            prop_assert_eq!(&target(&origin, &once["https://h".len()..]), &once);
        }
    }
}
