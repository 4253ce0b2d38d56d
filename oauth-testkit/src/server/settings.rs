//! The setup of a server beyond the essentials: where it is found and how its tokens are.

use std::io;

use crate::server::FakeTokenServerBuilder;
use crate::server::client_auth::{ClientAuthMethod, Clients, Registration};
#[cfg(feature = "jose")]
use crate::server::jose_settings::JoseSettings;
use crate::server::kept::LogLimit;
use crate::server::protocol::Protocol;
use crate::server::refresh_tokens::RefreshTokens;
use crate::server::side_endpoints::SideEndpoints;
#[cfg(feature = "tls")]
use crate::server::tls::{CertificateClient, CertificateSubject};

#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) host: Option<String>,
    pub(crate) token_port: u16,
    pub(crate) api_port: u16,
    #[cfg(feature = "program")]
    pub(crate) witness: Option<std::sync::Arc<dyn crate::server::witness::Witness>>,
    pub(crate) log_limit: Option<LogLimit>,
    pub(crate) issuer_path: String,
    pub(crate) doubled_slash: bool,
    #[cfg(feature = "tls")]
    pub(crate) tls: bool,
    #[cfg(feature = "tls")]
    pub(crate) certificate_bound: bool,
    pub(crate) public_clients: Vec<String>,
    resources: Option<Vec<String>>,
    same_while_live: bool,
    keep_refresh_tokens: bool,
    #[cfg(feature = "tls")]
    certificate_clients: Vec<(String, Credential)>,
    #[cfg(feature = "jose")]
    pub(crate) jose: JoseSettings,
}

#[cfg(feature = "tls")]
enum Credential {
    Subject(CertificateSubject),
    CertificatePem(String),
}

/// Leaves out the certificate: its private key may have come with it by mistake.
#[cfg(feature = "tls")]
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subject(subject) => f.debug_tuple("Subject").field(subject).finish(),
            Self::CertificatePem(_) => f.write_str("Certificate"),
        }
    }
}

impl Settings {
    pub(crate) fn has_mtls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls;
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Whether a client is registered here, so that there is no need for the default one.
    pub(crate) fn has_clients(&self) -> bool {
        #[cfg(feature = "tls")]
        if !self.certificate_clients.is_empty() {
            return true;
        }
        #[cfg(feature = "jose")]
        if self.jose.has_clients() {
            return true;
        }
        !self.public_clients.is_empty()
    }

    /// Registers the clients that were given here, and does the rest of the setup.
    ///
    /// # Errors
    ///
    /// If a key or a certificate cannot be read, or what was given contradicts itself.
    pub(crate) fn protocol(self, clients: &mut Clients) -> io::Result<Protocol> {
        let path = &self.issuer_path;
        if !path.is_empty() && (!path.starts_with('/') || path.ends_with('/')) {
            let problem = "has to begin with a slash and to end without one";
            return Err(invalid(format!("the issuer_path {path:?} {problem}")));
        }
        let public_clients = self.public_clients;
        for id in &public_clients {
            clients.registered.entry(id.clone()).or_default().public = true;
            clients.accepted.push(ClientAuthMethod::None);
        }
        #[cfg(feature = "tls")]
        for (id, credential) in self.certificate_clients {
            let (method, certificate) = match credential {
                Credential::Subject(subject) => (
                    ClientAuthMethod::TlsClientAuth,
                    CertificateClient::Signed(subject),
                ),
                Credential::CertificatePem(pem) => (
                    ClientAuthMethod::SelfSignedTlsClientAuth,
                    CertificateClient::self_signed(&pem)?,
                ),
            };
            let client = clients.registered.entry(id).or_default();
            client.certificates.push(certificate);
            clients.accepted.push(method);
        }
        check_public(&public_clients, clients)?;
        #[cfg(feature = "jose")]
        let (dpop, signer) = self.jose.set_up(clients)?;
        Ok(Protocol {
            #[cfg(feature = "jose")]
            dpop,
            #[cfg(feature = "jose")]
            signer,
            #[cfg(feature = "tls")]
            certificate_bound: self.certificate_bound,
            resources: self.resources,
            same_while_live: self.same_while_live,
            issuing: std::sync::Mutex::default(),
            refresh_tokens: RefreshTokens::new(!self.keep_refresh_tokens),
            side_endpoints: SideEndpoints::new(self.log_limit),
        })
    }
}

