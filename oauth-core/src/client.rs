//! A client that calls the endpoints of its authorization server: authenticates, and tries again where that is
//! of use.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::clock::{BoxFuture, Clock};
use crate::credential::Credential;
use crate::dpop::{Audience, Dpop};
use crate::error::{Error, ErrorKind};
use crate::http_client::HttpClient;
use crate::oauth_error::OAuthErrorCode;
use crate::observe;
use crate::protocol::assertion::{Assertion, AssertionAudience};
use crate::protocol::client_auth::Authentication;
#[cfg(feature = "jwt")]
use crate::protocol::client_auth::ClientAuthMethod;
use crate::protocol::dpop::{PROOF, target};
use crate::protocol::jws::{JwsAlgorithm, compact};
use crate::protocol::metadata::EndpointKind;
use crate::protocol::origin::Origin;
use crate::protocol::request::{check_repeated, post};
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
    /// The key that its tokens are bound to.
    pub(crate) dpop: Option<Box<Dpop>>,
    pub(crate) http_client: Arc<dyn HttpClient>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What a request says besides who the client is.
pub(crate) struct Parameters<'a, 'f> {
    pub(crate) fixed: &'a [(&'a str, &'a str)],
    /// Makes those that no two attempts may have in common. All of them are secret.
    pub(crate) fresh: Option<&'a Fresh<'f>>,
}

pub(crate) type Fresh<'a> = dyn Fn() -> BoxFuture<'a, Result<Made, Error>> + Send + Sync + 'a;
type Made = Vec<(&'static str, SecretString)>;

impl Parameters<'_, '_> {
    async fn make(&self) -> Result<Made, Error> {
        match self.fresh {
            Some(make) => make().await,
            None => Ok(Vec::new()),
        }
    }
}

/// What may be tried once more, each once a call.
struct Retries {
    nonce: bool,
    secret: bool,
}

impl Client {
    /// Posts `parameters` and reads the answer with `read`. Asks once more if the server wants a nonce in the
    /// proof, and if it does not accept the client whose secret has changed meanwhile.
    pub(crate) async fn call<T>(
        &self,
        endpoint: &Endpoint,
        parameters: &Parameters<'_, '_>,
        read: impl Fn(&Response<Bytes>, &Context<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let mut secret = self.secret().await?;
        let mut retries = Retries {
            nonce: self.dpop.is_some(),
            secret: self.may_change(),
        };
        loop {
            let mut authentication = self.authenticate(endpoint, secret.as_ref()).await?;
            let made = parameters.make().await?;
            let made = made
                .iter()
                .map(|(name, value)| (*name, value.expose_secret()));
            let fixed = parameters.fixed.iter().copied();
            let secrets = fixed.clone().filter(|(name, _)| is_secret(name));
            let secrets = secrets.chain(made.clone());
            let secrets = secrets.map(|(_, secret)| Zeroizing::new(secret.to_owned()));
            authentication.secrets.extend(secrets);
            let pairs: Vec<_> = fixed.chain(made).collect();
            let proof = authentication.parameters.iter().map(|(name, _)| *name);
            check_repeated(pairs.iter().map(|(name, _)| *name).chain(proof))?;
            let mut request = post(&endpoint.uri, &pairs, &authentication);
            let origin = Origin::of(&endpoint.uri)?;
            let dpop = self.dpop.as_ref();
            if let Some(dpop) = dpop.filter(|_| endpoint.kind == EndpointKind::Token) {
                let target = target(&origin, endpoint.uri.path());
                let proof = dpop.prove("POST", &origin, &target, None).await?;
                request.headers_mut().insert(PROOF, proof);
            }
            let sent = self.clock.now();
            let response = self.http_client.send(request).await;
            let response = response.map_err(|error| error.at(&origin))?;
            observe::answered(
                endpoint.kind.label(),
                endpoint.uri.host(),
                response.status(),
            );
            let has_nonce = self.dpop.as_ref().is_some_and(|dpop| {
                dpop.learn(Audience::AuthorizationServer, &origin, response.headers())
            });
            let context = Context {
                endpoint: &format!("{} at {origin}", endpoint.kind.name()),
                sent,
                wall: self.clock.wall(),
                secrets: &authentication.secrets,
            };
            let error = match read(&response, &context) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if retries.nonce && has_nonce && wants_nonce(&error) {
                observe::nonce_wanted("token");
                retries.nonce = false;
            } else if retries.secret && is_about_the_client(&error) {
                let Some(changed) = self.changed(secret.as_ref()).await else {
                    return Err(error);
                };
                observe::secret_changed();
                secret = Some(changed);
                retries.secret = false;
            } else {
                return Err(error);
            }
        }
    }

    /// The secret, if it is another one by now.
    async fn changed(&self, known: Option<&SecretString>) -> Option<SecretString> {
        match self.secret().await {
            Ok(again) => again.filter(|again| Some(again.expose_secret()) != exposed(known)),
            Err(error) => {
                observe::secret_unreadable(&error);
                None
            }
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
                let mut authentication = self.by_assertion(compact(input, &signature));
                // It is not sent, but the server knows it, and may quote it.
                authentication.keep_secret(secret);
                Ok(authentication)
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

/// RFC 9449 §8.
fn wants_nonce(error: &Error) -> bool {
    error
        .oauth_error()
        .is_some_and(|error| *error.code() == OAuthErrorCode::UseDpopNonce)
}

/// The parameters of all grants and endpoints that nobody else may see.
fn is_secret(parameter: &str) -> bool {
    matches!(
        parameter,
        "token"
            | "assertion"
            | "subject_token"
            | "actor_token"
            | "refresh_token"
            | "code"
            | "password"
    )
}

/// Whether the server may have refused the credentials. Some say so by a 401 with another code, or by a bare 400 or
/// 403.
fn is_about_the_client(error: &Error) -> bool {
    let status = error.status();
    match error.oauth_error() {
        _ if status == Some(StatusCode::UNAUTHORIZED) => true,
        Some(oauth_error) => *oauth_error.code() == OAuthErrorCode::InvalidClient,
        None => {
            error.kind() == ErrorKind::Refused
                && matches!(
                    status,
                    Some(StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN)
                )
        }
    }
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}
