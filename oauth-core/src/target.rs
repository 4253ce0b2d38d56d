//! Where requests go, as far as it matters to their authorization.

use http::{Method, Uri};

use crate::error::Error;
use crate::protocol::dpop::target;
use crate::protocol::origin::Origin;

/// Where a request goes, or an answer came from.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    path: Option<&'a str>,
    method: Option<&'a Method>,
}

impl<'a> Target<'a> {
    /// A target by its parts. Without a port it is the scheme's own; an IPv6 host is in brackets.
    #[must_use]
    pub const fn new(scheme: &'a str, host: &'a str, port: Option<u16>) -> Self {
        Self {
            scheme,
            host,
            port,
            path: None,
            method: None,
        }
    }

    /// Adds the path of a request. Where tokens are bound to a key (DPoP), the proof names path and method: a
    /// request whose adapter does not tell them is not sent then.
    #[must_use]
    pub const fn with_path(mut self, path: &'a str) -> Self {
        self.path = Some(path);
        self
    }

    /// Adds the method of a request.
    #[must_use]
    pub const fn with_method(mut self, method: &'a Method) -> Self {
        self.method = Some(method);
        self
    }

    /// The target of a request to an absolute URI, with its path. One with user information, or not absolute, is at no
    /// origin at all.
    #[must_use]
    pub fn of(uri: &'a Uri) -> Self {
        let plain = uri
            .authority()
            .filter(|authority| !authority.as_str().contains('@'));
        Self {
            scheme: uri.scheme_str().unwrap_or_default(),
            host: plain.map_or("", |authority| authority.host()),
            port: uri.port_u16(),
            path: Some(uri.path()),
            method: None,
        }
    }

    /// The host, with an IPv6 one in brackets; empty if the target is at no origin.
    #[must_use]
    pub const fn host(&self) -> &'a str {
        self.host
    }

    /// The path, if the adapter tells it.
    #[must_use]
    pub const fn path(&self) -> Option<&'a str> {
        self.path
    }

    /// The method, if the adapter tells it.
    #[must_use]
    pub const fn method(&self) -> Option<&'a Method> {
        self.method
    }

    /// The origin in words, or why it is at none.
    pub(crate) fn origin(&self) -> Result<String, &'static str> {
        if self.scheme.is_empty() {
            return Err("the URL of the request is not absolute");
        }
        if self.host.is_empty() {
            return Err(
                "the URL of the request holds user information (user:password@), or no host",
            );
        }
        let port = self.port.map(|port| format!(":{port}"));
        let port = port.unwrap_or_default();
        Ok(format!("{}://{}{port}", self.scheme, self.host))
    }

    pub(crate) fn is_at(&self, origin: &Origin) -> bool {
        origin.matches(self.scheme, self.host, self.port)
    }
}

/// A request as a proof names it.
#[derive(Debug)]
pub(crate) struct RequestLine {
    pub(crate) method: Method,
    pub(crate) target: String,
}

impl RequestLine {
    pub(crate) fn of(of: &Target<'_>, origin: &Origin) -> Result<Self, Error> {
        match (of.method, of.path) {
            (Some(method), Some(path)) => Ok(Self {
                method: method.clone(),
                target: target(origin, path),
            }),
            _ => Err(Error::configuration(
                "tokens are bound to a key, and what sends the request does not tell its method and path for the \
                 proof (Target::with_method, Target::with_path)",
            )),
        }
    }
}
