//! Setting up the client credentials grant.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::client::{Client, Credential};
use crate::client_credentials::ClientCredentials;
use crate::clock::Clock;
use crate::error::Error;
use crate::http_client::HttpClient;
use crate::protocol::assertion::AssertionAudience;
use crate::protocol::client_auth::{Authentication, ClientAuthMethod};
use crate::protocol::jws::JwsAlgorithm;
use crate::protocol::origin::token_endpoint;
use crate::protocol::request::{Shape, check_extra};
use crate::scope::Scopes;
use crate::secret_source::SecretSource;
use crate::signer::JwsSigner;
use crate::system_clock::SystemClock;

impl ClientCredentials {
    /// Starts with the URL of the token endpoint and the client's id.
    pub fn builder(
        token_url: impl Into<String>,
        client_id: impl Into<String>,
    ) -> ClientCredentialsBuilder {
        ClientCredentialsBuilder::new(token_url.into(), client_id.into())
    }
}

/// Builds [`ClientCredentials`]; made by [`ClientCredentials::builder`].
#[must_use]
pub struct ClientCredentialsBuilder {
    token_url: String,
    client_id: String,
    /// What was given to authenticate with, of which there must be one at most.
    credentials: Vec<Credential>,
    method: Option<ClientAuthMethod>,
    audience: AssertionAudience,
    hmac: JwsAlgorithm,
    scopes: Result<Scopes, Error>,
    parameters: Vec<(String, String)>,
    http_client: Option<Arc<dyn HttpClient>>,
    clock: Arc<dyn Clock>,
}

