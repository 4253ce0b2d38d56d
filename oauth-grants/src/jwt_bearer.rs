//! An assertion in exchange for a token.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, ClientCredentials, Dpop, Error, ErrorKind,
    JwsSigner, SecretString, TokenSource,
};
use serde_json::{Map, Value, json};

/// `grant_type` (RFC 7523 §2.1).
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

type Assert = dyn Fn() -> BoxFuture<'static, Result<SecretString, Error>> + Send + Sync;

/// Gets tokens for an assertion: the JWT bearer grant (RFC 7523 §2.1). The assertion says on whose behalf; it is
/// signed anew for each request by a key of the program's, or comes from elsewhere.
///
/// It is not cached: every [`token`](TokenSource::token) is one token request.
///
/// # Cancellation
///
/// Dropping the future of `token` drops the request.
///
/// # Errors
///
/// As those of [`ClientCredentials`], and those of the signer. `invalid_grant` says that the server does not take
/// the assertion (RFC 7521 §4.1.1).
///
/// # Examples
///
/// ```
/// use oauth_core::{ClientCredentials, JwsSigner};
/// use oauth_grants::{JwtBearer, JwtClaims};
///
/// # fn example(client: ClientCredentials, key: impl JwsSigner + 'static) {
/// let claims = JwtClaims::new("my-client").subject("ada@example.com");
/// let source = JwtBearer::signed(client, key, claims).cached();
/// # }
/// ```
pub struct JwtBearer {
    client: ClientCredentials,
    assertion: Assertion,
}

enum Assertion {
    Signed(Arc<dyn JwsSigner>, JwtClaims),
    From(Box<Assert>),
}

/// What the assertions of a [`JwtBearer`] say (RFC 7523 §3). `iat`, `exp` and `jti` are new in each of them.
#[derive(Debug, Clone)]
#[must_use]
pub struct JwtClaims {
    issuer: String,
    subject: Option<String>,
    audience: Option<String>,
    lifetime: Duration,
    further: Map<String, Value>,
}

impl JwtClaims {
    /// Claims of this issuer (`iss`): who signs. The subject is the same unless said otherwise.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            subject: None,
            audience: None,
            lifetime: Duration::from_secs(60),
            further: Map::new(),
        }
    }

    /// On whose behalf the token is asked for (`sub`).
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// For whom the assertion is meant (`aud`); the token endpoint unless said otherwise.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// How long an assertion is good for, in whole seconds; a minute unless said otherwise.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// A further claim. Those of RFC 7523 §3 that this library sets are not replaced.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.further.insert(name.into(), value.into());
        self
    }

    async fn now(&self, client: &ClientCredentials) -> Result<Value, Error> {
        let audience = match &self.audience {
            Some(audience) => audience.clone(),
            None => client.token_url().await?,
        };
        let wall = client.clock().wall().duration_since(UNIX_EPOCH);
        // Rounded down: some servers refuse what seems to be issued in the future.
        let issued = wall.unwrap_or_default().as_secs();
        let mut claims = self.further.clone();
        for (name, value) in [
            ("iss", json!(self.issuer)),
            ("sub", json!(self.subject.as_ref().unwrap_or(&self.issuer))),
            ("aud", json!(audience)),
            ("iat", json!(issued)),
            ("exp", json!(issued.saturating_add(self.lifetime.as_secs()))),
            ("jti", json!(unique()?)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        Ok(Value::Object(claims))
    }
}

impl JwtBearer {
    /// Assertions that `key` signs.
    #[must_use]
    pub fn signed(
        client: ClientCredentials,
        key: impl JwsSigner + 'static,
        claims: JwtClaims,
    ) -> Self {
        Self {
            client,
            assertion: Assertion::Signed(Arc::new(key), claims),
        }
    }

    /// Assertions that `assertion` gives, one for each request and for each further attempt at it: of the platform's, or of another server's.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_core::{ClientCredentials, Error, ErrorKind};
    /// use oauth_grants::JwtBearer;
    ///
    /// # fn example(client: ClientCredentials) {
    /// let source = JwtBearer::with(client, || async {
    ///     let read = std::fs::read_to_string("/var/run/secrets/tokens/vault-token");
    ///     let read = read.map_err(|cause| {
    ///         Error::builder(ErrorKind::Configuration, "there is no assertion").source(cause).build()
    ///     })?;
    ///     Ok(read.trim().into())
    /// });
    /// # }
    /// ```
    #[must_use]
    pub fn with<F, Fut>(client: ClientCredentials, assertion: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<SecretString, Error>> + Send + 'static,
    {
        let assertion = move || -> BoxFuture<'static, _> { Box::pin(assertion()) };
        Self {
            client,
            assertion: Assertion::From(Box::new(assertion)),
        }
    }

    /// The cache that a program wants around it, with the default policy.
    #[must_use]
    pub fn cached(self) -> CachedTokenSource<Self> {
        crate::cached(self, |source| &source.client)
    }

    /// Another each time: servers refuse one that they have seen.
    async fn assertion(&self) -> Result<SecretString, Error> {
        match &self.assertion {
            Assertion::Signed(key, claims) => key.sign_jwt(&claims.now(&self.client).await?).await,
            Assertion::From(assertion) => assertion().await,
        }
    }
}

#[async_trait]
impl TokenSource for JwtBearer {
    async fn token(&self) -> Result<AccessToken, Error> {
        let assertion = || async { Ok(vec![("assertion", self.assertion().await?)]) };
        let response = self.client.request_with(GRANT_TYPE, assertion).await?;
        Ok(response.token)
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.client.dpop()
    }
}

impl fmt::Debug for JwtBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtBearer")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// A name that nobody has used before, for `jti`.
fn unique() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|cause| {
        let message = "the operating system gives no randomness";
        Error::builder(ErrorKind::Configuration, message)
            .source(cause.to_string())
            .build()
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
