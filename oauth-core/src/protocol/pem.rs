//! Textual encodings of private keys (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::protocol::der::Der;

/// What kind of private key a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    /// `PRIVATE KEY`: PKCS#8 (RFC 7468 §10), any kind of key.
    Pkcs8,
    /// `RSA PRIVATE KEY`: PKCS#1 (RFC 8017 A.1.2).
    Rsa,
    /// `EC PRIVATE KEY`: RFC 5915.
    Ec,
}

/// The first private key in a text, which may hold other things before it: OpenSSL writes the parameters of a
/// curve there. Errors say what to do, and quote nothing.
pub(crate) fn private_key(text: &str) -> Result<(Label, Der), &'static str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, after)) = after.split_once("-----") else {
            break;
        };
        let Some((body, after)) = after.split_once("-----END ") else {
            break;
        };
        rest = after;
        let kind = match label {
            "PRIVATE KEY" => Label::Pkcs8,
            "RSA PRIVATE KEY" => Label::Rsa,
            "EC PRIVATE KEY" => Label::Ec,
            "ENCRYPTED PRIVATE KEY" => return Err(ENCRYPTED),
            _ => continue,
        };
        // RFC 1421 §4.6.1.1, as OpenSSL writes it before PKCS#8.
        if body.contains("ENCRYPTED") {
            return Err(ENCRYPTED);
        }
        let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
        base64.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let mut der = Zeroizing::new(vec![0; base64.len().div_ceil(4) * 3]);
        let length = STANDARD.decode_slice(&*base64, &mut der).map_err(
            |_| "it is not base64 between its BEGIN and END lines; give it as it was made",
        )?;
        der.truncate(length);
        return Ok((kind, der));
    }
    Err("it holds no private key in PEM; give all of what begins with -----BEGIN PRIVATE KEY-----")
}

const ENCRYPTED: &str = "it is encrypted; decrypt it first (openssl pkcs8 -in FILE -nocrypt)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_private_key_counts_whatever_stands_around_it() {
        let text = "-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n\
                    -----BEGIN EC PRIVATE KEY-----\r\nAQ\r\nI=\r\n-----END EC PRIVATE KEY-----\n";
        let (label, der) = private_key(text).unwrap();
        assert_eq!((label, &**der), (Label::Ec, &[1, 2][..]));
    }

    #[test]
    fn p08_what_is_no_private_key_has_a_reason() {
        for (text, reason) in [
            ("", "no private key"),
            ("-----BEGIN ", "no private key"),
            ("-----BEGIN PRIVATE KEY-----\nAQI=", "no private key"),
            (
                "-----BEGIN PUBLIC KEY-----\nAQI=\n-----END PUBLIC KEY-----",
                "no private key",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
                "not base64",
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQI=\n-----END ENCRYPTED PRIVATE KEY-----",
                "encrypted",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAQI=\n-----END RSA PRIVATE KEY-----",
                "encrypted",
            ),
        ] {
            let error = private_key(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
