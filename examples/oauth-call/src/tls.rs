//! Whom to trust, and the client certificate: `--ca`, `--cert` and `--cert-key`.

use std::path::Path;

use isahc::tls::{PrivateKey, TlsConfig, TrustStore};
use reqwest::{Certificate, Identity};

use crate::arguments::Client;
use crate::failure::{Failure, with_causes};
use crate::source::read;

/// The files, read and understood before anything is sent, whichever library is going to use them.
pub(crate) struct Tls {
    authorities: Option<Vec<Certificate>>,
    identity: Option<Identity>,
    for_isahc: Option<TlsConfig>,
}

impl Tls {
    pub(crate) fn read(client: &Client) -> Result<Self, Failure> {
        let mut authorities = None;
        let mut identity = None;
        let mut for_isahc = TlsConfig::builder();
        if let Some(file) = &client.ca {
            let text = read(file)?;
            authorities = Some(certificates(file, &text)?);
            for_isahc =
                for_isahc.trust_store(TrustStore::builder().certificate_from_pem(text).build());
        }
        if let (Some(certificate), Some(key)) = (&client.cert, &client.cert_key) {
            identity = Some(identity_in(certificate, key)?);
            // By file: libcurl on rustls takes no others.
            let key = PrivateKey::from_pem_file(key, None);
            for_isahc =
                for_isahc.identity(isahc::tls::Identity::from_pem_file(certificate, Some(key)));
        }
        let is_given = authorities.is_some() || identity.is_some();
        Ok(Self {
            authorities,
            identity,
            for_isahc: is_given.then(|| for_isahc.build()),
        })
    }

    pub(crate) fn apply(&self, mut builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        if let Some(authorities) = &self.authorities {
            builder = builder.tls_certs_only(authorities.iter().cloned());
        }
        match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        }
    }

    /// Nothing, if isahc may do as it does by itself.
    pub(crate) fn for_isahc(&self) -> Option<TlsConfig> {
        self.for_isahc.clone()
    }
}

fn certificates(file: &Path, text: &str) -> Result<Vec<Certificate>, Failure> {
    let fault = |cause: &str| {
        let file = file.display();
        Failure::usage(format!("{file} holds no certificate in PEM{cause}"))
    };
    let all = Certificate::from_pem_bundle(text.as_bytes())
        .map_err(|cause| fault(&format!(": {}", with_causes(&cause))))?;
    if all.is_empty() {
        return Err(fault(""));
    }
    Ok(all)
}

fn identity_in(certificate: &Path, key: &Path) -> Result<Identity, Failure> {
    let chain = read(certificate)?;
    certificates(certificate, &chain)?;
    let pem = chain + "\n" + &read(key)?;
    let fault = |cause: reqwest::Error| {
        Failure::usage(format!(
            "{} and {} are no client certificate with its key, in PEM: {}",
            certificate.display(),
            key.display(),
            with_causes(&cause)
        ))
    };
    let identity = Identity::from_pem(pem.as_bytes()).map_err(fault)?;
    // That the two belong together is looked at no earlier.
    let trial = reqwest::Client::builder()
        .tls_certs_only(std::iter::empty())
        .identity(identity.clone());
    trial.build().map_err(fault)?;
    Ok(identity)
}
