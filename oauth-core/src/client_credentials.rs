//! The client credentials grant (RFC 6749 §4.4).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;

use crate::cached::CachedTokenSource;
use crate::client::{Client, Parameters};
use crate::dpop::Dpop;
use crate::error::{Error, ErrorKind};
use crate::protocol::client_auth::ClientAuthMethod;
use crate::protocol::metadata::{EndpointKind, ServerMetadata};
use crate::protocol::request::{Identity, check_extra, client_credentials, request_key};
use crate::protocol::response::{Context, read};
use crate::refresh::policy::RefreshPolicy;
use crate::scope::Scopes;
use crate::server::{Endpoint, Server};
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
///
/// Many tokens for one client, each for other scopes or another API, cost little memory each:
///
/// ```
/// use oauth_core::ClientCredentials;
///
/// # fn example(client: ClientCredentials) -> Result<(), oauth_core::Error> {
/// let orders = client.with_scopes(["orders.read"])?.cached();
/// let stock = client.with_parameter("audience", "https://stock.example.com")?.cached();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClientCredentials {
    pub(crate) registration: Arc<Registration>,
    pub(crate) scopes: Scopes,
    pub(crate) parameters: Box<[(String, String)]>,
}

/// A client at its server, whatever it asks for.
pub(crate) struct Registration {
    pub(crate) client: Client,
    pub(crate) server: Server,
    /// `None`: by its secret, in whatever way the server likes.
    pub(crate) method: Option<ClientAuthMethod>,
    /// Also where a token bound to a key was asked for.
    pub(crate) accepts_bearer: bool,
    /// Identifies all of the above.
    pub(crate) key: TokenKey,
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
        let clock = Arc::clone(self.clock());
        CachedTokenSource::builder(self)
            .policy(policy)
            .shared_clock(clock)
            .build()
    }

    /// The same client, asking for other scopes in place of its own. What the two have in common is kept in memory
    /// once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if one holds an illegal character.
    pub fn with_scopes<I>(&self, scopes: I) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Ok(Self {
            scopes: Scopes::new(scopes)?,
            ..self.clone()
        })
    }

    /// The same client with one parameter (`audience`, `resource`, …) in place of those of that name that it has.
    /// What the two have in common is kept in memory once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the parameter belongs to the protocol, or is a
    /// resource that is no absolute URI.
    pub fn with_parameter(
        &self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, Error> {
        let (name, value) = (name.into(), value.into());
        let others = self.parameters.iter().filter(|(other, _)| *other != name);
        let mut parameters: Vec<_> = others.cloned().collect();
        parameters.push((name, value));
        check_extra(&parameters)?;
        Ok(Self {
            registration: Arc::clone(&self.registration),
            scopes: self.scopes.clone(),
            parameters: parameters.into(),
        })
    }

    /// Identifies everything that shapes the token request.
    #[must_use]
    pub fn key(&self) -> TokenKey {
        request_key(&self.registration.key, &self.scopes, &self.parameters)
    }

    /// As [`key`](Self::key), but the same whatever the client authenticates with and binds its tokens to: for what
    /// outlives a change of these, such as a refresh token.
    #[must_use]
    pub fn grant_key(&self) -> TokenKey {
        let registration = &self.registration;
        let server = registration.server.name();
        let client = Identity {
            server: &[(server.0, &server.1)],
            client_id: &registration.client.id,
            ..Identity::default()
        };
        request_key(&client.key(), &self.scopes, &self.parameters)
    }

    /// What the server says about itself; fetched if it is not known yet. `None` with a configured token URL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Discovery`](crate::ErrorKind::Discovery) if there is no usable metadata, or why the server
    /// cannot be asked.
    pub async fn metadata(&self) -> Result<Option<Arc<ServerMetadata>>, Error> {
        self.registration.server.metadata().await
    }

    /// RFC 9449 §5: a server that knows nothing of DPoP gives a token that is not bound.
    pub(crate) fn check_bound(&self, token: AccessToken) -> Result<AccessToken, Error> {
        let is_bound = self.dpop().is_none() || token.token_type() == TokenType::Dpop;
        if is_bound || self.registration.accepts_bearer {
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

impl Registration {
    /// Posts `parameters` to an endpoint of the server, and reads the answer with `read`.
    pub(crate) async fn call<T>(
        &self,
        endpoint: EndpointKind,
        parameters: &[(&str, &str)],
        read: impl Fn(&Response<Bytes>, &Context<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let parameters = Parameters {
            fixed: parameters,
            fresh: None,
        };
        self.call_with(endpoint, &parameters, read).await
    }

    pub(crate) async fn call_with<T>(
        &self,
        endpoint: EndpointKind,
        parameters: &Parameters<'_, '_>,
        read: impl Fn(&Response<Bytes>, &Context<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let endpoint = self.endpoint(endpoint).await?;
        self.client.call(&endpoint, parameters, read).await
    }

    pub(crate) async fn endpoint(&self, endpoint: EndpointKind) -> Result<Endpoint, Error> {
        let dpop = self.client.dpop.as_ref().map(|dpop| dpop.algorithm());
        self.server.endpoint(endpoint, self.method, dpop).await
    }
}

#[async_trait]
impl TokenSource for ClientCredentials {
    async fn token(&self) -> Result<AccessToken, Error> {
        let parameters = client_credentials(&self.scopes, &self.parameters);
        let endpoint = EndpointKind::Token;
        let token = self.registration.call(endpoint, &parameters, read).await?;
        self.check_bound(token)
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.registration.client.dpop.as_deref()
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("client_id", &self.registration.client.id)
            .field("credential", &self.registration.client.credential)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
