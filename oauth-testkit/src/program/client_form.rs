//! A client of the program's server, as JSON says it.

use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use crate::program::config::{algorithm, key_text};
use crate::server::{CertificateSubject, FakeTokenServerBuilder, FederatedIdentity};

/// A client, and what it proves who it is with: one or several of the members beside the id.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ClientForm {
    id: String,
    secret: Option<String>,
    public: bool,
    /// PEM as a text, a JWK or JWK Set as an object.
    key: Option<Value>,
    key_algorithm: Option<String>,
    secret_jwt_algorithm: Option<String>,
    federated: Option<FederatedForm>,
    certificate_subject_dn: Option<String>,
    certificate_san_dns: Option<String>,
    certificate_san_uri: Option<String>,
    certificate_san_ip: Option<IpAddr>,
    certificate_san_email: Option<String>,
    certificate_pem: Option<String>,
}

/// Who a client is to its platform.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FederatedForm {
    issuer: String,
    subject: String,
    audience: Option<String>,
    key: Value,
    key_algorithm: String,
}

impl ClientForm {
    pub(super) fn secret(id: &str, secret: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: Some(secret.to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn public(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            public: true,
            ..Self::default()
        }
    }

    pub(super) fn register(
        &self,
        mut builder: FakeTokenServerBuilder,
    ) -> Result<FakeTokenServerBuilder, String> {
        let id = &self.id;
        if id.is_empty() {
            return Err("a client has no id".to_owned());
        }
        let mut proves = self.public;
        if let Some(secret) = &self.secret {
            proves = true;
            builder = builder.client(id, secret);
        }
        if self.public {
            builder = builder.public_client(id);
        }
        if let Some(key) = &self.key {
            proves = true;
            let named = self.key_algorithm.as_ref();
            let named = named.ok_or_else(|| format!("the key of {id:?} has no key_algorithm"))?;
            builder = builder.client_key(id, algorithm(named)?, key_text(key)?);
        }
        if let Some(name) = &self.secret_jwt_algorithm {
            builder = builder.secret_jwt_algorithm(id, algorithm(name)?);
        }
        if let Some(form) = &self.federated {
            proves = true;
            builder = builder.federated_client(id, form.identity()?);
        }
        let mut subjects = self.certificate_subjects();
        if let Some(subject) = subjects.next() {
            proves = true;
            builder = builder.tls_client(id, subject);
        }
        if subjects.next().is_some() {
            let problem = "has more than one certificate_subject_dn or certificate_san_…";
            return Err(format!("the client {id:?} {problem}"));
        }
        if let Some(pem) = &self.certificate_pem {
            proves = true;
            builder = builder.self_signed_tls_client(id, pem);
        }
        if proves {
            Ok(builder)
        } else {
            Err(format!(
                "the client {id:?} has no secret, no key, no platform and no certificate, and is not public"
            ))
        }
    }

    /// RFC 8705 §2.1.2: a client is to have one of them.
    fn certificate_subjects(&self) -> impl Iterator<Item = CertificateSubject> {
        use CertificateSubject::{Dn, SanDns, SanEmail, SanIp, SanUri};
        let all = [
            self.certificate_subject_dn.clone().map(Dn),
            self.certificate_san_dns.clone().map(SanDns),
            self.certificate_san_uri.clone().map(SanUri),
            self.certificate_san_ip.map(SanIp),
            self.certificate_san_email.clone().map(SanEmail),
        ];
        all.into_iter().flatten()
    }
}

/// Leaves out the secret and the key.
impl fmt::Debug for ClientForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientForm")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl FederatedForm {
    fn identity(&self) -> Result<FederatedIdentity, String> {
        let (algorithm, key) = (algorithm(&self.key_algorithm)?, key_text(&self.key)?);
        let identity = FederatedIdentity::new(&self.issuer, &self.subject, algorithm, key);
        Ok(match &self.audience {
            Some(audience) => identity.audience(audience),
            None => identity,
        })
    }
}
