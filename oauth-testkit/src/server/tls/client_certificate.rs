//! What a client shows in the handshake.

use std::fmt;
use std::io;

use rcgen::{Certificate, KeyPair};

use super::authority::{client_params, invalid};

/// A client's certificate and its private key.
///
/// One that the server's authority has signed comes from
/// [`issue_client_certificate`](crate::FakeTokenServer::issue_client_certificate).
///
/// `Debug` leaves out the key.
#[derive(Clone)]
pub struct ClientCertificate {
    certificate: String,
    key: String,
}

impl ClientCertificate {
    /// A certificate that its own key has signed, with `CN=name` as its subject (RFC 8705 §2.2).
    ///
    /// # Errors
    ///
    /// If no key can be made.
    pub fn self_signed(name: &str) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(invalid)?;
        let certificate = client_params(name).self_signed(&key).map_err(invalid)?;
        Ok(Self::new(&certificate, &key))
    }

    pub(super) fn new(certificate: &Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// The certificate, as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The private key, as PEM (PKCS #8, ECDSA with P-256).
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    /// Certificate and key in one text, as some clients want it.
    #[must_use]
    pub fn identity_pem(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
