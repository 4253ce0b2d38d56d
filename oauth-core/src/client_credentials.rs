//! The client credentials grant (RFC 6749 §4.4).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::cached::CachedTokenSource;
use crate::client::Client;
use crate::dpop::Dpop;
use crate::error::{Error, ErrorKind};
use crate::protocol::client_auth::ClientAuthMethod;
use crate::protocol::metadata::{EndpointKind, ServerMetadata};
use crate::protocol::request::client_credentials;
use crate::protocol::response::read;
use crate::refresh::policy::RefreshPolicy;
use crate::scope::Scopes;
use crate::server::Server;
use crate::source::TokenSource;
use crate::token::{AccessToken, TokenType};
use crate::token_key::TokenKey;

/// Gets tokens with the client credentials grant (RFC 6749 §4.4).
///
/// It is not cached: every [`token`](TokenSource::token) is one token request. Call
/// [`cached`](Self::cached) for what a program wants.
///
/// # Cancellation
///
/// Dropping the future of `token` drops the request.
///
/// # Errors
///
/// What the server says in an error response (RFC 6749 §5.2) is in
/// [`Error::oauth_error`]; [`Error::is_retryable`] says whether asking again may help.
///
/// # Examples
///
/// ```
/// use oauth_core::{ClientCredentials, HttpClient};
///
/// # fn example(http_client: impl HttpClient + 'static) -> Result<(), oauth_core::Error> {
/// let source = ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
///     .client_secret("shh")
///     .scopes(["read", "write"])
///     .http_client(http_client)
///     .build()?
///     .cached();
/// # Ok(())
/// # }
/// ```
pub struct ClientCredentials {
    pub(crate) client: Client,
    pub(crate) server: Server,
    /// `None`: by its secret, in whatever way the server likes.
    pub(crate) method: Option<ClientAuthMethod>,
    /// Also where a token bound to a key was asked for.
    pub(crate) accepts_bearer: bool,
    pub(crate) key: TokenKey,
    pub(crate) scopes: Scopes,
    pub(crate) parameters: Box<[(String, String)]>,
}

impl ClientCredentials {
    /// The cache that a program wants around it, with the default policy.
    #[must_use]
    pub fn cached(self) -> CachedTokenSource<Self> {
        self.cached_with(RefreshPolicy::default())
    }

    /// The cache that a program wants around it, on the same clock.
    #[must_use]
    pub fn cached_with(self, policy: RefreshPolicy) -> CachedTokenSource<Self> {
        let clock = Arc::clone(&self.client.clock);
        CachedTokenSource::builder(self)
            .policy(policy)
            .clock(clock)
            .build()
    }

    /// Identifies everything that shapes the token request.
    #[must_use]
    pub fn key(&self) -> TokenKey {
        self.key
    }

    /// What the server says about itself; fetched if it is not known yet. `None` with a configured token URL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Discovery`](crate::ErrorKind::Discovery) if there is no usable metadata, or why the server
    /// cannot be asked.
    pub async fn metadata(&self) -> Result<Option<Arc<ServerMetadata>>, Error> {
        self.server.metadata().await
    }

    /// RFC 9449 §5: a server that knows nothing of DPoP gives a token that is not bound.
    pub(crate) fn check_bound(&self, token: AccessToken) -> Result<AccessToken, Error> {
        let is_bound = self.client.dpop.is_none() || token.token_type() == TokenType::Dpop;
        if is_bound || self.accepts_bearer {
            return Ok(token);
        }
        Err(Error::new(
            ErrorKind::UnsupportedTokenType,
            "the server gave a token that is not bound to the client's key, which anybody could use (RFC 9449 §5); \
             if that will do, call .accept_bearer()",
        ))
    }

    /// The scopes asked for.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }
}

#[async_trait]
impl TokenSource for ClientCredentials {
    async fn token(&self) -> Result<AccessToken, Error> {
        let endpoint = self
            .server
            .endpoint(EndpointKind::Token, self.method)
            .await?;
        let parameters = client_credentials(&self.scopes, &self.parameters);
        let token = self.client.call(&endpoint, &parameters, read).await?;
        self.check_bound(token)
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.client.dpop.as_deref()
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("client_id", &self.client.id)
            .field("credential", &self.client.credential)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
