//! Client authentication (RFC 6749 §2.3), as presented and as verified.

use std::collections::HashMap;
use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::AUTHORIZATION;

use crate::server::credentials::Credentials;
use crate::server::http1::Request;
use crate::server::jwt::SeenJwt;
use crate::server::urls::{Place, Urls};

/// How a client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientAuthMethod {
    /// `client_secret_basic`: HTTP Basic, id and secret form-urlencoded first (RFC 6749 §2.3.1, App. B).
    Basic,
    /// HTTP Basic with id and secret as they are, for clients of servers that do not follow App. B.
    BasicRaw,
    /// `client_secret_post`: `client_id` and `client_secret` in the body.
    Post,
    /// `none`: a public client, which says its `client_id` only (RFC 6749 §2.1).
    None,
    /// `client_secret_jwt`: an assertion with a MAC made with the secret (RFC 7523 §2.2).
    SecretJwt,
    /// `private_key_jwt`: an assertion signed with the client's key (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// `tls_client_auth`: a certificate from an authority, known by its subject (RFC 8705 §2.1).
    TlsClientAuth,
    /// `self_signed_tls_client_auth`: a certificate that is registered itself (RFC 8705 §2.2).
    SelfSignedTlsClientAuth,
}

impl ClientAuthMethod {
    /// As the registry of RFC 7591 §2 names it; absent for [`BasicRaw`](Self::BasicRaw).
    pub(crate) fn registered_name(self) -> Option<&'static str> {
        Some(match self {
            Self::Basic => "client_secret_basic",
            Self::BasicRaw => return None,
            Self::Post => "client_secret_post",
            Self::None => "none",
            Self::SecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        })
    }
}

/// The client authentication of a request, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientAuth {
    /// How the client authenticated.
    pub method: ClientAuthMethod,
    /// Who it said it is.
    pub client_id: String,
}

/// Everything in a request that could authenticate a client.
pub(crate) struct Presented {
    authorizations: usize,
    /// Absent if the header is not well-formed Basic.
    basic: Option<Credentials>,
    pub(crate) client_id: Option<String>,
    secret: Option<String>,
    pub(crate) assertion: Option<String>,
    pub(crate) assertion_type: Option<String>,
    /// DER, the client's own first.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "without TLS there are none")
    )]
    pub(crate) certificates: Vec<Bytes>,
}

impl Presented {
    pub(crate) fn read(request: &Request, params: &[(String, String)]) -> Self {
        let param = |name: &str| {
            let mut values = params
                .iter()
                .filter(|(known, value)| known == name && !value.is_empty());
            values.next().map(|(_, value)| value.clone())
        };
        let headers = &request.headers;
        Self {
            authorizations: headers.get_all(AUTHORIZATION).iter().count(),
            basic: headers
                .get(AUTHORIZATION)
                .and_then(|value| Credentials::basic(value.as_bytes())),
            client_id: param("client_id"),
            secret: param("client_secret"),
            assertion: param("client_assertion"),
            assertion_type: param("client_assertion_type"),
            certificates: request.client_certificates.clone(),
        }
    }

    /// Whether the client tried to authenticate by the header, so that a 401 must name a scheme
    /// (RFC 6749 §5.2).
    pub(crate) fn by_header(&self) -> bool {
        self.authorizations > 0
    }

    /// The client assertion as the log shows it.
    pub(crate) fn seen_assertion(&self) -> Option<SeenJwt> {
        self.assertion.as_deref().and_then(SeenJwt::read)
    }

