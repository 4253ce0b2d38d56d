//! Setting up the client credentials grant.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::client_credentials::{ClientCredentials, Registration};
use crate::clock::Clock;
use crate::credential::Credential;
use crate::dpop::Dpop;
use crate::error::Error;
use crate::http_client::HttpClient;
use crate::protocol::assertion::AssertionAudience;
use crate::protocol::client_auth::ClientAuthMethod;
use crate::protocol::jws::JwsAlgorithm;
use crate::protocol::request::{Identity, check_extra};
use crate::scope::Scopes;
use crate::secret_source::SecretSource;
use crate::server::ServerSettings;
use crate::signer::JwsSigner;
use crate::system_clock::SystemClock;

impl ClientCredentials {
    /// Starts with the URL of the token endpoint and the client's id.
    pub fn builder(
        token_url: impl Into<String>,
        client_id: impl Into<String>,
    ) -> ClientCredentialsBuilder {
        ClientCredentialsBuilder::new(ServerSettings::at(token_url.into()), client_id.into())
    }

    /// Starts with the issuer and the client's id: the endpoints are read from the metadata of the server
    /// (RFC 8414, or OpenID Connect Discovery), which is fetched at the first token request and believed for an
    /// hour. A client with a secret authenticates in the way that the server names there.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_core::{ClientCredentials, HttpClient};
    ///
    /// # fn example(http_client: impl HttpClient + 'static) -> Result<(), oauth_core::Error> {
    /// let source = ClientCredentials::discover("https://id.example.com/tenant-a", "my-client")
    ///     .client_secret("shh")
    ///     .http_client(http_client)
    ///     .build()?
    ///     .cached();
    /// # Ok(())
    /// # }
    /// ```
    pub fn discover(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
    ) -> ClientCredentialsBuilder {
        ClientCredentialsBuilder::new(ServerSettings::of(issuer.into()), client_id.into())
    }
}

/// Builds [`ClientCredentials`]; made by [`ClientCredentials::builder`].
#[must_use]
pub struct ClientCredentialsBuilder {
    server: ServerSettings,
    client_id: String,
    /// What was given to authenticate with, of which there must be one at most.
    credentials: Vec<Credential>,
    method: Option<ClientAuthMethod>,
    audience: AssertionAudience,
    hmac: JwsAlgorithm,
    dpop: Option<Arc<dyn JwsSigner>>,
    accepts_bearer: bool,
    scopes: Result<Scopes, Error>,
    parameters: Vec<(String, String)>,
    http_client: Option<Arc<dyn HttpClient>>,
    clock: Arc<dyn Clock>,
}

impl ClientCredentialsBuilder {
    fn new(server: ServerSettings, client_id: String) -> Self {
        Self {
            server,
            client_id,
            credentials: Vec::new(),
            method: None,
            audience: AssertionAudience::default(),
            hmac: JwsAlgorithm::Hs256,
            dpop: None,
            accepts_bearer: false,
            scopes: Ok(Scopes::default()),
            parameters: Vec::new(),
            http_client: None,
            clock: SystemClock::shared(),
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

    /// Binds the tokens to a key (DPoP, RFC 9449): a proof goes with every request, and a stolen token is of no
    /// use. The key may be new with every start of the program (`SigningKey::generate`, feature `jwt`).
    pub fn dpop(mut self, key: impl JwsSigner + 'static) -> Self {
        self.dpop = Some(Arc::new(key));
        self
    }

    /// Also takes a bearer token where one bound to a key was asked for. The default is to refuse it.
    pub fn accept_bearer(mut self) -> Self {
        self.accepts_bearer = true;
        self
    }

    /// Refuses a bearer token where one bound to a key was asked for, as is the default.
    pub fn no_accept_bearer(mut self) -> Self {
        self.accepts_bearer = false;
        self
    }

    /// The issuer that the metadata names, where it is not the one that was started with: behind another host
    /// name, say. It is compared character for character (RFC 8414 §3.3).
    pub fn expected_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.server.expected_issuer = Some(issuer.into());
        self
    }

    /// Where the metadata is, if it is not where RFC 8414 §3.1 and OpenID Connect Discovery say.
    pub fn metadata_url(mut self, url: impl Into<String>) -> Self {
        self.server.metadata_url = Some(url.into());
        self
    }

    /// How long metadata is believed before it is fetched anew; an hour unless said otherwise. If that fails, it
    /// goes on being used.
    pub fn metadata_lifetime(mut self, lifetime: Duration) -> Self {
        self.server.metadata_lifetime = lifetime;
        self
    }

    /// Where tokens are asked about (RFC 7662), if that is not discovered.
    pub fn introspection_url(mut self, url: impl Into<String>) -> Self {
        self.server.introspection_url = Some(url.into());
        self
    }

    /// Where tokens are given back (RFC 7009), if that is not discovered.
    pub fn revocation_url(mut self, url: impl Into<String>) -> Self {
        self.server.revocation_url = Some(url.into());
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
        if self.client_id.is_empty() {
            return Err(Error::configuration(
                "the client id is empty; give the one under which the client is registered",
            ));
        }
        let credential = self.take_credential()?;
        let method = credential.method(self.method)?;
        credential.check(method, &self.client_id)?;
        self.check_assertions()?;
        let http_client = self.http_client.take().ok_or_else(|| {
            Error::configuration("the HTTP client is missing; give one with .http_client(…)")
        })?;
        let dpop = self
            .dpop
            .take()
            .map(|key| Dpop::new(key, Arc::clone(&self.clock)));
        let dpop = dpop.transpose()?;
        let server = self.server.build(&http_client, &self.clock)?;
        let scopes = std::mem::replace(&mut self.scopes, Ok(Scopes::default()))?;
        check_extra(&self.parameters)?;
        let mut authentication = credential.identity(method, self.server.is_discovered());
        for (name, value) in [
            ("audience", format!("{:?}", self.audience)),
            ("hmac", self.hmac.to_string()),
        ] {
            authentication.push((name, value.into()));
        }
        let authentication: Vec<_> = authentication
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let key = Identity {
            server: &self.server.identity(),
            client_id: &self.client_id,
            authentication: &authentication,
            dpop: dpop.as_ref().map(Dpop::thumbprint),
            accepts_bearer: self.accepts_bearer,
        }
        .key();
        let registration = Registration {
            client: Client {
                id: self.client_id.into(),
                credential,
                audience: self.audience,
                hmac: self.hmac,
                dpop: dpop.map(Box::new),
                http_client,
                clock: self.clock,
            },
            server,
            method,
            accepts_bearer: self.accepts_bearer,
            key,
        };
        Ok(ClientCredentials {
            registration: Arc::new(registration),
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
             one method of authentication (RFC 6749 §2.3): leave one",
        ))
    }

    fn check_assertions(&self) -> Result<(), Error> {
        if self.audience == AssertionAudience::Issuer && !self.server.is_discovered() {
            return Err(Error::configuration(
                "the issuer is not known without discovery; name it with AssertionAudience::Exactly(…)",
            ));
        }
        if !self.hmac.is_symmetric() {
            return Err(Error::configuration(format!(
                "{} is no HMAC, and signs with no secret; use HS256, HS384 or HS512",
                self.hmac
            )));
        }
        Ok(())
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
