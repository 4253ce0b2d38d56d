//! Client authentication (RFC 6749 §2.3): exactly one method a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::wiped_bytes;

/// How the client proves to the token endpoint who it is (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ClientAuthMethod {
    /// HTTP Basic with id and secret form-urlencoded first, as RFC 6749 §2.3.1 and Appendix B say. The
    /// default: every server must support it.
    #[default]
    ClientSecretBasic,
    /// HTTP Basic with id and secret as they are: for servers that do not decode them. The two methods
    /// differ only for ids and secrets with other characters than letters, digits and `*-._`.
    ClientSecretBasicRaw,
    /// `client_id` and `client_secret` in the body. RFC 6749 §2.3.1 advises against it; for servers that
    /// take nothing else.
    ClientSecretPost,
}

impl ClientAuthMethod {
    /// The name of the method in the IANA registry (`token_endpoint_auth_method`).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic | Self::ClientSecretBasicRaw => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }
}

/// What a method adds to a token request: a header or parameters, never both.
pub(crate) enum Authentication<'a> {
    Header(HeaderValue),
    Parameters([(&'static str, &'a str); 2]),
}

pub(crate) fn authenticate<'a>(
    method: ClientAuthMethod,
    id: &'a str,
    secret: &'a SecretString,
) -> Result<Authentication<'a>, Error> {
    let secret = secret.expose_secret();
    match method {
        ClientAuthMethod::ClientSecretBasic => {
            let mut userpass =
                Zeroizing::new(String::with_capacity(3 * (id.len() + secret.len()) + 1));
            userpass.extend(byte_serialize(id.as_bytes()));
            userpass.push(':');
            userpass.extend(byte_serialize(secret.as_bytes()));
            basic(&userpass).map(Authentication::Header)
        }
        ClientAuthMethod::ClientSecretBasicRaw => {
            if id.contains(':') {
                return Err(Error::configuration(format!(
                    "the client id {id:?} holds a colon, which raw Basic cannot carry (RFC 7617 §2); use client_secret_basic"
                )));
            }
            if id.chars().chain(secret.chars()).any(char::is_control) {
                return Err(Error::configuration(
                    "the client id or secret holds a control character, which raw Basic cannot carry (RFC 7617 §2); use client_secret_basic",
                ));
            }
            let mut userpass = Zeroizing::new(String::with_capacity(id.len() + secret.len() + 1));
            userpass.push_str(id);
            userpass.push(':');
            userpass.push_str(secret);
            basic(&userpass).map(Authentication::Header)
        }
        ClientAuthMethod::ClientSecretPost => Ok(Authentication::Parameters([
            ("client_id", id),
            ("client_secret", secret),
        ])),
    }
}

/// RFC 7617 §2.
fn basic(userpass: &str) -> Result<HeaderValue, Error> {
    let mut value = Zeroizing::new(Vec::with_capacity(6 + userpass.len().div_ceil(3) * 4));
    value.extend_from_slice(b"Basic ");
    value.extend_from_slice(Zeroizing::new(STANDARD.encode(userpass)).as_bytes());
    let mut header = HeaderValue::from_maybe_shared(wiped_bytes(value))
        .map_err(|_| Error::configuration("the client credentials do not fit into a header"))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn userpass(method: ClientAuthMethod, id: &str, secret: &str) -> String {
        match authenticate(method, id, &secret.into()).unwrap() {
            Authentication::Header(header) => {
                assert!(header.is_sensitive());
                let encoded = header
                    .to_str()
                    .unwrap()
                    .strip_prefix("Basic ")
                    .unwrap()
                    .to_owned();
                String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
            }
            Authentication::Parameters(_) => panic!("expected a header"),
        }
    }

    #[test]
    fn basic_is_form_urlencoded_first_rfc_6749_appendix_b() {
        let method = ClientAuthMethod::ClientSecretBasic;
        assert_eq!(userpass(method, "1PpG/Q 1", "a:b"), "1PpG%2FQ+1:a%3Ab");
        // The example of Appendix B.
        assert_eq!(
            userpass(method, " %&+£€", "-"),
            "+%25%26%2B%C2%A3%E2%82%AC:-"
        );
    }

    #[test]
    fn raw_basic_is_left_as_it_is() {
        let method = ClientAuthMethod::ClientSecretBasicRaw;
        assert_eq!(userpass(method, "1PpG/Q 1", "a:b%"), "1PpG/Q 1:a:b%");
        assert!(authenticate(method, "a:b", &"s".into()).is_err());
        let control = authenticate(method, "a", &"hunter2\n".into())
            .err()
            .unwrap()
            .to_string();
        assert!(control.contains("control") && !control.contains("hunter2"));
    }

    #[test]
    fn post_puts_nothing_into_the_header() {
        let secret = "s".into();
        let method = ClientAuthMethod::ClientSecretPost;
        assert!(matches!(
            authenticate(method, "a", &secret),
            Ok(Authentication::Parameters([
                ("client_id", "a"),
                ("client_secret", "s")
            ]))
        ));
    }

    proptest! {
        #[test]
        fn basic_round_trips_over_unicode(id in ".{1,20}", secret in ".{1,20}") {
            let sent = userpass(ClientAuthMethod::ClientSecretBasic, &id, &secret);
            let (sent_id, sent_secret) = sent.split_once(':').unwrap();
            let decode = |text: &str| {
                let pair = format!("x={text}");
                form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned()
            };
            prop_assert_eq!(decode(sent_id), id);
            prop_assert_eq!(decode(sent_secret), secret);
        }
    }
}
