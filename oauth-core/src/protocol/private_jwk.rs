//! Private keys as JSON Web Keys (RFC 7517, RFC 7518 §6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// A private JWK; its memory is wiped.
pub(crate) struct PrivateJwk(Map<String, Value>);

impl PrivateJwk {
    /// `None` for what is not a JSON object: the errors of the parser might quote it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Some(Self(members)),
            _ => None,
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A member with a big-endian number or other bytes; if it is missing or malformed, its name.
    pub(crate) fn bytes<'a>(&self, name: &'a str) -> Result<Zeroizing<Vec<u8>>, &'a str> {
        let text = self.text(name).ok_or(name)?;
        let mut bytes = Zeroizing::new(vec![0; text.len().div_ceil(4) * 3]);
        let length = URL_SAFE_NO_PAD
            .decode_slice(text, &mut bytes)
            .map_err(|_| name)?;
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl Drop for PrivateJwk {
    fn drop(&mut self) {
        for (_, value) in std::mem::take(&mut self.0) {
            if let Value::String(text) = value {
                drop(Zeroizing::new(text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_text_or_bytes() {
        let jwk = PrivateJwk::parse(r#"{"kty":"oct","k":"AQI","n":7,"x":"!"}"#).unwrap();
        assert_eq!(jwk.text("kty"), Some("oct"));
        assert_eq!(jwk.text("n"), None);
        assert_eq!(*jwk.bytes("k").unwrap(), [1, 2]);
        for name in ["n", "x", "absent"] {
            assert_eq!(jwk.bytes(name).unwrap_err(), name);
        }
        assert!(PrivateJwk::parse("[]").is_none() && PrivateJwk::parse("{").is_none());
    }
}
