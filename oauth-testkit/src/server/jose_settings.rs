//! The setup of what is signed.

use std::fmt;
use std::io;

use crate::server::FakeTokenServerBuilder;
use crate::server::assertion::{AssertionRules, ClientKey};
use crate::server::client_auth::{ClientAuthMethod, Clients};
use crate::server::dpop::{Dpop, DpopRules};
use crate::server::federation::FederatedIdentity;
use crate::server::jose::{JwtAlgorithm, PublicKey};
use crate::server::token_signer::TokenSigner;

#[derive(Debug, Default)]
pub(crate) struct JoseSettings {
    client_keys: Vec<KeyText>,
    pub(crate) federated: Vec<(String, FederatedIdentity)>,
    issuer_keys: Vec<KeyText>,
    mac_algorithms: Vec<(String, JwtAlgorithm)>,
    rules: AssertionRules,
    dpop: DpopRules,
    signs_tokens: bool,
}

pub(crate) struct KeyText {
    pub(crate) owner: String,
    pub(crate) algorithm: JwtAlgorithm,
    pub(crate) text: String,
}

/// Leaves out the key: who gave the private one by mistake shall not find it in a log.
impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyText")
            .field("owner", &self.owner)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl KeyText {
    pub(crate) fn read(&self) -> io::Result<Vec<ClientKey>> {
        let keys = PublicKey::read(self.algorithm, &self.text);
        keys.map_err(|reason| {
            let text = format!("the key of {:?}: {reason}", self.owner);
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })
    }
}

impl JoseSettings {
    pub(crate) fn has_clients(&self) -> bool {
        !self.client_keys.is_empty() || !self.federated.is_empty()
    }

    /// Registers the keys; DPoP, and the signer of access tokens if they are signed.
    pub(crate) fn set_up(self, clients: &mut Clients) -> io::Result<(Dpop, Option<TokenSigner>)> {
        for key in self.client_keys {
            let keys = key.read()?;
            clients
                .registered
                .entry(key.owner)
                .or_default()
                .keys
                .extend(keys);
            clients.accepted.push(ClientAuthMethod::PrivateKeyJwt);
        }
        for (id, identity) in self.federated {
            let client = clients.registered.entry(id).or_default();
            client.identities.push(identity.read()?);
            clients.accepted.push(ClientAuthMethod::PrivateKeyJwt);
        }
        for key in self.issuer_keys {
            let keys = key.read()?;
            let trusted = &mut clients.assertions.trusted_issuers;
            trusted.entry(key.owner).or_default().extend(keys);
        }
        clients
            .assertions
            .mac_algorithms
            .extend(self.mac_algorithms);
        clients.assertions.rules = self.rules;
        let signer = self.signs_tokens.then(TokenSigner::new).transpose();
        Ok((Dpop::new(self.dpop), signer.map_err(io::Error::other)?))
    }
}

/// Client assertions.
impl FakeTokenServerBuilder {
    /// Registers a client that authenticates by `private_key_jwt`, with the algorithm it has to use and
    /// its public key: PEM (`PUBLIC KEY`), a JWK or a JWK Set. Called again for the same client, it adds
    /// a key. A key that does not fit the algorithm is an error at [`start`](Self::start).
    pub fn client_key(
        mut self,
        id: impl Into<String>,
        algorithm: JwtAlgorithm,
        public_key: impl Into<String>,
    ) -> Self {
        self.settings.jose.client_keys.push(KeyText {
            owner: id.into(),
            algorithm,
            text: public_key.into(),
        });
        self
    }

    /// Accepts only this algorithm in the `client_secret_jwt` of this client. By default any of `HS256`,
    /// `HS384` and `HS512`, once the method is [accepted](Self::accept_auth).
    pub fn secret_jwt_algorithm(mut self, id: impl Into<String>, algorithm: JwtAlgorithm) -> Self {
        self.settings
            .jose
            .mac_algorithms
            .push((id.into(), algorithm));
        self
    }

    /// How assertions are judged.
    pub fn assertion_rules(mut self, rules: AssertionRules) -> Self {
        self.settings.jose.rules = rules;
        self
    }

    /// Trusts the assertions of this issuer as a grant (RFC 7523 §2.1), signed with this algorithm and
    /// key, as for [`client_key`](Self::client_key).
    pub fn trust_issuer(
        mut self,
        issuer: impl Into<String>,
        algorithm: JwtAlgorithm,
        public_key: impl Into<String>,
    ) -> Self {
        self.settings.jose.issuer_keys.push(KeyText {
            owner: issuer.into(),
            algorithm,
            text: public_key.into(),
        });
        self
    }
}

/// Tokens.
impl FakeTokenServerBuilder {
    /// How DPoP proofs are judged (RFC 9449).
    pub fn dpop(mut self, rules: DpopRules) -> Self {
        self.settings.jose.dpop = rules;
        self
    }

    /// Issues access tokens that are signed JWTs (RFC 9068), `ES256` with a key made for this server,
    /// which [`jwks_url`](crate::FakeTokenServer::jwks_url) serves. By default tokens mean nothing.
    pub fn jwt_access_tokens(mut self) -> Self {
        self.settings.jose.signs_tokens = true;
        self
    }
}
