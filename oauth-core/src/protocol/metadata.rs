//! What an authorization server says about itself (RFC 8414, OpenID Connect Discovery 1.0).

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use serde_json::{Map, Value};

use crate::discovery_error::DiscoveryError;
use crate::error::Error;
use crate::protocol::client_auth::ClientAuthMethod;
use crate::protocol::origin::{endpoint, shown};
use crate::protocol::response::MAX_RESPONSE_BODY;

/// The metadata of an authorization server, as far as it matters to a client without users (RFC 8414 §2).
///
/// Every endpoint in it is `https`, or `http` to loopback. One that is not is left out, except for the token endpoint,
/// without which the metadata is of no use; what is wrong with it is told to who wants to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerMetadata {
    issuer: String,
    endpoints: Endpoints,
    /// For connections with a client certificate (RFC 8705 §5).
    mtls_endpoints: Endpoints,
    /// What is wrong with those that were left out.
    faults: Vec<Fault>,
    auth_methods: Option<Vec<String>>,
    dpop_algorithms: Vec<String>,
}

/// The member with the endpoints for connections with a client certificate.
const ALIASES: &str = "mtls_endpoint_aliases";

/// The endpoints that a client without users calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Endpoints {
    pub(crate) token: Option<Box<Uri>>,
    pub(crate) introspection: Option<Box<Uri>>,
    pub(crate) revocation: Option<Box<Uri>>,
}

/// An endpoint that credentials may not go to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    kind: EndpointKind,
    is_alias: bool,
    why: DiscoveryError,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndpointKind {
    Token,
    Introspection,
    Revocation,
}

impl EndpointKind {
    const ALL: [Self; 3] = [Self::Token, Self::Introspection, Self::Revocation];

    /// The member of the metadata.
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Token => "token_endpoint",
            Self::Introspection => "introspection_endpoint",
            Self::Revocation => "revocation_endpoint",
        }
    }

    /// What it is called in labels and events.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Introspection => "introspection",
            Self::Revocation => "revocation",
        }
    }

    /// What it is called in errors.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Token => "token endpoint",
            Self::Introspection => "introspection endpoint",
            Self::Revocation => "revocation endpoint",
        }
    }
}

impl Endpoints {
    pub(crate) fn get(&self, kind: EndpointKind) -> Option<&Uri> {
        match kind {
            EndpointKind::Token => self.token.as_deref(),
            EndpointKind::Introspection => self.introspection.as_deref(),
            EndpointKind::Revocation => self.revocation.as_deref(),
        }
    }

    fn read(members: &Map<String, Value>, is_alias: bool, faults: &mut Vec<Fault>) -> Self {
        let mut endpoints = Self::default();
        for kind in EndpointKind::ALL {
            let Some(url) = text(members, kind.member()) else {
                continue;
            };
            let url = match endpoint("endpoint", url) {
                Ok(url) => url,
                Err(cause) => {
                    let name = kind.member();
                    let name = match is_alias {
                        true => format!("{ALIASES}.{name}"),
                        false => name.to_owned(),
                    };
                    let why = cause.to_string();
                    let why = DiscoveryError::UnusableEndpoint { name, why };
                    faults.push(Fault {
                        kind,
                        is_alias,
                        why,
                    });
                    continue;
                }
            };
            let place = match kind {
                EndpointKind::Token => &mut endpoints.token,
                EndpointKind::Introspection => &mut endpoints.introspection,
                EndpointKind::Revocation => &mut endpoints.revocation,
            };
            *place = Some(Box::new(url));
        }
        endpoints
    }
}

impl ServerMetadata {
    /// The issuer, as it stands there.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where tokens are asked for.
    #[must_use]
    pub fn token_endpoint(&self) -> Option<&Uri> {
        self.endpoints.get(EndpointKind::Token)
    }

    /// Where tokens are asked about (RFC 7662).
    #[must_use]
    pub fn introspection_endpoint(&self) -> Option<&Uri> {
        self.endpoints.get(EndpointKind::Introspection)
    }

    /// Where tokens are given back (RFC 7009).
    #[must_use]
    pub fn revocation_endpoint(&self) -> Option<&Uri> {
        self.endpoints.get(EndpointKind::Revocation)
    }

    /// How clients may authenticate at the token endpoint. `None`: it does not say, which means
    /// `client_secret_basic` (RFC 8414 §2).
    #[must_use]
    pub fn token_endpoint_auth_methods_supported(&self) -> Option<&[String]> {
        self.auth_methods.as_deref()
    }

    /// What proofs of DPoP may be signed with; empty if the server does not say (RFC 9449 §5.1).
    #[must_use]
    pub fn dpop_signing_alg_values_supported(&self) -> &[String] {
        &self.dpop_algorithms
    }

