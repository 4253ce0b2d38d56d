//! Where everything is, as the server tells it.

use std::net::SocketAddr;

const TOKEN_PATH: &str = "/oauth/token";
const INTROSPECTION_PATH: &str = "/oauth/introspect";
const REVOCATION_PATH: &str = "/oauth/revoke";
const JWKS_PATH: &str = "/oauth/jwks";

/// The origins of a server, and what is where at that of the token endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    pub(crate) token_origin: String,
    pub(crate) api_origin: String,
    /// Where client certificates are asked for.
    pub(crate) mtls_origin: Option<String>,
    /// The path of the issuer identifier: empty, or with a slash before it.
    pub(crate) issuer_path: String,
    /// Whether the paths of the endpoints begin with two slashes.
    pub(crate) doubled_slash: bool,
}

/// What may be found at the origin of the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Token,
    Introspection,
    Revocation,
    Jwks,
    Metadata,
}

impl Urls {
    pub(crate) fn issuer(&self) -> String {
        format!("{}{}", self.token_origin, self.issuer_path)
    }

    pub(crate) fn token(&self) -> String {
        self.at(&self.token_origin, Place::Token)
    }

    /// The endpoint at one of the origins of the authorization server.
    pub(crate) fn at(&self, origin: &str, place: Place) -> String {
        format!("{origin}{}", self.path(place))
    }

    fn path(&self, place: Place) -> String {
        let path = match place {
            Place::Token => TOKEN_PATH,
            Place::Introspection => INTROSPECTION_PATH,
            Place::Revocation => REVOCATION_PATH,
            Place::Jwks => JWKS_PATH,
            Place::Metadata => {
                return format!(
                    "/.well-known/oauth-authorization-server{}",
                    self.issuer_path
                );
            }
        };
        let slash = if self.doubled_slash { "/" } else { "" };
        format!("{slash}{path}")
    }

    /// What is at this path; `None` if nothing is.
    pub(crate) fn place(&self, path: &str) -> Option<Place> {
        // OpenID Connect Discovery 1.0 §4: after the issuer, not before its path.
        let openid = format!("{}/.well-known/openid-configuration", self.issuer_path);
        if path == openid {
            return Some(Place::Metadata);
        }
        [
            Place::Token,
            Place::Introspection,
            Place::Revocation,
            Place::Jwks,
            Place::Metadata,
        ]
        .into_iter()
        .find(|place| self.path(*place) == path)
    }

    /// Every URL that an endpoint is reached at.
    #[cfg(feature = "jose")]
    pub(crate) fn everywhere(&self, place: Place) -> Vec<String> {
        let origins = std::iter::once(&self.token_origin).chain(&self.mtls_origin);
        origins.map(|origin| self.at(origin, place)).collect()
    }

    #[cfg(feature = "jose")]
    pub(crate) fn scheme(&self) -> &str {
        let scheme = self.token_origin.split_once("://");
        scheme.map_or("", |(scheme, _)| scheme)
    }
}

pub(crate) fn origin(scheme: &str, host: Option<&str>, address: SocketAddr) -> String {
    match host {
        Some(host) => format!("{scheme}://{host}:{}", address.port()),
        None => format!("{scheme}://{address}"),
    }
}
