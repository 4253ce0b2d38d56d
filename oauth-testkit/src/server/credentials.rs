//! An id and a secret, as they are in a request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// No `Debug`: it holds the secret.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Credentials {
    /// RFC 7617 §2: the user-id ends at the first colon.
    pub(crate) fn basic(header: &[u8]) -> Option<Self> {
        let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        Some(Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }

    pub(crate) fn form_decoded(&self) -> Option<Self> {
        Some(Self {
            id: form_decode(&self.id)?,
            secret: form_decode(&self.secret)?,
        })
    }
}

/// One value of `application/x-www-form-urlencoded`; `None` if a `%` does not begin an octet or the
/// octets are not UTF-8.
pub(crate) fn form_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}
