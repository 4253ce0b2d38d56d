//! JSON Web Keys (RFC 7517), the public halves, and their thumbprints (RFC 7638).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The members that make up a public key, in the order of RFC 7638 §3.3 (RFC 7638 §3.2, RFC 8037 §2).
fn required(jwk: &Value) -> Option<&'static [&'static str]> {
    match jwk.get("kty")?.as_str()? {
        "EC" => Some(&["crv", "kty", "x", "y"]),
        "RSA" => Some(&["e", "kty", "n"]),
        "OKP" => Some(&["crv", "kty", "x"]),
        _ => None,
    }
}

/// The public key alone: no private member gets through, nor any that says something about the key. `None` if
/// it is no public key that can be told.
pub(crate) fn public_only(jwk: &Value) -> Option<Value> {
    let members: Option<Map<String, Value>> = required(jwk)?
        .iter()
        .map(|name| {
            let value = jwk.get(*name)?.as_str()?;
            Some(((*name).to_owned(), Value::from(value)))
        })
        .collect();
    members.map(Value::Object)
}

/// The SHA-256 thumbprint of a public key (RFC 7638 §3). `None` for what is none.
pub(crate) fn thumbprint(jwk: &Value) -> Option<String> {
    let mut text = String::from("{");
    for name in required(jwk)? {
        if text.len() > 1 {
            text.push(',');
        }
        let value = jwk.get(*name).filter(|value| value.is_string())?;
        text.push_str(&format!("\"{name}\":{value}"));
    }
    text.push('}');
    Some(URL_SAFE_NO_PAD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rfc_7638_section_3_1_thumbprint_of_an_rsa_key() {
        let jwk = json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        });
        assert_eq!(
            thumbprint(&jwk).unwrap(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn rfc_8037_appendix_a_3_thumbprint_of_an_ed25519_key() {
        let jwk = json!({
            "crv": "Ed25519",
            "kty": "OKP",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        });
        assert_eq!(
            thumbprint(&jwk).unwrap(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn p09_nothing_but_the_public_key_gets_through() {
        let jwk =
            json!({"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "hunter2", "kid": "k"});
        assert_eq!(
            public_only(&jwk).unwrap(),
            json!({"kty": "EC", "crv": "P-256", "x": "a", "y": "b"})
        );
        assert_eq!(public_only(&json!({"kty": "oct", "k": "hunter2"})), None);
        assert_eq!(
            public_only(&json!({"kty": "EC", "crv": "P-256", "x": "a"})),
            None
        );
        assert_eq!(
            thumbprint(&json!({"kty": "EC", "crv": "P-256", "x": 7, "y": 7})),
            None
        );
    }
}
