//! What a test does with the authorization server beyond its token endpoint.

use serde_json::Value;

use crate::reply::Reply;
use crate::server::FakeTokenServer;
use crate::server::requests::TokenRequest;
use crate::server::urls::Place;

/// What else is at the origin of the token endpoint.
impl FakeTokenServer {
    /// Where the metadata is by RFC 8414 §3.1: the well-known path stands before that of the issuer. The
    /// same document is where OpenID Connect Discovery looks for it, after the issuer.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        self.state.url(Place::Metadata)
    }

    /// The metadata (RFC 8414 §2) as the server gives it. A test that wants them wrong changes the
    /// document and gives it to [`next_metadata_reply`](Self::next_metadata_reply).
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_testkit::{FakeTokenServer, Reply};
    ///
    /// let server = FakeTokenServer::start()?;
    /// let mut document = server.metadata();
    /// document["issuer"] = "http://other.example".into();
    /// server.next_metadata_reply(Reply::usual().json(document));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn metadata(&self) -> Value {
        self.state.metadata()
    }

    /// The URL of the introspection endpoint (RFC 7662), which wants client authentication.
    #[must_use]
    pub fn introspection_url(&self) -> String {
        self.state.url(Place::Introspection)
    }

    /// The URL of the revocation endpoint (RFC 7009), which wants client authentication.
    #[must_use]
    pub fn revocation_url(&self) -> String {
        self.state.url(Place::Revocation)
    }

    /// The URL of the keys that verify signed access tokens (RFC 7517 §5).
    #[must_use]
    pub fn jwks_url(&self) -> String {
        self.state.url(Place::Jwks)
    }

    /// Whether this is the secret of a token that was issued here, has not expired and is not revoked: what introspection
    /// (RFC 7662) would say. For an API of the test's own, in the same process.
    #[must_use]
    pub fn is_live(&self, token: &str) -> bool {
        self.state.issuer.judge(token).is_live()
    }

    /// Either metadata URL gives this reply once, after those scripted before.
    pub fn next_metadata_reply(&self, reply: Reply) {
        self.state.protocol.side_endpoints.metadata.push(reply);
    }

    /// Either metadata URL gives this reply whenever no other is scripted.
    pub fn always_metadata_reply(&self, reply: Reply) {
        self.state
            .protocol
            .side_endpoints
            .metadata
            .set_always(reply);
    }

    /// The introspection endpoint gives this reply once, after those scripted before.
    pub fn next_introspection_reply(&self, reply: Reply) {
        self.state.protocol.side_endpoints.introspection.push(reply);
    }

    /// The introspection endpoint gives this reply whenever no other is scripted.
    pub fn always_introspection_reply(&self, reply: Reply) {
        let scripts = &self.state.protocol.side_endpoints;
        scripts.introspection.set_always(reply);
    }

    /// The revocation endpoint gives this reply once, after those scripted before.
    pub fn next_revocation_reply(&self, reply: Reply) {
        self.state.protocol.side_endpoints.revocation.push(reply);
    }

    /// The revocation endpoint gives this reply whenever no other is scripted.
    pub fn always_revocation_reply(&self, reply: Reply) {
        let scripts = &self.state.protocol.side_endpoints;
        scripts.revocation.set_always(reply);
    }

    /// The URL of the keys gives this reply once, after those scripted before.
    pub fn next_jwks_reply(&self, reply: Reply) {
        self.state.protocol.side_endpoints.jwks.push(reply);
    }

    /// The URL of the keys gives this reply whenever no other is scripted.
    pub fn always_jwks_reply(&self, reply: Reply) {
        self.state.protocol.side_endpoints.jwks.set_always(reply);
    }

    /// The requests for metadata and keys, for introspection and revocation, in the order of their
    /// arrival: [`path_and_query`](TokenRequest::path_and_query) tells which. They are not among the
    /// [`token_requests`](Self::token_requests).
    #[must_use]
    pub fn other_requests(&self) -> Vec<TokenRequest> {
        self.state.protocol.side_endpoints.requests()
    }

    /// A refresh token for a client, as it would have from a grant that a user gave it.
    #[must_use]
    pub fn issue_refresh_token(&self, client_id: &str, scope: Option<&str>) -> String {
        self.state.protocol.refresh_tokens.issue(client_id, scope)
    }

    /// From now on the DPoP nonces that were given are no longer good, at either origin.
    #[cfg(feature = "jose")]
    pub fn renew_dpop_nonces(&self) {
        self.state.protocol.dpop.renew_nonces();
    }
}
