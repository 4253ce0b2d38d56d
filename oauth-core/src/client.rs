//! A client that calls the endpoints of its authorization server: authenticates, and tries again where that is
//! of use.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tracing::debug;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::credential::Credential;
use crate::error::{Error, ErrorKind};
use crate::http_client::HttpClient;
use crate::oauth_error::OAuthErrorCode;
use crate::protocol::assertion::{Assertion, AssertionAudience};
use crate::protocol::client_auth::{Authentication, ClientAuthMethod};
use crate::protocol::jws::{JwsAlgorithm, compact};
use crate::protocol::request::post;
use crate::protocol::response::Context;
use crate::server::Endpoint;
use crate::unique::unique;

/// A registered client.
pub(crate) struct Client {
    pub(crate) id: Box<str>,
    pub(crate) credential: Credential,
    pub(crate) audience: AssertionAudience,
    /// For assertions under the secret.
    #[cfg_attr(
        not(feature = "jwt"),
        expect(dead_code, reason = "nothing signs with a secret")
    )]
    pub(crate) hmac: JwsAlgorithm,
    pub(crate) http_client: Arc<dyn HttpClient>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Client {
    /// Posts `parameters` and reads the answer with `read`. If the server does not accept the client and its
    /// secret has changed meanwhile, it is asked once more.
    pub(crate) async fn call<T>(
        &self,
        endpoint: &Endpoint,
        parameters: &[(&str, &str)],
        read: impl Fn(&Response<Bytes>, &Context<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let mut secret = self.secret().await?;
        let mut may_change = self.may_change();
        loop {
            let authentication = self.authenticate(endpoint, secret.as_ref()).await?;
            let request = post(&endpoint.uri, parameters, &authentication);
            let sent = self.clock.now();
            let response = self.http_client.send(request).await?;
            let context = Context {
                sent,
                wall: self.clock.wall(),
                secrets: &authentication.secrets,
            };
            let error = match read(&response, &context) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if !may_change || !is_about_the_client(&error) {
                return Err(error);
            }
            let again = match self.secret().await {
                Ok(again) => again,
                Err(cause) => {
                    debug!(
                        error = format_args!("{cause:#}"),
                        "the secret cannot be read again"
                    );
                    return Err(error);
                }
            };
            if exposed(again.as_ref()) == exposed(secret.as_ref()) {
                return Err(error);
            }
            debug!("the server refused the client, whose secret has changed; trying once more");
            secret = again;
            may_change = false;
        }
    }

    /// The secret, or the assertion, as it is now.
    async fn secret(&self) -> Result<Option<SecretString>, Error> {
        match &self.credential {
            Credential::Secret(source) | Credential::Assertion(source) => {
                source.read().await.map(Some)
            }
            Credential::Nothing | Credential::Key(_) => Ok(None),
        }
    }

    fn may_change(&self) -> bool {
        match &self.credential {
            Credential::Secret(source) | Credential::Assertion(source) => source.fixed().is_none(),
            Credential::Nothing | Credential::Key(_) => false,
        }
    }

    /// Made anew for every request: no assertion is ever sent twice.
    async fn authenticate(
        &self,
        endpoint: &Endpoint,
        secret: Option<&SecretString>,
    ) -> Result<Authentication, Error> {
        match (&self.credential, secret) {
            (Credential::Key(key), _) => {
                let input = self.assertion(endpoint, key.algorithm(), key.key_id())?;
                let signature = key.sign(input.as_bytes()).await?;
                Ok(self.by_assertion(compact(input, &signature)))
            }
            (Credential::Assertion(_), Some(assertion)) => {
                let assertion = assertion.expose_secret().trim();
                Ok(self.by_assertion(assertion.to_owned()))
            }
            #[cfg(feature = "jwt")]
            (Credential::Secret(_), Some(secret))
                if endpoint.method == ClientAuthMethod::ClientSecretJwt =>
            {
                let input = self.assertion(endpoint, self.hmac, None)?;
                let secret = secret.expose_secret();
                let signature = crate::signing_key::hmac(self.hmac, secret, input.as_bytes())?;
                Ok(self.by_assertion(compact(input, &signature)))
            }
            (Credential::Secret(_), Some(secret)) => {
                Authentication::by_secret(endpoint.method, &self.id, secret)
            }
            _ => Ok(Authentication::by_name(&self.id)),
        }
    }

    fn by_assertion(&self, assertion: String) -> Authentication {
        Authentication::by_assertion(&self.id, Zeroizing::new(assertion))
    }

    fn assertion(
        &self,
        endpoint: &Endpoint,
        algorithm: JwsAlgorithm,
        key_id: Option<&str>,
    ) -> Result<String, Error> {
        let token_endpoint = endpoint.token_endpoint.as_ref().unwrap_or(&endpoint.uri);
        let token_endpoint = token_endpoint.to_string();
        let audience = match &self.audience {
            AssertionAudience::TokenEndpoint => &token_endpoint,
            AssertionAudience::Issuer => endpoint.issuer.as_ref().unwrap_or(&token_endpoint),
            AssertionAudience::Exactly(audience) => audience,
        };
        let assertion = Assertion {
            algorithm,
            key_id,
            client_id: &self.id,
            audience,
            wall: self.clock.wall(),
            unique: &unique()?,
        };
        Ok(assertion.signing_input())
    }
}

/// Whether the server may have refused the credentials. Some say so by a bare 400, 401 or 403.
fn is_about_the_client(error: &Error) -> bool {
    match error.oauth_error() {
        Some(oauth_error) => *oauth_error.code() == OAuthErrorCode::InvalidClient,
        None => {
            error.kind() == ErrorKind::Refused
                && matches!(
                    error.status(),
                    Some(
                        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
                    )
                )
        }
    }
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}