    /// The endpoint for a client that authenticates like this: with a certificate, the alias comes first
    /// (RFC 8705 §5).
    pub(crate) fn endpoint(
        &self,
        kind: EndpointKind,
        method: ClientAuthMethod,
    ) -> Result<&Uri, DiscoveryError> {
        let shows_certificate = method == ClientAuthMethod::TlsClientAuth;
        for (endpoints, is_alias) in [(&self.mtls_endpoints, true), (&self.endpoints, false)] {
            if is_alias && !shows_certificate {
                continue;
            }
            if let Some(url) = endpoints.get(kind) {
                return Ok(url);
            }
            let is_meant = |fault: &&Fault| fault.kind == kind && fault.is_alias == is_alias;
            if let Some(fault) = self.faults.iter().find(is_meant) {
                return Err(fault.why.clone());
            }
        }
        let name = kind.member();
        Err(DiscoveryError::MissingEndpoint { name })
    }

    /// How a client with a secret authenticates, if it has no opinion. What a server advertises need not be
    /// true: where nothing fits, it is asked in the way that every server must know.
    pub(crate) fn secret_method(&self) -> ClientAuthMethod {
        let preferred = [
            ClientAuthMethod::ClientSecretBasic,
            ClientAuthMethod::ClientSecretPost,
            #[cfg(feature = "jwt")]
            ClientAuthMethod::ClientSecretJwt,
        ];
        let methods = self.auth_methods.iter().flatten();
        let is_named =
            |method: &ClientAuthMethod| methods.clone().any(|name| name == method.as_str());
        preferred.into_iter().find(is_named).unwrap_or_default()
    }
}

/// Where the metadata of an issuer may be, in the order of trying.
pub(crate) fn metadata_urls(issuer: &str) -> Result<Vec<Uri>, Error> {
    let uri = endpoint("issuer", issuer)?;
    let fault = |what: &str| {
        Err(Error::configuration(format!(
            "the issuer {} {what}",
            shown(issuer)
        )))
    };
    if uri.query().is_some() {
        return fault("has a query, which is not part of an issuer (RFC 8414 §2); leave it out");
    }
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return fault("is not absolute");
    };
    let path = uri.path().trim_end_matches('/');
    let paths = [
        // RFC 8414 §3.1: between host and path.
        format!("/.well-known/oauth-authorization-server{path}"),
        // OpenID Connect Discovery 1.0 §4: behind the path.
        format!("{path}/.well-known/openid-configuration"),
        // RFC 8414 §5.
        format!("/.well-known/openid-configuration{path}"),
    ];
    let mut urls: Vec<Uri> = Vec::new();
    for path in paths {
        let url = Uri::builder()
            .scheme(scheme)
            .authority(authority.clone())
            .path_and_query(path)
            .build();
        match url {
            Ok(url) if !urls.contains(&url) => urls.push(url),
            Ok(_) => {}
            Err(_) => return fault("is no URL"),
        }
    }
    Ok(urls)
}

/// The request for metadata.
pub(crate) fn get(url: &Uri) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = url.clone();
    request
        .headers_mut()
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}

/// Reads the answer of `url`. RFC 8414 §3.3: the issuer must be the expected one, character for character.
pub(crate) fn read(
    response: &Response<Bytes>,
    url: &Uri,
    expected_issuer: &str,
) -> Result<ServerMetadata, DiscoveryError> {
    let status = response.status();
    if status != StatusCode::OK {
        let url = place(url);
        return Err(DiscoveryError::NotFound { url, status });
    }
    let malformed = |what| DiscoveryError::Malformed {
        url: place(url),
        what,
    };
    let body = response.body();
    if body.len() > MAX_RESPONSE_BODY {
        return Err(malformed("it is longer than 1 MiB"));
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Err(malformed("it is not a JSON object"));
    };
    let issuer = text(&members, "issuer").ok_or_else(|| malformed("it names no issuer"))?;
    if issuer != expected_issuer {
        return Err(DiscoveryError::OtherIssuer {
            url: place(url),
            expected: expected_issuer.to_owned(),
            found: issuer.chars().take(200).collect(),
        });
    }
    let mut faults = Vec::new();
    let endpoints = Endpoints::read(&members, false, &mut faults);
    // Every client calls this one, and another place may have a better one.
    if let Some(fault) = faults
        .iter()
        .find(|fault| fault.kind == EndpointKind::Token)
    {
        return Err(fault.why.clone());
    }
    let aliases = members.get(ALIASES).and_then(Value::as_object);
    let mtls_endpoints = aliases.map(|aliases| Endpoints::read(aliases, true, &mut faults));
    Ok(ServerMetadata {
        issuer: issuer.to_owned(),
        endpoints,
        mtls_endpoints: mtls_endpoints.unwrap_or_default(),
        faults,
        auth_methods: texts(&members, "token_endpoint_auth_methods_supported"),
        dpop_algorithms: texts(&members, "dpop_signing_alg_values_supported").unwrap_or_default(),
    })
}

/// A URL for errors, without the query, which may be nobody's business.
pub(crate) fn place(url: &Uri) -> String {
    let url = url.to_string();
    url.split('?').next().unwrap_or_default().to_owned()
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn texts(members: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let items = members.get(name)?.as_array()?.iter();
    Some(items.filter_map(Value::as_str).map(str::to_owned).collect())
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
