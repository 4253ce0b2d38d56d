//! The two HTTP libraries behind one face.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use isahc::config::Configurable as _;
use isahc::tls::{Identity, PrivateKey, TlsConfig, TrustStore};
use oauth_core::{Authorizer, HttpClient, TokenSource};
use oauth_testkit::{ClientCertificate, FakeTokenServer};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

#[derive(Debug, Clone, Copy)]
pub(crate) enum Library {
    Reqwest,
    Isahc,
}

/// Whom to trust and what to show, on TLS.
pub(crate) struct Tls {
    authority: String,
    identity: String,
    files: [PathBuf; 2],
    _folder: TempDir,
}

impl Tls {
    pub(crate) fn new(server: &FakeTokenServer, certificate: &ClientCertificate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
        std::fs::write(&files[0], certificate.certificate_pem()).unwrap();
        std::fs::write(&files[1], certificate.key_pem()).unwrap();
        Self {
            authority: server.ca_pem(),
            identity: certificate.identity_pem(),
            files,
            _folder: folder,
        }
    }

    fn reqwest(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        let authority = reqwest::Certificate::from_pem(self.authority.as_bytes()).unwrap();
        let identity = reqwest::Identity::from_pem(self.identity.as_bytes()).unwrap();
        builder.tls_certs_merge([authority]).identity(identity)
    }

    fn isahc(&self) -> TlsConfig {
        let trusted = TrustStore::builder().certificate_from_pem(self.authority.clone());
        let [certificate, key] = &self.files;
        let key = PrivateKey::from_pem_file(key, None);
        TlsConfig::builder()
            .trust_store(trusted.build())
            .identity(Identity::from_pem_file(certificate, Some(key)))
            .build()
    }
}

impl Library {
    /// For token requests.
    pub(crate) fn http_client(self, tls: Option<&Tls>) -> Arc<dyn HttpClient> {
        match self {
            Self::Reqwest => {
                let configure = |builder| match tls {
                    Some(tls) => tls.reqwest(builder),
                    None => builder,
                };
                Arc::new(oauth_reqwest::ReqwestHttpClient::configured(configure).unwrap())
            }
            Self::Isahc => {
                let configure = |builder: isahc::HttpClientBuilder| match tls {
                    Some(tls) => builder.tls_config(tls.isahc()),
                    None => builder,
                };
                Arc::new(oauth_isahc::IsahcHttpClient::configured(configure).unwrap())
            }
        }
    }

    /// The authorized client.
    pub(crate) fn api(
        self,
        source: impl TokenSource + 'static,
        url: String,
        tls: Option<&Tls>,
    ) -> Api {
        let origin = url.trim_end_matches('/').to_owned();
        let authorizer = Authorizer::new(source, [origin]).unwrap();
        let client = match self {
            Self::Reqwest => {
                let builder = reqwest::Client::builder().no_proxy();
                let builder = builder.redirect(oauth_reqwest::redirect_policy());
                let builder = match tls {
                    Some(tls) => tls.reqwest(builder),
                    None => builder,
                };
                let http = builder.build().unwrap();
                Client::Reqwest(oauth_reqwest::Client::new(http, authorizer))
            }
            Self::Isahc => {
                let mut builder = isahc::HttpClient::builder().proxy(None);
                if let Some(tls) = tls {
                    builder = builder.tls_config(tls.isahc());
                }
                let http = builder.build().unwrap();
                Client::Isahc(oauth_isahc::Client::new(http, authorizer))
            }
        };
        Api { client, url }
    }
}

pub(crate) struct Api {
    client: Client,
    url: String,
}

enum Client {
    Reqwest(oauth_reqwest::Client),
    Isahc(oauth_isahc::Client),
}

impl Api {
    /// The status of the answer, or everything that an error says.
    pub(crate) fn call(&self) -> Result<u16, String> {
        match &self.client {
            Client::Reqwest(api) => {
                let response = RUNTIME.block_on(async { api.get(&self.url).send().await });
                let response = response.map_err(|error| format!("{error} {error:?}"))?;
                Ok(response.status().as_u16())
            }
            Client::Isahc(api) => {
                let response = api.get(&self.url);
                let response = response.map_err(|error| format!("{error} {error:?}"))?;
                Ok(response.status().as_u16())
            }
        }
    }
}
