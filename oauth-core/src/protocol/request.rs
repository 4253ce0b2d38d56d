//! Requests to the endpoints of an authorization server: the parameters, the form, and the key of the tokens
//! that they bring.

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::protocol::client_auth::Authentication;
use crate::scope::Scopes;
use crate::secret::wiped_bytes;
use crate::token_key::TokenKey;

/// What only the library itself may put into a request.
const RESERVED: [&str; 6] = [
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];

/// The parameters of a client credentials request (RFC 6749 §4.4.2), without those of client authentication.
pub(crate) fn client_credentials<'a>(
    scopes: &'a Scopes,
    extra: &'a [(String, String)],
) -> Vec<(&'a str, &'a str)> {
    let mut pairs = vec![("grant_type", "client_credentials")];
    if !scopes.is_empty() {
        pairs.push(("scope", scopes.as_str()));
    }
    let extra = extra.iter();
    pairs.extend(extra.map(|(name, value)| (name.as_str(), value.as_str())));
    pairs
}

/// A form posted to an endpoint. The query of the endpoint is kept (RFC 6749 §3.2).
pub(crate) fn post(
    endpoint: &Uri,
    parameters: &[(&str, &str)],
    authentication: &Authentication,
) -> Request<Bytes> {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    if let Some(authorization) = &authentication.header {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    let proof = authentication.parameters.iter();
    let proof = proof.map(|(name, value)| (*name, value.as_str()));
    let pairs: Vec<_> = parameters.iter().copied().chain(proof).collect();
    let mut request = Request::new(form(&pairs));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = endpoint.clone();
    *request.headers_mut() = headers;
    request
}

/// Everything about a client and its server that shapes a token request, named.
#[derive(Default)]
pub(crate) struct Identity<'a> {
    /// Where the request goes: the token endpoint, or the issuer to ask for it.
    pub(crate) server: &'a [(&'a str, &'a str)],
    pub(crate) client_id: &'a str,
    /// How the client authenticates, and with what.
    pub(crate) authentication: &'a [(&'a str, &'a str)],
    /// The thumbprint of the key that the token is bound to.
    pub(crate) dpop: Option<&'a str>,
    /// Whether it may be bound to no key all the same. A store must not give such a token to who refuses it.
    pub(crate) accepts_bearer: bool,
}

impl Identity<'_> {
    pub(crate) fn key(&self) -> TokenKey {
        let mut key = TokenKey::builder("client").field("client_id", self.client_id);
        for (name, value) in self.server {
            key = key.field("server", name).field("value", value);
        }
        for (name, value) in self.authentication {
            key = key.field("authentication", name).field("value", value);
        }
        if let Some(thumbprint) = self.dpop {
            key = key.field("dpop", thumbprint);
            if self.accepts_bearer {
                key = key.field("accept_bearer", "true");
            }
        }
        key.build()
    }
}

/// The key of the tokens that `client` gets with such a request. Scope order does not matter; everything else does.
pub(crate) fn request_key(
    client: &TokenKey,
    scopes: &Scopes,
    extra: &[(String, String)],
) -> TokenKey {
    let mut key = TokenKey::builder("client_credentials").field("client", &client.to_string());
    for scope in scopes.sorted() {
        key = key.field("scope", scope);
    }
    for (name, value) in extra {
        key = key.field("parameter", name).field("value", value);
    }
    key.build()
}

/// RFC 6749 §3.2: parameters must not be repeated. RFC 8707 §2 excepts `resource`.
pub(crate) fn check_extra(extra: &[(String, String)]) -> Result<(), Error> {
    for (position, (name, value)) in extra.iter().enumerate() {
        let fault = |what: &str| Err(Error::configuration(format!("parameter {name:?} {what}")));
        if name.is_empty() {
            return fault("has no name; give it one");
        }
        if RESERVED.contains(&name.as_str()) {
            return fault(
                "is set by the library; the scopes, the client and its secret have settings of their own",
            );
        }
        if name == "resource" {
            check_resource(value)?;
        } else if extra[..position].iter().any(|(earlier, _)| earlier == name) {
            return fault("is given twice, which RFC 6749 §3.2 forbids; leave one");
        }
    }
    Ok(())
}

/// RFC 6749 §3.2, of all that a request sends. Token exchange may have several of `audience` too (RFC 8693 §2.1).
pub(crate) fn check_repeated<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), Error> {
    for (position, name) in names.clone().enumerate() {
        let is_repeated = names.clone().take(position).any(|earlier| earlier == name);
        if is_repeated && !matches!(name, "resource" | "audience") {
            return Err(Error::configuration(format!(
                "parameter {name:?} would be sent twice, which RFC 6749 §3.2 forbids; the grant sets it by itself, so \
                 leave it out of .parameter(…)"
            )));
        }
    }
    Ok(())
}

/// RFC 8707 §2: an absolute URI (RFC 3986 §4.3) without a fragment.
fn check_resource(uri: &str) -> Result<(), Error> {
    let fault = |what: &str| {
        Err(Error::configuration(format!(
            "the resource {uri:?} {what} (RFC 8707 §2)"
        )))
    };
    let Some((scheme, rest)) = uri.split_once(':') else {
        return fault("is not an absolute URI, like https://api.example.com/");
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !is_scheme || rest.is_empty() || rest == "//" {
        return fault("is not an absolute URI, like https://api.example.com/");
    }
    if uri.contains('#') {
        return fault("has a fragment; leave it out");
    }
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return fault("holds a character that no URI can; percent-encode it");
    }
    Ok(())
}

fn form(pairs: &[(&str, &str)]) -> Bytes {
    // Room for every byte to be percent-encoded: a reallocation would leave a copy of the secret.
    let room = pairs
        .iter()
        .map(|(name, value)| 3 * (name.len() + value.len()) + 2)
        .sum();
    let mut serializer = Serializer::new(String::with_capacity(room));
    serializer.extend_pairs(pairs);
    wiped_bytes(Zeroizing::new(serializer.finish().into_bytes()))
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
