//! What the server says of itself (RFC 8414 §2).

use serde_json::{Map, Value, json};

use crate::server::client_auth::ClientAuthMethod;
use crate::server::grants::GRANT_TYPES;
use crate::server::state::ServerState;
use crate::server::urls::Place;

impl ServerState {
    pub(crate) fn metadata(&self) -> Value {
        let mut document = Map::new();
        let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
        set("issuer", self.urls.issuer().into());
        self.endpoints(&self.urls.token_origin)
            .into_iter()
            .for_each(|(name, url)| drop(set(name, url.into())));
        set("grant_types_supported", json!(GRANT_TYPES));
        // There is no authorization endpoint, and this member is required all the same.
        set("response_types_supported", json!([]));
        if let Some(scopes) = &self.scopes {
            set("scopes_supported", json!(scopes));
        }
        let methods = self.auth_methods();
        for endpoint in ["token", "introspection", "revocation"] {
            let name = format!("{endpoint}_endpoint_auth_methods_supported");
            set(&name, json!(methods));
        }
        let algorithms = self.assertion_algorithms();
        if !algorithms.is_empty() {
            for endpoint in ["token", "introspection", "revocation"] {
                let name = format!("{endpoint}_endpoint_auth_signing_alg_values_supported");
                set(&name, json!(algorithms));
            }
        }
        if self.has_jwks() {
            set("jwks_uri", self.url(Place::Jwks).into());
        }
        if self.knows_dpop() {
            let algorithms = self.dpop_algorithms();
            set("dpop_signing_alg_values_supported", json!(algorithms));
        }
        if let Some(origin) = &self.urls.mtls_origin {
            let aliases: Map<String, Value> = self
                .endpoints(origin)
                .into_iter()
                .map(|(name, url)| (name.to_owned(), url.into()))
                .collect();
            set("mtls_endpoint_aliases", aliases.into());
        }
        #[cfg(feature = "tls")]
        if self.protocol.certificate_bound {
            set("tls_client_certificate_bound_access_tokens", true.into());
        }
        document.into()
    }

    pub(crate) fn url(&self, place: Place) -> String {
        self.urls.at(&self.urls.token_origin, place)
    }

    fn endpoints(&self, origin: &str) -> [(&'static str, String); 3] {
        [
            ("token_endpoint", Place::Token),
            ("introspection_endpoint", Place::Introspection),
            ("revocation_endpoint", Place::Revocation),
        ]
        .map(|(name, place)| (name, self.urls.at(origin, place)))
    }

    fn auth_methods(&self) -> Vec<&'static str> {
        let accepted = self.clients.accepted.iter().copied();
        let mut names = Vec::new();
        for name in accepted.filter_map(ClientAuthMethod::registered_name) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    #[cfg(not(feature = "jose"))]
    fn assertion_algorithms(&self) -> Vec<&'static str> {
        Vec::new()
    }

    #[cfg(feature = "jose")]
    fn assertion_algorithms(&self) -> Vec<&'static str> {
        let by_secret = self.clients.accepts(ClientAuthMethod::SecretJwt);
        let by_key = self.clients.accepts(ClientAuthMethod::PrivateKeyJwt);
        crate::server::jose::JwtAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| {
                if algorithm.is_symmetric() {
                    by_secret
                } else {
                    by_key
                }
            })
            .map(crate::server::jose::JwtAlgorithm::name)
            .collect()
    }

    #[cfg(not(feature = "jose"))]
    fn has_jwks(&self) -> bool {
        false
    }

    #[cfg(feature = "jose")]
    fn has_jwks(&self) -> bool {
        self.protocol.signer.is_some()
    }
}
