//! The port to a private key.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::error::Error;
use crate::protocol::jws::{JwsAlgorithm, compact, signing_input};

/// Signs: a private key in memory, in a hardware module or in a key management service.
///
/// `SigningKey` (feature `jwt`) is one for keys in PEM or JWK.
///
/// # Contract
///
/// - [`sign`](Self::sign) gives the signature of the bytes as a JWS has it (RFC 7518 §3): for ECDSA the two
///   numbers one after the other, each in full length, not DER. The bytes are hashed by the signer.
/// - Algorithm, key id, public key and name never change.
///
/// # Cancellation
///
/// The future of `sign` may be dropped at any time.
///
/// # Errors
///
/// [`Error`], whose [`kind`](Error::kind) says whether repeating helps. Its texts must not hold a secret.
///
/// # Examples
///
/// A key that never leaves its service:
///
/// ```
/// use oauth_core::{Error, ErrorKind, JwsAlgorithm, JwsSigner, async_trait};
///
/// # struct Kms;
/// # impl Kms {
/// #     async fn sign(&self, _: &str, _: &[u8]) -> Result<Vec<u8>, std::io::Error> { Ok(vec![0; 64]) }
/// # }
/// struct RemoteKey {
///     kms: Kms,
///     name: String,
/// }
///
/// #[async_trait]
/// impl JwsSigner for RemoteKey {
///     fn algorithm(&self) -> JwsAlgorithm {
///         JwsAlgorithm::Es256
///     }
///     fn key_name(&self) -> String {
///         self.name.clone()
///     }
///     async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
///         self.kms.sign(&self.name, message).await.map_err(|cause| {
///             Error::builder(ErrorKind::ServerUnavailable, "the key service does not sign")
///                 .source(cause)
///                 .build()
///         })
///     }
/// }
/// # let _: &dyn JwsSigner = &RemoteKey { kms: Kms, name: String::new() };
/// ```
#[async_trait]
pub trait JwsSigner: Send + Sync {
    /// The algorithm it signs with.
    fn algorithm(&self) -> JwsAlgorithm;

    /// By what the server finds the public key among those registered: the header `kid`, if any.
    fn key_id(&self) -> Option<&str> {
        None
    }

    /// The public key as a JWK (RFC 7517), which DPoP needs. What is not public in it is not passed on.
    fn public_jwk(&self) -> Option<&Value> {
        None
    }

    /// Names this key and no other, such as by its thumbprint (RFC 7638) or the name that a service has for it.
    /// It becomes part of the [`TokenKey`](crate::TokenKey), and must not be secret.
    fn key_name(&self) -> String;

    /// The signature of `message`.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error>;

    /// A signed JWT with these claims (RFC 7519 §7.1), in compact form. Its header has `alg`, `typ` and, if the key
    /// has an id, `kid`.
    async fn sign_jwt(&self, claims: &Value) -> Result<SecretString, Error> {
        let mut header = json!({"alg": self.algorithm().as_str(), "typ": "JWT"});
        if let Some(key_id) = self.key_id() {
            header["kid"] = key_id.into();
        }
        let input = signing_input(&header, claims);
        let signature = self.sign(input.as_bytes()).await?;
        Ok(compact(input, &signature).into())
    }
}

#[async_trait]
impl<T: JwsSigner + ?Sized> JwsSigner for Arc<T> {
    fn algorithm(&self) -> JwsAlgorithm {
        (**self).algorithm()
    }

    fn key_id(&self) -> Option<&str> {
        (**self).key_id()
    }

    fn public_jwk(&self) -> Option<&Value> {
        (**self).public_jwk()
    }

    fn key_name(&self) -> String {
        (**self).key_name()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        (**self).sign(message).await
    }
}
