//! The requests a server has seen, as a test looks at them.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;

use crate::fault::Fault;
use crate::server::client_auth::ClientAuth;
use crate::server::jwt::SeenJwt;

/// A request that arrived at the origin of the token endpoint. Secrets in it are redacted.
///
/// `Display` is one readable line.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    pub(crate) seen: Seen,
    pub(crate) client_auths: Vec<ClientAuth>,
    pub(crate) client_assertion: Option<SeenJwt>,
    pub(crate) dpop_proof: Option<SeenJwt>,
    pub(crate) params: Vec<(String, String)>,
}

impl TokenRequest {
    /// The HTTP method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.seen.method
    }

    /// The path and, if there is one, the query. It is another path than that of
    /// [`token_url`](crate::FakeTokenServer::token_url) if the client went astray.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.seen.path_and_query
    }

    /// The headers; of `Authorization` the scheme only.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.seen.headers
    }

    /// The first header of this name, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.seen.header(name)
    }

    /// The `grant_type` parameter.
    #[must_use]
    pub fn grant_type(&self) -> Option<&str> {
        self.param("grant_type")
    }

    /// The `scope` parameter.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.param("scope")
    }

    /// How the client authenticated, right or wrong, and who it said it is; `None` if it did not, or in
    /// more than one way, see [`client_auths`](Self::client_auths).
    #[must_use]
    pub fn client_auth(&self) -> Option<&ClientAuth> {
        match self.client_auths.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Every way in which the client authenticated.
    #[must_use]
    pub fn client_auths(&self) -> &[ClientAuth] {
        &self.client_auths
    }

    /// What the `client_assertion` says, if it is a JWT, right or wrong.
    #[must_use]
    pub fn client_assertion(&self) -> Option<&SeenJwt> {
        self.client_assertion.as_ref()
    }

    /// What the DPoP proof says, if there is one, right or wrong (RFC 9449 §4.2).
    #[must_use]
    pub fn dpop_proof(&self) -> Option<&SeenJwt> {
        self.dpop_proof.as_ref()
    }

    /// Who the client said it is, in whichever way.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        let authenticated = self.client_auths.first();
        authenticated
            .map(|auth| auth.client_id.as_str())
            .or_else(|| self.param("client_id"))
    }

    /// The first parameter of this name in the body. Parameters that hold secrets have the value
    /// `<redacted>`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// All parameters in the body, in their order.
    #[must_use]
    pub fn params(&self) -> &[(String, String)] {
        &self.params
    }

    /// The status of the answer; `None` if there is none yet, or never will be.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.seen.status
    }

    /// What went wrong on the way of the answer, by the [`FaultPlan`](crate::FaultPlan) of the server.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.seen.faults
    }
}

impl fmt::Display for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.path_and_query())?;
        for (name, value) in &self.params {
            write!(f, " {name}={value:?}")?;
        }
        for auth in &self.client_auths {
            write!(f, " {:?}({})", auth.method, auth.client_id)?;
        }
        if let Some(assertion) = &self.client_assertion {
            write!(f, " assertion {assertion}")?;
        }
        if let Some(proof) = &self.dpop_proof {
            write!(f, " DPoP {proof}")?;
        }
        self.seen.write_status(f)
    }
}

/// A request that arrived at the protected API. Secrets in its head are redacted.
///
/// `Display` is one readable line.
#[derive(Clone)]
pub struct ApiRequest {
    pub(crate) seen: Seen,
    pub(crate) authorizations: usize,
    pub(crate) token_ordinal: Option<usize>,
    pub(crate) token_was_live: bool,
    pub(crate) dpop_proof: Option<SeenJwt>,
    pub(crate) body: Bytes,
}

impl ApiRequest {
    /// The HTTP method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.seen.method
    }

    /// The path and, if there is one, the query.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.seen.path_and_query
    }

    /// The headers; of `Authorization` the scheme only.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.seen.headers
    }

    /// The first header of this name, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.seen.header(name)
    }

    /// Whether there was an `Authorization` header.
    #[must_use]
    pub fn has_authorization(&self) -> bool {
        self.authorizations > 0
    }

    /// How many `Authorization` headers there were.
    #[must_use]
    pub fn authorization_count(&self) -> usize {
        self.authorizations
    }

    /// The token that was sent is the n-th one issued, counted from 1; `None` if there was none, or one
    /// that this server has not issued.
    #[must_use]
    pub fn token_ordinal(&self) -> Option<usize> {
        self.token_ordinal
    }

    /// Whether the token was live when the request was answered (until then: when it arrived), which a
    /// scripted answer does not show.
    #[must_use]
    pub fn token_was_live(&self) -> bool {
        self.token_was_live
    }

    /// What the DPoP proof says, if there is one, right or wrong (RFC 9449 §4.2).
    #[must_use]
    pub fn dpop_proof(&self) -> Option<&SeenJwt> {
        self.dpop_proof.as_ref()
    }

    /// The body, as it was sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The status of the answer; `None` if there is none yet, or never will be.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.seen.status
    }

    /// What went wrong on the way of the answer, by the [`FaultPlan`](crate::FaultPlan) of the server.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.seen.faults
    }
}

/// Tells the length of the body only: it is the test's own, and may hold a secret.
impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiRequest")
            .field("seen", &self.seen)
            .field("authorizations", &self.authorizations)
            .field("token_ordinal", &self.token_ordinal)
            .field("token_was_live", &self.token_was_live)
            .field("dpop_proof", &self.dpop_proof)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl fmt::Display for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.path_and_query())?;
        match (self.authorizations, self.token_ordinal) {
            (0, _) => f.write_str(" without token")?,
            (_, None) => f.write_str(" with an unknown token")?,
            (_, Some(ordinal)) if self.token_was_live => write!(f, " with token {ordinal}")?,
            (_, Some(ordinal)) => write!(f, " with dead token {ordinal}")?,
        }
        if self.authorizations > 1 {
            write!(f, " ({} Authorization headers)", self.authorizations)?;
        }
        if let Some(proof) = &self.dpop_proof {
            write!(f, " DPoP {proof}")?;
        }
        self.seen.write_status(f)
    }
}

/// What both kinds of request have.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path_and_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) status: Option<u16>,
    pub(crate) faults: Vec<Fault>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn write_status(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, " -> {status}")?,
            None => f.write_str(" -> no answer")?,
        }
        self.faults
            .iter()
            .try_for_each(|fault| write!(f, ", {fault}"))
    }
}
