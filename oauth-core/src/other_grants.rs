//! Token requests of other grants, for sources that are not of this crate.

use std::sync::Arc;

use secrecy::SecretString;

use crate::client::{Fresh, Parameters};
use crate::client_credentials::ClientCredentials;
use crate::clock::{BoxFuture, Clock};
use crate::error::Error;
use crate::protocol::metadata::EndpointKind;
use crate::protocol::response::read_grant;
use crate::token::AccessToken;

/// What a token request brought (RFC 6749 §5.1).
#[derive(Debug)]
#[non_exhaustive]
pub struct TokenResponse {
    /// The token.
    pub token: AccessToken,
    /// The refresh token, which not every grant has. It takes the place of the one that was used (RFC 6749 §6).
    pub refresh_token: Option<SecretString>,
}

impl ClientCredentials {
    /// Makes a token request of another grant as this client: what a source of such a grant is built around. The
    /// client authenticates as it does for its own, scopes and parameters from its builder are added, and so is a
    /// proof if its tokens are bound to a key. `parameters` are those of the grant; a server that quotes the secret
    /// ones among them (`assertion`, `subject_token`, `actor_token`, `refresh_token`) is not quoted.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the request, which may have arrived all the same.
    ///
    /// # Errors
    ///
    /// As those of [`token`](crate::TokenSource::token); and
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a parameter would be sent twice, because the
    /// builder has it too (RFC 6749 §3.2). `resource` and `audience` may be.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_core::{AccessToken, ClientCredentials, Error, TokenSource, async_trait};
    ///
    /// /// A grant that this library does not have.
    /// struct DevicePin(ClientCredentials, String);
    ///
    /// #[async_trait]
    /// impl TokenSource for DevicePin {
    ///     async fn token(&self) -> Result<AccessToken, Error> {
    ///         let response = self.0.request("urn:example:pin", &[("pin", &self.1)]).await?;
    ///         Ok(response.token)
    ///     }
    /// }
    /// ```
    pub async fn request(
        &self,
        grant_type: &str,
        parameters: &[(&str, &str)],
    ) -> Result<TokenResponse, Error> {
        self.grant(grant_type, parameters, None).await
    }

    /// As [`request`](Self::request), with parameters that are made anew for each attempt, since a server takes them
    /// once: assertions, each with a `jti` of its own (RFC 7523 §3). A second attempt follows where the server wants a
    /// nonce in the proof (RFC 9449 §8), and where the secret has changed. None of these parameters is quoted.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the request, which may have arrived all the same.
    ///
    /// # Errors
    ///
    /// As those of [`request`](Self::request) and of `parameters`.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_core::{AccessToken, ClientCredentials, Error, JwsSigner, TokenSource, async_trait};
    /// use serde_json::Value;
    ///
    /// /// A grant that this library does not have.
    /// struct Badge<K>(ClientCredentials, K, fn() -> Value);
    ///
    /// #[async_trait]
    /// impl<K: JwsSigner> TokenSource for Badge<K> {
    ///     async fn token(&self) -> Result<AccessToken, Error> {
    ///         let Self(client, key, claims) = self;
    ///         let badge = || async { Ok(vec![("badge", key.sign_jwt(&claims()).await?)]) };
    ///         Ok(client.request_with("urn:example:badge", badge).await?.token)
    ///     }
    /// }
    /// ```
    pub async fn request_with<F, Fut>(
        &self,
        grant_type: &str,
        parameters: F,
    ) -> Result<TokenResponse, Error>
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future<Output = Result<Vec<(&'static str, SecretString)>, Error>> + Send,
    {
        let fresh = || -> BoxFuture<'_, _> { Box::pin(parameters()) };
        self.grant(grant_type, &[], Some(&fresh)).await
    }

    async fn grant(
        &self,
        grant_type: &str,
        parameters: &[(&str, &str)],
        fresh: Option<&Fresh<'_>>,
    ) -> Result<TokenResponse, Error> {
        let mut pairs = vec![("grant_type", grant_type)];
        if !self.scopes.is_empty() {
            pairs.push(("scope", self.scopes.as_str()));
        }
        let extra = self.parameters.iter();
        pairs.extend(extra.map(|(name, value)| (name.as_str(), value.as_str())));
        pairs.extend(parameters);
        let parameters = Parameters {
            fixed: &pairs,
            fresh,
        };
        let endpoint = EndpointKind::Token;
        let granted = self
            .registration
            .call_with(endpoint, &parameters, read_grant)
            .await?;
        Ok(TokenResponse {
            token: self.check_bound(granted.token)?,
            refresh_token: granted.refresh_token,
        })
    }

    /// The URL of the token endpoint, discovered if need be: for whom assertions are meant.
    ///
    /// # Errors
    ///
    /// As those of [`metadata`](Self::metadata).
    pub async fn token_url(&self) -> Result<String, Error> {
        let endpoint = self.registration.endpoint(EndpointKind::Token).await?;
        let named = endpoint.token_endpoint.as_ref().unwrap_or(&endpoint.uri);
        Ok(named.to_string())
    }

    /// The clock that its tokens are stamped by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.registration.client.clock
    }
}
