//! Token requests of other grants, for sources that are not of this crate.

use std::sync::Arc;

use secrecy::SecretString;

use crate::client_credentials::ClientCredentials;
use crate::clock::Clock;
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
    /// As those of [`token`](crate::TokenSource::token).
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
        let mut pairs = vec![("grant_type", grant_type)];
        if !self.scopes.is_empty() {
            pairs.push(("scope", self.scopes.as_str()));
        }
        let extra = self.parameters.iter();
        pairs.extend(extra.map(|(name, value)| (name.as_str(), value.as_str())));
        pairs.extend(parameters);
        let endpoint = EndpointKind::Token;
        let granted = self.registration.call(endpoint, &pairs, read_grant).await?;
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