    /// For the log: each method that was used, in the terms of what the server accepts.
    pub(crate) fn methods(&self, registry: &Clients) -> Vec<ClientAuth> {
        let basic = self.basic.as_ref().map(|raw| {
            let raw_only = !registry.accepts(ClientAuthMethod::Basic)
                && registry.accepts(ClientAuthMethod::BasicRaw);
            match raw.form_decoded() {
                Some(decoded) if !raw_only => (ClientAuthMethod::Basic, decoded.id),
                _ => (ClientAuthMethod::BasicRaw, raw.id.clone()),
            }
        });
        let claimed = self.client_id.clone().unwrap_or_default();
        let post = self
            .secret
            .is_some()
            .then(|| (ClientAuthMethod::Post, claimed.clone()));
        let assertion = self.seen_assertion().map(|jwt| {
            let by_secret = jwt.algorithm().is_some_and(|name| name.starts_with("HS"));
            let method = if by_secret {
                ClientAuthMethod::SecretJwt
            } else {
                ClientAuthMethod::PrivateKeyJwt
            };
            let subject = jwt.text("sub").unwrap_or(&claimed);
            // To its platform it has another name.
            let id = if registry.is_federated(&claimed) {
                &claimed
            } else {
                subject
            };
            (method, id.to_owned())
        });
        let bare = basic.is_none() && post.is_none() && assertion.is_none();
        let silent = self
            .client_id
            .as_ref()
            .filter(|_| bare)
            .and_then(|id| Some((registry.silent_method(id)?, id.clone())));
        [basic, post, assertion, silent]
            .into_iter()
            .flatten()
            .map(|(method, client_id)| ClientAuth { method, client_id })
            .collect()
    }
}

/// Who may ask for tokens, and by which methods.
#[derive(Default)]
pub(crate) struct Clients {
    pub(crate) registered: HashMap<String, Registration>,
    pub(crate) accepted: Vec<ClientAuthMethod>,
    #[cfg(feature = "jose")]
    pub(crate) assertions: crate::server::assertion::Assertions,
}

/// What is known of one client.
#[derive(Default)]
pub(crate) struct Registration {
    pub(crate) secret: Option<String>,
    /// It need not prove who it is.
    pub(crate) public: bool,
    #[cfg(feature = "jose")]
    pub(crate) keys: Vec<crate::server::assertion::ClientKey>,
    #[cfg(feature = "jose")]
    pub(crate) identities: Vec<crate::server::federation::Federated>,
    #[cfg(feature = "tls")]
    pub(crate) certificates: Vec<crate::server::tls::CertificateClient>,
}

/// What the verdict on a client depends on besides what it presented.
#[cfg_attr(
    not(all(feature = "jose", feature = "tls")),
    allow(dead_code, reason = "each feature has its own questions")
)]
pub(crate) struct Circumstances<'a> {
    pub(crate) now: SystemTime,
    pub(crate) urls: &'a Urls,
    /// The endpoint it presented it at.
    pub(crate) place: Place,
}

