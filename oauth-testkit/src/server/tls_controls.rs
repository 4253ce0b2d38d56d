//! What a test does with the TLS of a running server.

use std::io;

use crate::server::FakeTokenServer;
use crate::server::tls::{ClientCertificate, TlsFault};
use crate::server::urls::Place;

/// TLS, if the builder was told to [`tls`](crate::FakeTokenServerBuilder::tls).
impl FakeTokenServer {
    /// The certificate of the authority that signed what the server shows, as PEM. Empty without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        let mut listeners = self.transports.all_tls();
        listeners.next().map(|tls| tls.ca_pem()).unwrap_or_default()
    }

    /// The private key of that authority, as PEM, for certificates that
    /// [`issue_client_certificate`](Self::issue_client_certificate) does not make. Empty without TLS.
    #[must_use]
    pub fn ca_key_pem(&self) -> String {
        let mut listeners = self.transports.all_tls();
        let listener = listeners.next();
        listener.map(|tls| tls.ca_key_pem()).unwrap_or_default()
    }

    /// The URL of the token endpoint where client certificates are asked for: the one among
    /// `mtls_endpoint_aliases` of the metadata (RFC 8705 §5). `None` without TLS.
    #[must_use]
    pub fn mtls_token_url(&self) -> Option<String> {
        let origin = self.state.urls.mtls_origin.as_ref()?;
        Some(self.state.urls.at(origin, Place::Token))
    }

    /// A certificate with the subject `CN=name`, signed by the server's authority, and its key.
    ///
    /// # Errors
    ///
    /// If the server does not speak TLS, or no key can be made.
    pub fn issue_client_certificate(&self, name: &str) -> io::Result<ClientCertificate> {
        let mut listeners = self.transports.all_tls();
        let listener = listeners.next();
        let listener = listener.ok_or_else(|| io::Error::other("the server does not speak TLS"))?;
        listener.issue_client_certificate(name)
    }

    /// The next connection to the token endpoint, at whichever of its two origins, goes wrong like this.
    pub fn next_token_tls_fault(&self, fault: TlsFault) {
        if let Some(listener) = self.transports.token.tls() {
            listener.push_fault(fault);
        }
    }

    /// Each connection to the token endpoint goes wrong like this, unless told otherwise for the next.
    pub fn always_token_tls_fault(&self, fault: TlsFault) {
        if let Some(listener) = self.transports.token.tls() {
            listener.set_always_fault(fault);
        }
    }

    /// The next connection to the protected API goes wrong like this.
    pub fn next_api_tls_fault(&self, fault: TlsFault) {
        if let Some(listener) = self.transports.api.tls() {
            listener.push_fault(fault);
        }
    }

    /// Each connection to the protected API goes wrong like this, unless told otherwise for the next.
    pub fn always_api_tls_fault(&self, fault: TlsFault) {
        if let Some(listener) = self.transports.api.tls() {
            listener.set_always_fault(fault);
        }
    }

    /// From now on connections are as they should be.
    pub fn reset_tls_faults(&self) {
        for listener in self.transports.all_tls() {
            listener.reset_faults();
        }
    }
}