impl ClientCredentialsBuilder {
    fn new(token_url: String, client_id: String) -> Self {
        Self {
            token_url,
            client_id,
            credentials: Vec::new(),
            method: None,
            audience: AssertionAudience::default(),
            hmac: JwsAlgorithm::Hs256,
            scopes: Ok(Scopes::default()),
            parameters: Vec::new(),
            http_client: None,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The client's secret: a value, or a [`SecretSource`] that is read at every token request. It goes by
    /// [`ClientAuthMethod::ClientSecretBasic`] unless [`auth_method`](Self::auth_method) says otherwise.
    pub fn client_secret(mut self, secret: impl Into<SecretSource>) -> Self {
        self.credentials.push(Credential::Secret(secret.into()));
        self
    }

    /// The client's private key, with which it signs an assertion for each request (`private_key_jwt`,
    /// RFC 7523 §2.2): a `SigningKey` (feature `jwt`), or a signer of yours.
    pub fn private_key(mut self, key: impl JwsSigner + 'static) -> Self {
        self.credentials.push(Credential::Key(Arc::new(key)));
        self
    }

    /// An assertion that somebody else signs, such as the platform for its workloads; most often a
    /// [`SecretSource::file`]. It is read at every token request (RFC 7523 §2.2).
    pub fn client_assertion(mut self, assertion: impl Into<SecretSource>) -> Self {
        self.credentials
            .push(Credential::Assertion(assertion.into()));
        self
    }

    /// How the client authenticates, if what it was given does not say so:
    /// [`ClientAuthMethod::ClientSecretBasic`] with a secret, [`ClientAuthMethod::PrivateKeyJwt`] with a key or
    /// an assertion. Without any of them, name [`ClientAuthMethod::TlsClientAuth`] or
    /// [`ClientAuthMethod::None`].
    pub fn auth_method(mut self, method: ClientAuthMethod) -> Self {
        self.method = Some(method);
        self
    }

    /// For whom assertions are meant; the token endpoint unless said otherwise.
    pub fn assertion_audience(mut self, audience: AssertionAudience) -> Self {
        self.audience = audience;
        self
    }

    /// With what assertions under the secret are made ([`ClientAuthMethod::ClientSecretJwt`]): HMAC with
    /// SHA-256 unless said otherwise. A private key has an algorithm of its own.
    #[cfg(feature = "jwt")]
    pub fn hmac_algorithm(mut self, algorithm: JwsAlgorithm) -> Self {
        self.hmac = algorithm;
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

    /// The API that the token is for, as some servers want it said: the parameter `audience`.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.parameter("audience", audience)
    }

    /// An API that the token is for: an absolute URI without a fragment (RFC 8707 §2). Call it again for
    /// further ones.
    pub fn resource(self, uri: impl Into<String>) -> Self {
        self.parameter("resource", uri)
    }

    /// Adds a parameter that the server wants beside those of the protocol. No name may come twice, except
    /// `resource` (RFC 8707 §2).
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

    /// The source. Nothing is sent yet, and no secret is read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) names what is wrong: a token URL that
    /// is not `https` (or `http` to loopback), or has a fragment or user information; an empty client id; a
    /// scope with an illegal character; a parameter that is repeated or belongs to the protocol; a resource that
    /// is no absolute URI; nothing to authenticate with, more than one thing, or one that does not fit the
    /// method; a missing HTTP client.
    pub fn build(mut self) -> Result<ClientCredentials, Error> {
        let token_endpoint = token_endpoint(&self.token_url)?;
        if self.client_id.is_empty() {
            return Err(Error::configuration("the client id is empty"));
        }
        let credential = self.take_credential()?;
        let method = check_method(&credential, self.method)?;
        check_credential(&credential, method, &self.client_id)?;
        self.check_assertions()?;
        let http_client = self.http_client.take().ok_or_else(|| {
            Error::configuration("the HTTP client is missing; give one with .http_client(…)")
        })?;
        let scopes = std::mem::replace(&mut self.scopes, Ok(Scopes::default()))?;
        check_extra(&self.parameters)?;
        let identity = self.identity(&credential, method);
        let identity: Vec<_> = identity
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let key = Shape {
            server: &[("token_endpoint", &token_endpoint.to_string())],
            client_id: &self.client_id,
            authentication: &identity,
            scopes: &scopes,
            extra: &self.parameters,
            dpop: None,
        }
        .key();
        Ok(ClientCredentials {
            client: Client {
                id: self.client_id.into(),
                credential,
                audience: self.audience,
                hmac: self.hmac,
                http_client,
                clock: self.clock,
            },
            token_endpoint,
            method,
            key,
            scopes,
            parameters: self.parameters.into(),
        })
    }

    fn take_credential(&mut self) -> Result<Credential, Error> {
        let credential = self.credentials.pop().unwrap_or(Credential::Nothing);
        if self.credentials.is_empty() {
            return Ok(credential);
        }
        Err(Error::configuration(
            "more than one of .client_secret(…), .private_key(…) and .client_assertion(…) is given; a request has \
             one method of authentication (RFC 6749 §2.3)",
        ))
    }

    fn check_assertions(&self) -> Result<(), Error> {
        if self.audience == AssertionAudience::Issuer {
            return Err(Error::configuration(
                "the issuer is not known without discovery; name it with AssertionAudience::Exactly(…)",
            ));
        }
        if !self.hmac.is_symmetric() {
            return Err(Error::configuration(format!(
                "{} is no HMAC, and signs with no secret",
                self.hmac
            )));
        }
        Ok(())
    }

    /// How the client authenticates and with what, as part of the key of its tokens.
    fn identity(
        &self,
        credential: &Credential,
        method: ClientAuthMethod,
    ) -> Vec<(&'static str, Zeroizing<String>)> {
        let mut parts = vec![
            ("method", format!("{method:?}")),
            ("audience", format!("{:?}", self.audience)),
            ("hmac", self.hmac.to_string()),
        ];
        let source = match credential {
            Credential::Nothing => None,
            Credential::Secret(source) => Some(source),
            Credential::Key(key) => {
                parts.push(("algorithm", key.algorithm().to_string()));
                parts.push(("key_id", format!("{:?}", key.key_id())));
                parts.push(("key", key.key_name()));
                None
            }
            Credential::Assertion(source) => Some(source),
        };
        let mut parts: Vec<_> = parts
            .into_iter()
            .map(|(name, value)| (name, Zeroizing::new(value)))
            .collect();
        if let Some(source) = source {
            parts.extend(source.identity().map(|part| ("secret", part)));
        }
        parts
    }
}

/// The method that goes with the credential; one that was named must.
fn check_method(
    credential: &Credential,
    named: Option<ClientAuthMethod>,
) -> Result<ClientAuthMethod, Error> {
    let method = named.unwrap_or(match credential {
        Credential::Key(_) | Credential::Assertion(_) => ClientAuthMethod::PrivateKeyJwt,
        Credential::Secret(_) | Credential::Nothing => ClientAuthMethod::default(),
    });
    let wanted = match method {
        ClientAuthMethod::PrivateKeyJwt => "a key with .private_key(…), or .client_assertion(…)",
        ClientAuthMethod::TlsClientAuth | ClientAuthMethod::None => "none of them",
        _ => "a secret with .client_secret(…)",
    };
    let fits = match credential {
        Credential::Nothing => wanted == "none of them",
        Credential::Secret(_) => wanted.starts_with("a secret"),
        Credential::Key(_) | Credential::Assertion(_) => wanted.starts_with("a key"),
    };
    if fits {
        return Ok(method);
    }
    let given = match credential {
        Credential::Nothing => "nothing to authenticate with is given",
        Credential::Secret(_) => "a client secret is given",
        Credential::Key(_) => "a private key is given",
        Credential::Assertion(_) => "a client assertion is given",
    };
    Err(Error::configuration(format!(
        "{given}, but {} wants {wanted}",
        method.as_str()
    )))
}

/// What can be known to be wrong with a credential before it is used.
fn check_credential(
    credential: &Credential,
    method: ClientAuthMethod,
    client_id: &str,
) -> Result<(), Error> {
    match credential {
        Credential::Secret(source) | Credential::Assertion(source) => {
            let Some(secret) = source.fixed() else {
                return Ok(());
            };
            source.check(secret)?;
            if method == ClientAuthMethod::ClientSecretBasicRaw {
                Authentication::by_secret(method, client_id, secret)?;
            }
            Ok(())
        }
        Credential::Key(key) if key.algorithm().is_symmetric() => Err(Error::configuration(
            format!("{} is an HMAC, which is no private key", key.algorithm()),
        )),
        Credential::Key(_) | Credential::Nothing => Ok(()),
    }
}

impl fmt::Debug for ClientCredentialsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentialsBuilder")
            .field("client_id", &self.client_id)
            .field("credentials", &self.credentials)
            .field("auth_method", &self.method)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
