//! A server that knows a client by its key.

use oauth_testkit::{FakeTokenServer, FakeTokenServerBuilder, JwtAlgorithm};
use serde_json::{Value, json};

use crate::jose::{Key, fresh_id, now, with};
use crate::support::{GRANT, Response, ask, form};

pub(crate) const TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

pub(crate) fn body(assertion: &str) -> String {
    format!("{GRANT}&client_assertion_type={TYPE}&client_assertion={assertion}")
}

/// A server that knows `service` by one key, and that key.
pub(crate) struct Setup {
    pub(crate) server: FakeTokenServer,
    pub(crate) key: Key,
    pub(crate) algorithm: JwtAlgorithm,
}

impl Setup {
    pub(crate) fn new(
        change: impl FnOnce(FakeTokenServerBuilder) -> FakeTokenServerBuilder,
    ) -> Self {
        let algorithm = JwtAlgorithm::Es256;
        let key = Key::for_algorithm(algorithm);
        let builder = FakeTokenServer::builder().client_key("service", algorithm, key.pem());
        Self {
            server: change(builder).start().unwrap(),
            key,
            algorithm,
        }
    }

    pub(crate) fn plain() -> Self {
        Self::new(|builder| builder)
    }

    pub(crate) fn claims(&self) -> Value {
        json!({
            "iss": "service", "sub": "service", "aud": self.server.token_url(),
            "exp": now() + 60, "iat": now(), "jti": fresh_id(),
        })
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": self.algorithm.name() })
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.key.sign(self.algorithm, header, claims)
    }

    pub(crate) fn ask(&self, header: &Value, claims: &Value) -> Response {
        ask(&self.server, form("", &body(&self.sign(header, claims))))
    }

    /// The right assertion with these claims instead.
    pub(crate) fn ask_with(&self, changes: Value) -> Response {
        self.ask(&self.header(), &with(self.claims(), changes))
    }

    pub(crate) fn ask_with_header(&self, changes: Value) -> Response {
        self.ask(&with(self.header(), changes), &self.claims())
    }

    pub(crate) fn ask_right(&self) -> Response {
        self.ask(&self.header(), &self.claims())
    }
}

#[track_caller]
pub(crate) fn refused(response: &Response, description: &str) {
    assert_eq!(
        (response.status, response.error().as_str()),
        (401, "invalid_client")
    );
    response.assert_description(description);
}
