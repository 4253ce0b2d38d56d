//! What a client authenticates with, and whether that goes with the method.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::protocol::client_auth::{Authentication, ClientAuthMethod};
use crate::secret_source::SecretSource;
use crate::signer::JwsSigner;

/// What the client authenticates with.
pub(crate) enum Credential {
    Nothing,
    Secret(SecretSource),
    Key(Arc<dyn JwsSigner>),
    /// An assertion that somebody else has signed.
    Assertion(SecretSource),
}

impl Credential {
    /// The method that goes with it; one that was named must. `None`: by its secret, in whatever way the server
    /// likes.
    pub(crate) fn method(
        &self,
        named: Option<ClientAuthMethod>,
    ) -> Result<Option<ClientAuthMethod>, Error> {
        let method = match (named, self) {
            (None, Self::Secret(_)) => return Ok(None),
            (None, Self::Key(_) | Self::Assertion(_)) => ClientAuthMethod::PrivateKeyJwt,
            (named, _) => named.unwrap_or_default(),
        };
        let (fits, wanted) = match method {
            ClientAuthMethod::PrivateKeyJwt => (
                matches!(self, Self::Key(_) | Self::Assertion(_)),
                "a key with .private_key(…), or .client_assertion(…)",
            ),
            ClientAuthMethod::TlsClientAuth | ClientAuthMethod::None => {
                (matches!(self, Self::Nothing), "none; leave it out")
            }
            _ => (
                matches!(self, Self::Secret(_)),
                "a secret with .client_secret(…)",
            ),
        };
        if fits {
            return Ok(Some(method));
        }
        let given = match self {
            Self::Nothing => "nothing to authenticate with is given",
            Self::Secret(_) => "a client secret is given",
            Self::Key(_) => "a private key is given",
            Self::Assertion(_) => "a client assertion is given",
        };
        Err(Error::configuration(format!(
            "{given}, but the method {} wants {wanted}",
            method.as_str()
        )))
    }

    /// What can be known to be wrong with it before it is used.
    pub(crate) fn check(
        &self,
        method: Option<ClientAuthMethod>,
        client_id: &str,
    ) -> Result<(), Error> {
        match self {
            Self::Secret(source) | Self::Assertion(source) => {
                let Some(secret) = source.fixed() else {
                    return Ok(());
                };
                source.check(secret)?;
                let raw = ClientAuthMethod::ClientSecretBasicRaw;
                if method == Some(raw) {
                    Authentication::by_secret(raw, client_id, secret)?;
                }
                Ok(())
            }
            Self::Key(key) if key.algorithm().is_symmetric() => Err(Error::configuration(format!(
                "{} is an HMAC, which is no private key; give the secret with .client_secret(…) and name \
                 ClientAuthMethod::ClientSecretJwt",
                key.algorithm()
            ))),
            Self::Key(_) | Self::Nothing => Ok(()),
        }
    }

    /// How the client authenticates and with what, as part of the key of its tokens.
    pub(crate) fn identity(
        &self,
        method: Option<ClientAuthMethod>,
        is_discovered: bool,
    ) -> Vec<(&'static str, Zeroizing<String>)> {
        let method = match method {
            None if is_discovered => "discovered".to_owned(),
            method => format!("{:?}", method.unwrap_or_default()),
        };
        let mut parts = vec![("method", method.into())];
        match self {
            Self::Nothing => {}
            Self::Secret(source) | Self::Assertion(source) => {
                parts.extend(source.identity().map(|part| ("secret", part)));
            }
            Self::Key(key) => {
                parts.push(("algorithm", key.algorithm().to_string().into()));
                parts.push(("key_id", format!("{:?}", key.key_id()).into()));
                parts.push(("key", key.key_name().into()));
            }
        }
        parts
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Secret(source) => f.debug_tuple("Secret").field(source).finish(),
            Self::Key(key) => f.debug_tuple("Key").field(&key.algorithm()).finish(),
            Self::Assertion(source) => f.debug_tuple("Assertion").field(source).finish(),
        }
    }
}
