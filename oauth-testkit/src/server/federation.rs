//! Clients whom a platform vouches for: its assertions authenticate them (RFC 7521 §4.2), and are good until they expire.

use std::fmt;
use std::io;

use serde_json::{Map, Value};

use crate::server::FakeTokenServerBuilder;
use crate::server::assertion::{Assertions, ClientKey, header_algorithm, text};
use crate::server::client_auth::{Circumstances, Clients, Presented, Registration};
use crate::server::jose::JwtAlgorithm;
use crate::server::jose_settings::KeyText;
use crate::server::jwt::CompactJwt;

/// Who a client is to the platform that it runs on, which gives it assertions: a service account of Kubernetes, a
/// workload of a cloud or of a CI.
///
/// # Contract
///
/// The assertion has this `iss` and `sub`, neither of which is the id of the client, and is signed with the platform's
/// key. It may be used over and over until it expires, however long that is, and needs no `jti`.
///
/// # Examples
///
/// ```
/// use oauth_testkit::{FakeTokenServer, FederatedIdentity, JwtAlgorithm};
///
/// # let public_key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// let account = FederatedIdentity::new(
///     "https://kubernetes.default.svc",
///     "system:serviceaccount:shop:orders",
///     JwtAlgorithm::EdDsa,
///     public_key, // PEM, a JWK or a JWK Set
/// );
/// let server = FakeTokenServer::builder()
///     .federated_client("orders", account.audience("api://AzureADTokenExchange"))
///     .start()?;
/// # drop(server);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
#[must_use = "an identity is for a builder"]
pub struct FederatedIdentity {
    issuer: String,
    subject: String,
    audience: Option<String>,
    algorithm: JwtAlgorithm,
    public_key: String,
}

impl FederatedIdentity {
    /// An identity by issuer and subject. The key is that of the platform, as for
    /// [`client_key`](FakeTokenServerBuilder::client_key).
    pub fn new(
        issuer: impl Into<String>,
        subject: impl Into<String>,
        algorithm: JwtAlgorithm,
        public_key: impl Into<String>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            audience: None,
            algorithm,
            public_key: public_key.into(),
        }
    }

    /// The one audience that the assertion has to be for. By default whatever [`AssertionRules`](crate::AssertionRules)
    /// say.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// # Errors
    ///
    /// If the key cannot be read.
    pub(crate) fn read(self) -> io::Result<Federated> {
        let key = KeyText {
            owner: self.issuer,
            algorithm: self.algorithm,
            text: self.public_key,
        };
        Ok(Federated {
            keys: key.read()?,
            issuer: key.owner,
            subject: self.subject,
            audience: self.audience,
        })
    }
}

/// Leaves out the key: who gave the private one by mistake shall not find it in a log.
impl fmt::Debug for FederatedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FederatedIdentity")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("audience", &self.audience)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl FakeTokenServerBuilder {
    /// Registers a client that authenticates by the assertions of its platform. Called again for the same client, it
    /// adds an identity. A key that does not fit the algorithm is an error at [`start`](Self::start).
    pub fn federated_client(mut self, id: impl Into<String>, identity: FederatedIdentity) -> Self {
        self.settings.jose.federated.push((id.into(), identity));
        self
    }
}

/// A [`FederatedIdentity`] whose key has been read.
pub(crate) struct Federated {
    issuer: String,
    subject: String,
    audience: Option<String>,
    keys: Vec<ClientKey>,
}

impl Assertions {
    /// The client that has authenticated by an assertion of its platform, or why it has not; `None` if the assertion is
    /// none of a platform.
    pub(crate) fn verify_federated(
        &self,
        clients: &Clients,
        presented: &Presented,
        jwt: &CompactJwt<'_>,
        circumstances: &Circumstances<'_>,
    ) -> Option<Result<String, String>> {
        let (id, client) = federated_client(clients, presented, &jwt.claims)?;
        let is_own = ["iss", "sub"].map(|name| text(&jwt.claims, name) == Ok(id));
        if is_own == [true; 2] {
            return None;
        }
        let verified = self.verify_identity(client, jwt, circumstances);
        Some(verified.map(|()| id.to_owned()))
    }

    fn verify_identity(
        &self,
        client: &Registration,
        jwt: &CompactJwt<'_>,
        circumstances: &Circumstances<'_>,
    ) -> Result<(), String> {
        let claims = &jwt.claims;
        let (issuer, subject) = (text(claims, "iss")?, text(claims, "sub")?);
        let mut of_issuer = client
            .identities
            .iter()
            .filter(|known| known.issuer == issuer)
            .peekable();
        if of_issuer.peek().is_none() {
            return Err(format!("the client has no identity with iss {issuer:?}"));
        }
        let identity = of_issuer.find(|known| known.subject == subject);
        let identity =
            identity.ok_or_else(|| format!("the client has no identity with sub {subject:?}"))?;
        self.verify_signature(header_algorithm(&jwt.header)?, &identity.keys, jwt)?;
        match &identity.audience {
            Some(audience) => self.verify_audience_among(claims, std::slice::from_ref(audience))?,
            None => self.verify_audience(claims, circumstances)?,
        }
        self.verify_times(claims, circumstances.now, None)
    }
}

/// The client by its id or, if that is not given, by the identity.
fn federated_client<'a>(
    clients: &'a Clients,
    presented: &Presented,
    claims: &Map<String, Value>,
) -> Option<(&'a str, &'a Registration)> {
    let is_it = |id: &String, client: &Registration| match &presented.client_id {
        Some(claimed) => id == claimed && !client.identities.is_empty(),
        None => client.identities.iter().any(|known| {
            text(claims, "iss") == Ok(&known.issuer) && text(claims, "sub") == Ok(&known.subject)
        }),
    };
    let mut registered = clients.registered.iter();
    let found = registered.find(|(id, client)| is_it(id, client));
    found.map(|(id, client)| (id.as_str(), client))
}