/// The error code and description of RFC 6749 §5.2.
pub(crate) type Refusal = (&'static str, String);

impl Clients {
    /// The id of the client, if it has authenticated in exactly one way that is accepted.
    pub(crate) fn verify(
        &self,
        presented: &Presented,
        circumstances: &Circumstances<'_>,
    ) -> Result<String, Refusal> {
        let by_assertion = presented.assertion.is_some() || presented.assertion_type.is_some();
        let methods = [
            presented.by_header(),
            presented.secret.is_some(),
            by_assertion,
        ];
        if methods.iter().filter(|used| **used).count() > 1 || presented.authorizations > 1 {
            return Err(invalid_request(
                "more than one client authentication method",
            ));
        }
        if presented.by_header() {
            self.verify_basic(presented)
        } else if let Some(secret) = &presented.secret {
            self.verify_post(presented, secret)
        } else if by_assertion {
            self.verify_assertion(presented, circumstances)
        } else {
            self.verify_silent(presented, circumstances)
        }
    }

    fn verify_basic(&self, presented: &Presented) -> Result<String, Refusal> {
        let Some(raw) = &presented.basic else {
            return Err(invalid_client(
                "the Authorization header is not well-formed Basic",
            ));
        };
        let decoded = raw
            .form_decoded()
            .filter(|_| self.accepts(ClientAuthMethod::Basic));
        let raw = Some(raw.clone()).filter(|_| self.accepts(ClientAuthMethod::BasicRaw));
        let id = self.verify_secret(decoded.into_iter().chain(raw))?;
        match &presented.client_id {
            Some(other) if *other != id => Err(invalid_request(
                "client_id differs from the one in the Authorization header",
            )),
            _ => Ok(id),
        }
    }

    fn verify_post(&self, presented: &Presented, secret: &str) -> Result<String, Refusal> {
        let id = presented
            .client_id
            .clone()
            .ok_or_else(|| invalid_request("no client_id"))?;
        if !self.accepts(ClientAuthMethod::Post) {
            return Err(invalid_client("client_secret_post is not accepted here"));
        }
        self.verify_secret([Credentials {
            id,
            secret: secret.to_owned(),
        }])
    }

    fn verify_secret(
        &self,
        readings: impl IntoIterator<Item = Credentials>,
    ) -> Result<String, Refusal> {
        let is_right = |read: &Credentials| {
            let known = self.registered.get(&read.id);
            known.is_some_and(|client| client.secret.as_ref() == Some(&read.secret))
        };
        readings
            .into_iter()
            .find(is_right)
            .map(|read| read.id)
            .ok_or_else(|| invalid_client("unknown client or wrong secret"))
    }

    #[cfg(not(feature = "jose"))]
    fn verify_assertion(
        &self,
        _presented: &Presented,
        _circumstances: &Circumstances<'_>,
    ) -> Result<String, Refusal> {
        Err(invalid_client(
            "client assertions are not supported: the feature `jose` is off",
        ))
    }

    #[cfg(feature = "jose")]
    fn verify_assertion(
        &self,
        presented: &Presented,
        circumstances: &Circumstances<'_>,
    ) -> Result<String, Refusal> {
        self.assertions
            .verify(self, presented, circumstances)
            .map_err(|description| invalid_client(&description))
    }

    /// Nothing in the request authenticates the client; the connection may.
    fn verify_silent(
        &self,
        presented: &Presented,
        circumstances: &Circumstances<'_>,
    ) -> Result<String, Refusal> {
        let Some(id) = &presented.client_id else {
            return Err(invalid_client("no client authentication"));
        };
        match self.silent_method(id) {
            Some(ClientAuthMethod::None) => Ok(id.clone()),
            Some(_) => self.verify_certificate(id, presented, circumstances),
            None => Err(invalid_client("no client authentication")),
        }
    }

    #[cfg(not(feature = "tls"))]
    fn verify_certificate(
        &self,
        _id: &str,
        _presented: &Presented,
        _circumstances: &Circumstances<'_>,
    ) -> Result<String, Refusal> {
        Err(invalid_client(
            "client certificates are not supported: the feature `tls` is off",
        ))
    }

    #[cfg(feature = "tls")]
    fn verify_certificate(
        &self,
        id: &str,
        presented: &Presented,
        circumstances: &Circumstances<'_>,
    ) -> Result<String, Refusal> {
        let registered = self.registered.get(id);
        let mut refusal = "no certificate is registered".to_owned();
        for certificate in registered.iter().flat_map(|client| &client.certificates) {
            match certificate.verify(&presented.certificates, circumstances.now) {
                Ok(()) => return Ok(id.to_owned()),
                Err(description) => refusal = description,
            }
        }
        Err(invalid_client(&refusal))
    }

    /// The method of a client whose request holds nothing but its id.
    fn silent_method(&self, id: &str) -> Option<ClientAuthMethod> {
        let client = self.registered.get(id)?;
        #[cfg(feature = "tls")]
        if let Some(certificate) = client.certificates.first() {
            use crate::server::tls::CertificateClient;
            return Some(match certificate {
                CertificateClient::Signed(_) => ClientAuthMethod::TlsClientAuth,
                CertificateClient::SelfSigned(_) => ClientAuthMethod::SelfSignedTlsClientAuth,
            });
        }
        let is_public = client.public && self.accepts(ClientAuthMethod::None);
        is_public.then_some(ClientAuthMethod::None)
    }

    #[cfg(feature = "jose")]
    fn is_federated(&self, id: &str) -> bool {
        let client = self.registered.get(id);
        client.is_some_and(|client| !client.identities.is_empty())
    }

    #[cfg(not(feature = "jose"))]
    fn is_federated(&self, _id: &str) -> bool {
        false
    }

    pub(crate) fn accepts(&self, method: ClientAuthMethod) -> bool {
        self.accepted.contains(&method)
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("ids", &self.registered.keys())
            .field("accepted", &self.accepted)
            .finish_non_exhaustive()
    }
}

fn invalid_client(description: &str) -> Refusal {
    ("invalid_client", description.to_owned())
}

fn invalid_request(description: &str) -> Refusal {
    ("invalid_request", description.to_owned())
}
