//! The client credentials grant (RFC 6749 §4.4).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use form_urlencoded::byte_serialize;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::cached::CachedTokenSource;
use crate::clock::Clock;
use crate::error::Error;
use crate::http_client::HttpClient;
use crate::protocol::client_auth::ClientAuthMethod;
use crate::protocol::origin::token_endpoint;
use crate::protocol::request::{Parameters, TokenRequest, key};
use crate::protocol::response::{Context, read};
use crate::refresh::policy::RefreshPolicy;
use crate::scope::Scopes;
use crate::secret::REDACTED;
use crate::source::TokenSource;
use crate::system_clock::SystemClock;
use crate::token::AccessToken;
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
    request: TokenRequest,
    key: TokenKey,
    client_id: String,
    client_secret: SecretString,
    scopes: Scopes,
    http_client: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
}

impl ClientCredentials {
    /// Starts with the URL of the token endpoint and the client's id.
    pub fn builder(
        token_url: impl Into<String>,
        client_id: impl Into<String>,
    ) -> ClientCredentialsBuilder {
        ClientCredentialsBuilder {
            token_url: token_url.into(),
            client_id: client_id.into(),
            client_secret: None,
            auth_method: ClientAuthMethod::default(),
            scopes: Ok(Scopes::default()),
            parameters: Vec::new(),
            http_client: None,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The cache that a program wants around it, with the default policy.
    #[must_use]
    pub fn cached(self) -> CachedTokenSource<Self> {
        self.cached_with(RefreshPolicy::default())
    }

    /// The cache that a program wants around it, on the same clock.
    #[must_use]
    pub fn cached_with(self, policy: RefreshPolicy) -> CachedTokenSource<Self> {
        let clock = Arc::clone(&self.clock);
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

    /// The scopes asked for.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }
}

#[async_trait]
impl TokenSource for ClientCredentials {
    async fn token(&self) -> Result<AccessToken, Error> {
        let sent = self.clock.now();
        let response = self.http_client.send(self.request.to_http()).await?;
        let secret = self.client_secret.expose_secret();
        let encoded = Zeroizing::new(byte_serialize(secret.as_bytes()).collect::<String>());
        let secrets = [secret, &encoded, self.request.basic_credentials()];
        let wall = self.clock.wall();
        read(
            &response,
            &Context {
                sent,
                wall,
                secrets: &secrets,
            },
        )
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("client_id", &self.client_id)
            .field("client_secret", &REDACTED)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// Builds [`ClientCredentials`]; made by [`ClientCredentials::builder`].
#[must_use]
pub struct ClientCredentialsBuilder {
    token_url: String,
    client_id: String,
    client_secret: Option<SecretString>,
    auth_method: ClientAuthMethod,
    scopes: Result<Scopes, Error>,
    parameters: Vec<(String, String)>,
    http_client: Option<Arc<dyn HttpClient>>,
    clock: Arc<dyn Clock>,
}

impl ClientCredentialsBuilder {
    /// The client's secret. Required.
    pub fn client_secret(mut self, secret: impl Into<SecretString>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// How the client authenticates; [`ClientAuthMethod::ClientSecretBasic`] unless said otherwise.
    pub fn auth_method(mut self, method: ClientAuthMethod) -> Self {
        self.auth_method = method;
        self
    }

    /// The scopes to ask for (RFC 6749 §3.3). An item may be a list separated by spaces. Without any,
    /// the server decides.
    pub fn scopes<I>(mut self, scopes: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.scopes = Scopes::new(scopes).map_err(Error::from);
        self
    }

    /// Adds a parameter that the server wants beside those of the protocol, such as `audience`. No name
    /// may come twice, except `resource` (RFC 8707 §2).
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// The HTTP client that sends the token requests. Required.
    pub fn http_client(mut self, client: impl HttpClient + 'static) -> Self {
        self.http_client = Some(Arc::new(client));
        self
    }

    /// The clock; [`SystemClock`] unless said otherwise.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The source. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) names what is wrong: a token URL that
    /// is not `https` (or `http` to loopback), or has a fragment or user information; an empty client id; a
    /// scope with an illegal character; a parameter that is repeated or belongs to the protocol; a missing
    /// secret or HTTP client.
    pub fn build(self) -> Result<ClientCredentials, Error> {
        let endpoint = token_endpoint(&self.token_url)?;
        if self.client_id.is_empty() {
            return Err(Error::configuration("the client id is empty"));
        }
        let client_secret = self
            .client_secret
            .filter(|secret| !secret.expose_secret().is_empty())
            .ok_or_else(|| missing("client secret", "client_secret"))?;
        let http_client = self
            .http_client
            .ok_or_else(|| missing("HTTP client", "http_client"))?;
        let scopes = self.scopes?;
        let parameters = Parameters {
            client_id: &self.client_id,
            client_secret: &client_secret,
            auth_method: self.auth_method,
            scopes: &scopes,
            extra: &self.parameters,
        };
        let key = key(&endpoint, &parameters);
        let request = TokenRequest::client_credentials(endpoint, &parameters)?;
        Ok(ClientCredentials {
            request,
            key,
            client_id: self.client_id,
            client_secret,
            scopes,
            http_client,
            clock: self.clock,
        })
    }
}

fn missing(what: &str, method: &str) -> Error {
    Error::configuration(format!("the {what} is missing; give one with .{method}(…)"))
}

impl fmt::Debug for ClientCredentialsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentialsBuilder")
            .field("client_id", &self.client_id)
            .field("client_secret", &REDACTED)
            .field("auth_method", &self.auth_method)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
