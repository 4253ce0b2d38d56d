//! Where the endpoints of the authorization server are: configured, or discovered.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use crate::clock::Clock;
use crate::discovery::{Discovery, unusable};
use crate::discovery_error::DiscoveryError;
use crate::error::{Error, ErrorKind};
use crate::http_client::HttpClient;
use crate::protocol::client_auth::ClientAuthMethod;
use crate::protocol::jws::JwsAlgorithm;
use crate::protocol::metadata::{EndpointKind, Endpoints, ServerMetadata, metadata_urls};
use crate::protocol::origin::endpoint;

/// How long metadata is believed, unless said otherwise.
const METADATA_LIFETIME: Duration = Duration::from_secs(3600);

/// What is known about the server before it is asked.
pub(crate) struct ServerSettings {
    pub(crate) token_url: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) expected_issuer: Option<String>,
    pub(crate) metadata_url: Option<String>,
    pub(crate) metadata_lifetime: Duration,
    pub(crate) introspection_url: Option<String>,
    pub(crate) revocation_url: Option<String>,
}

/// The authorization server.
pub(crate) struct Server {
    configured: Endpoints,
    discovery: Option<Arc<Discovery>>,
}

/// An endpoint, and what is to be known to call it.
pub(crate) struct Endpoint {
    pub(crate) kind: EndpointKind,
    pub(crate) uri: Uri,
    pub(crate) method: ClientAuthMethod,
    /// The token endpoint, as assertions name it.
    pub(crate) token_endpoint: Option<Uri>,
    pub(crate) issuer: Option<String>,
}

impl ServerSettings {
    pub(crate) fn at(token_url: String) -> Self {
        Self {
            token_url: Some(token_url),
            ..Self::unknown()
        }
    }

    pub(crate) fn of(issuer: String) -> Self {
        Self {
            issuer: Some(issuer),
            ..Self::unknown()
        }
    }

    const fn unknown() -> Self {
        Self {
            token_url: None,
            issuer: None,
            expected_issuer: None,
            metadata_url: None,
            metadata_lifetime: METADATA_LIFETIME,
            introspection_url: None,
            revocation_url: None,
        }
    }

    /// What of it shapes a token request.
    pub(crate) fn identity(&self) -> Vec<(&str, &str)> {
        let parts = [
            ("token_url", &self.token_url),
            ("issuer", &self.issuer),
            ("expected_issuer", &self.expected_issuer),
            ("metadata_url", &self.metadata_url),
        ];
        let parts = parts.into_iter();
        parts
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .collect()
    }

    pub(crate) fn is_discovered(&self) -> bool {
        self.issuer.is_some()
    }

    pub(crate) fn build(
        &self,
        http_client: &Arc<dyn HttpClient>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Server, Error> {
        let url = |name, text: &Option<String>| {
            let url = text
                .as_deref()
                .map(|text| endpoint(name, text))
                .transpose()?;
            Ok::<_, Error>(url.map(Box::new))
        };
        let configured = Endpoints {
            token: url("token URL", &self.token_url)?,
            introspection: url("introspection URL", &self.introspection_url)?,
            revocation: url("revocation URL", &self.revocation_url)?,
        };
        let discovery = match &self.issuer {
            None if self.expected_issuer.is_some() || self.metadata_url.is_some() => {
                return Err(Error::configuration(
                    "nothing is discovered with a token URL; start with ClientCredentials::discover(…)",
                ));
            }
            None => None,
            Some(issuer) => {
                let at_issuer = metadata_urls(issuer)?;
                let urls = match url("metadata URL", &self.metadata_url)? {
                    Some(url) => vec![*url],
                    None => at_issuer,
                };
                let expected = self.expected_issuer.as_ref().unwrap_or(issuer).clone();
                Some(Arc::new(Discovery::new(
                    expected,
                    urls,
                    self.metadata_lifetime,
                    Arc::clone(http_client),
                    Arc::clone(clock),
                )))
            }
        };
        Ok(Server {
            configured,
            discovery,
        })
    }
}

impl Server {
    /// The metadata, if this server is one to discover.
    pub(crate) async fn metadata(&self) -> Result<Option<Arc<ServerMetadata>>, Error> {
        match &self.discovery {
            Some(discovery) => discovery.metadata().await.map(Some),
            None => Ok(None),
        }
    }

    /// What tells it from others.
    pub(crate) fn name(&self) -> (&'static str, String) {
        match &self.discovery {
            Some(discovery) => ("issuer", discovery.expected_issuer().to_owned()),
            None => {
                let url = self.configured.get(EndpointKind::Token);
                ("token_url", url.map(Uri::to_string).unwrap_or_default())
            }
        }
    }

    /// An endpoint for a client that authenticates by `method`, or if that is `None` by its secret in whatever
    /// way the server likes. `dpop` is the algorithm of the key that its tokens are bound to.
    pub(crate) async fn endpoint(
        &self,
        kind: EndpointKind,
        method: Option<ClientAuthMethod>,
        dpop: Option<JwsAlgorithm>,
    ) -> Result<Endpoint, Error> {
        let Some(metadata) = self.metadata().await? else {
            let uri = self.configured.get(kind).ok_or_else(|| {
                Error::configuration(format!(
                    "the {} is not known; name it with .{}_url(…), or start with ClientCredentials::discover(…)",
                    kind.name(),
                    kind.name().split(' ').next().unwrap_or_default()
                ))
            })?;
            return Ok(Endpoint {
                kind,
                uri: uri.clone(),
                method: method.unwrap_or_default(),
                token_endpoint: self.configured.token.as_deref().cloned(),
                issuer: None,
            });
        };
        if let Some(algorithm) = dpop.filter(|_| kind == EndpointKind::Token) {
            check_dpop(&metadata, algorithm)?;
        }
        let method = method.unwrap_or_else(|| metadata.secret_method());
        let uri = match self.configured.get(kind) {
            Some(uri) => uri,
            None => metadata.endpoint(kind, method).map_err(unusable)?,
        };
        Ok(Endpoint {
            kind,
            uri: uri.clone(),
            method,
            token_endpoint: metadata.token_endpoint().cloned(),
            issuer: Some(metadata.issuer().to_owned()),
        })
    }
}

/// RFC 9449 §5.1. A server that names no algorithm may take any.
fn check_dpop(metadata: &ServerMetadata, algorithm: JwsAlgorithm) -> Result<(), Error> {
    let supported = metadata.dpop_signing_alg_values_supported();
    let names_it = |name: &String| JwsAlgorithm::from_name(name) == Some(algorithm);
    if supported.is_empty() || supported.iter().any(names_it) {
        return Ok(());
    }
    let fault = DiscoveryError::DpopAlgorithm {
        algorithm: algorithm.as_str(),
        supported: supported.to_vec(),
    };
    let what = "the server takes no proofs of the key that tokens are to be bound to (give .dpop(…) a key for an \
                algorithm that it takes)";
    let error = Error::builder(ErrorKind::Discovery, what).source(fault);
    Err(error.build())
}