/// # Errors
///
/// If one of these has something to prove who it is with, and would not be asked for it.
fn check_public(public: &[String], clients: &Clients) -> io::Result<()> {
    let is_public_only = |client: &Registration| {
        #[cfg(feature = "tls")]
        if !client.certificates.is_empty() {
            return false;
        }
        client.secret.is_none()
    };
    for id in public {
        if !clients.registered.get(id).is_none_or(is_public_only) {
            return Err(invalid(format!(
                "the client {id:?} is public, and has a secret or a certificate: it is one or the other"
            )));
        }
    }
    Ok(())
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

/// Where it is found.
impl FakeTokenServerBuilder {
    /// The host name in every URL of the server, `localhost` say. It has to lead to `127.0.0.1`, where
    /// the server listens. By default the URLs have that address.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.settings.host = Some(name.into());
        self
    }

    /// Listens at this port for the token endpoint. By default, and for 0, at any that is free.
    pub fn token_port(mut self, port: u16) -> Self {
        self.settings.token_port = port;
        self
    }

    /// Listens at this port for the protected API. By default, and for 0, at any that is free.
    pub fn api_port(mut self, port: u16) -> Self {
        self.settings.api_port = port;
        self
    }

    /// Tells this witness of every request.
    #[cfg(feature = "program")]
    pub(crate) fn witness(
        mut self,
        witness: std::sync::Arc<dyn crate::server::witness::Witness>,
    ) -> Self {
        self.settings.witness = Some(witness);
        self
    }

    /// Forgets the oldest requests beyond this. A test wants to see all of them.
    #[cfg(feature = "program")]
    pub(crate) fn log_limit(mut self, limit: LogLimit) -> Self {
        self.settings.log_limit = Some(limit);
        self
    }

    /// The path of the issuer identifier, `/tenant-1` say. By default it has none. One without a slash before it, or with
    /// one after it, is an error at [`start`](Self::start).
    pub fn issuer_path(mut self, path: impl Into<String>) -> Self {
        self.settings.issuer_path = path.into();
        self
    }

    /// Has two slashes where the paths of the endpoints begin, `http://127.0.0.1:PORT//oauth/token`, as
    /// servers have whose configured base URL ends in one. The paths with one slash are then nowhere.
    pub fn doubled_slash(mut self) -> Self {
        self.settings.doubled_slash = true;
        self
    }

    /// Registers a client without a secret, which authenticates by saying its id
    /// ([`None`](ClientAuthMethod::None)). One that has a secret or a certificate, too, would have to prove who it is:
    /// that is an error at [`start`](Self::start).
    pub fn public_client(mut self, id: impl Into<String>) -> Self {
        self.settings.public_clients.push(id.into());
        self
    }
}

/// What is granted.
impl FakeTokenServerBuilder {
    /// Registers the values that `resource` (RFC 8707) and `audience` may have: any other is refused as
    /// `invalid_target`. By default any absolute URI, and any audience, will do.
    pub fn resources<S: Into<String>>(mut self, known: impl IntoIterator<Item = S>) -> Self {
        self.settings.resources = Some(known.into_iter().map(Into::into).collect());
        self
    }

    /// Gives a client the token that it has, for as long as it lives, when it asks for the same again:
    /// `expires_in` is what is left of its lifetime. By default every request is granted another token.
    pub fn same_token_while_live(mut self) -> Self {
        self.settings.same_while_live = true;
        self
    }

    /// Lets a refresh token be used over and over. By default each is good once and brings its
    /// successor; using one again revokes its successors (RFC 9700 §4.14.2).
    pub fn keep_refresh_tokens(mut self) -> Self {
        self.settings.keep_refresh_tokens = true;
        self
    }
}

/// TLS, with an authority of this process that signs the certificates:
/// [`ca_pem`](crate::FakeTokenServer::ca_pem).
#[cfg(feature = "tls")]
impl FakeTokenServerBuilder {
    /// Speaks TLS 1.2 and 1.3 at every origin, for `localhost`, `127.0.0.1`, `::1` and the
    /// [`host`](Self::host), and opens the origin of [`mtls_token_url`](crate::FakeTokenServer::mtls_token_url).
    pub fn tls(mut self) -> Self {
        self.settings.tls = true;
        self
    }

    /// Registers a client that authenticates by `tls_client_auth`: a certificate that the server's
    /// authority has signed, with this subject (RFC 8705 §2.1). What
    /// [`issue_client_certificate`](crate::FakeTokenServer::issue_client_certificate) issues for `NAME`
    /// has [`Dn`](CertificateSubject::Dn) `CN=NAME`. Implies [`tls`](Self::tls).
    pub fn tls_client(mut self, id: impl Into<String>, subject: CertificateSubject) -> Self {
        let credential = Credential::Subject(subject);
        self.settings
            .certificate_clients
            .push((id.into(), credential));
        self.tls()
    }

    /// Registers a client that authenticates by `self_signed_tls_client_auth`: by exactly this
    /// certificate, given as PEM (RFC 8705 §2.2). Implies [`tls`](Self::tls).
    pub fn self_signed_tls_client(
        mut self,
        id: impl Into<String>,
        certificate_pem: impl Into<String>,
    ) -> Self {
        let credential = Credential::CertificatePem(certificate_pem.into());
        self.settings
            .certificate_clients
            .push((id.into(), credential));
        self.tls()
    }

    /// Binds a token to the certificate that its client showed when it asked for it (RFC 8705 §3): the
    /// protected API, which then asks for certificates, takes it only with that. Implies
    /// [`tls`](Self::tls).
    pub fn certificate_bound_tokens(mut self) -> Self {
        self.settings.certificate_bound = true;
        self.tls()
    }
}
