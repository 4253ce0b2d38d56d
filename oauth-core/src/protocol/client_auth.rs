//! Client authentication (RFC 6749 §2.3): exactly one method a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::protocol::assertion::ASSERTION_TYPE;
use crate::secret::wiped_bytes;

/// How the client proves to the token endpoint who it is: exactly one method a request (RFC 6749 §2.3).
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
    /// An assertion with an HMAC under the secret, which is itself not sent (OpenID Connect Core §9).
    #[cfg(feature = "jwt")]
    ClientSecretJwt,
    /// An assertion signed with a private key (OpenID Connect Core §9, RFC 7523 §2.2), or one that somebody else
    /// has signed.
    PrivateKeyJwt,
    /// The certificate of the TLS connection, which belongs to the HTTP client (RFC 8705 §2). The request names
    /// the client only.
    TlsClientAuth,
    /// None: a public client, which only names itself (RFC 6749 §3.2.1).
    None,
}

impl ClientAuthMethod {
    /// The name of the method in the IANA registry (`token_endpoint_auth_method`).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic | Self::ClientSecretBasicRaw => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            #[cfg(feature = "jwt")]
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::None => "none",
        }
    }
}

/// What client authentication adds to one request: a header or parameters, never both.
#[derive(Default)]
pub(crate) struct Authentication {
    pub(crate) header: Option<HeaderValue>,
    pub(crate) parameters: Vec<(&'static str, Zeroizing<String>)>,
    /// The credentials in each form in which they are sent.
    pub(crate) secrets: Vec<Zeroizing<String>>,
}

impl Authentication {
    /// One of the methods that send the secret.
    pub(crate) fn by_secret(
        method: ClientAuthMethod,
        id: &str,
        secret: &SecretString,
    ) -> Result<Self, Error> {
        let secret = secret.expose_secret();
        let mut this = Self::default();
        this.keep_secret(secret);
        match method {
            ClientAuthMethod::ClientSecretPost => {
                this.name_client(id);
                let secret = Zeroizing::new(secret.to_owned());
                this.parameters.push(("client_secret", secret));
            }
            ClientAuthMethod::ClientSecretBasicRaw => {
                check_raw(id, secret)?;
                this.basic(&userpass(id, secret, |text, into| into.push_str(text)))?;
            }
            _ => this.basic(&userpass(id, secret, |text, into| {
                into.extend(byte_serialize(text.as_bytes()));
            }))?,
        }
        Ok(this)
    }

    /// An assertion (RFC 7521 §4.2). The client is named too: some servers look it up by that.
    pub(crate) fn by_assertion(id: &str, assertion: Zeroizing<String>) -> Self {
        let mut this = Self::by_name(id);
        this.keep_secret(&assertion);
        let kind = Zeroizing::new(ASSERTION_TYPE.to_owned());
        this.parameters.push(("client_assertion_type", kind));
        this.parameters.push(("client_assertion", assertion));
        this
    }

    /// The name of the client and nothing else: the proof is elsewhere, or there is none.
    pub(crate) fn by_name(id: &str) -> Self {
        let mut this = Self::default();
        this.name_client(id);
        this
    }

    fn name_client(&mut self, id: &str) {
        let id = Zeroizing::new(id.to_owned());
        self.parameters.push(("client_id", id));
    }

    /// An answer that quotes it is not passed on as it is.
    pub(crate) fn keep_secret(&mut self, secret: &str) {
        let encoded = Zeroizing::new(byte_serialize(secret.as_bytes()).collect());
        self.secrets.push(Zeroizing::new(secret.to_owned()));
        self.secrets.push(encoded);
    }

    /// RFC 7617 §2.
    fn basic(&mut self, userpass: &str) -> Result<(), Error> {
        let credentials = Zeroizing::new(STANDARD.encode(userpass));
        let mut value = Zeroizing::new(Vec::with_capacity(6 + credentials.len()));
        value.extend_from_slice(b"Basic ");
        value.extend_from_slice(credentials.as_bytes());
        let mut header = HeaderValue::from_maybe_shared(wiped_bytes(value))
            .map_err(|_| Error::configuration("the client credentials do not fit into a header"))?;
        header.set_sensitive(true);
        self.header = Some(header);
        self.secrets.push(credentials);
        Ok(())
    }
}

fn userpass(id: &str, secret: &str, write: impl Fn(&str, &mut String)) -> Zeroizing<String> {
    // Room for every byte to be percent-encoded: a reallocation would leave a copy of the secret.
    let mut userpass = Zeroizing::new(String::with_capacity(3 * (id.len() + secret.len()) + 1));
    write(id, &mut userpass);
    userpass.push(':');
    write(secret, &mut userpass);
    userpass
}

fn check_raw(id: &str, secret: &str) -> Result<(), Error> {
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn userpass(method: ClientAuthMethod, id: &str, secret: &str) -> String {
        let authentication = Authentication::by_secret(method, id, &secret.into()).unwrap();
        assert!(authentication.parameters.is_empty(), "RFC 6749 §2.3");
        let header = authentication.header.unwrap();
        assert!(header.is_sensitive());
        let encoded = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert!(
            authentication
                .secrets
                .iter()
                .any(|each| ***each == *encoded)
        );
        String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
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
        assert!(Authentication::by_secret(method, "a:b", &"s".into()).is_err());
        let control = Authentication::by_secret(method, "a", &"hunter2\n".into())
            .err()
            .unwrap()
            .to_string();
        assert!(control.contains("control") && !control.contains("hunter2"));
    }

    fn parameters(authentication: &Authentication) -> Vec<(&str, &str)> {
        assert!(authentication.header.is_none(), "RFC 6749 §2.3");
        let parameters = authentication.parameters.iter();
        parameters
            .map(|(name, value)| (*name, value.as_str()))
            .collect()
    }

    #[test]
    fn post_puts_nothing_into_the_header() {
        let method = ClientAuthMethod::ClientSecretPost;
        let post = Authentication::by_secret(method, "a", &"s".into()).unwrap();
        assert_eq!(
            parameters(&post),
            [("client_id", "a"), ("client_secret", "s")]
        );
    }

    #[test]
    fn rfc_7521_section_4_2_an_assertion_is_typed() {
        let assertion = Authentication::by_assertion("a", Zeroizing::new("x.y.z".to_owned()));
        let wanted = [
            ("client_id", "a"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", "x.y.z"),
        ];
        assert_eq!(parameters(&assertion), wanted);
        assert!(assertion.secrets.iter().any(|each| **each == "x.y.z"));
    }

    #[test]
    fn rfc_8705_section_2_1_2_a_client_known_by_its_certificate_is_named() {
        let by_name = Authentication::by_name("a");
        assert_eq!(parameters(&by_name), [("client_id", "a")]);
        assert!(by_name.secrets.is_empty());
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
