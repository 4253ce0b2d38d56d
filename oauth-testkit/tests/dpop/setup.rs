//! A client with a key, and a server.

use oauth_testkit::{DpopRules, FakeTokenServer, JwtAlgorithm};
use serde_json::{Value, json};

use crate::jose::{Key, fresh_id, now, sha256, with};
use crate::support::{BASIC, Client, GRANT, Response, form, get};

/// A client with a key, and a server.
pub(crate) struct Setup {
    pub(crate) server: FakeTokenServer,
    pub(crate) key: Key,
    pub(crate) algorithm: JwtAlgorithm,
}

/// The authority of a URL.
pub(crate) fn host(url: &str) -> &str {
    url.split('/').nth(2).unwrap()
}

impl Setup {
    pub(crate) fn new(rules: DpopRules) -> Self {
        Self {
            server: FakeTokenServer::builder().dpop(rules).start().unwrap(),
            key: Key::for_algorithm(JwtAlgorithm::Es256),
            algorithm: JwtAlgorithm::Es256,
        }
    }

    pub(crate) fn plain() -> Self {
        Self::new(DpopRules::new())
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": self.algorithm.name(), "jwk": self.key.jwk() })
    }

    pub(crate) fn claims(&self) -> Value {
        json!({
            "jti": fresh_id(), "htm": "POST", "htu": self.server.token_url(), "iat": now(),
        })
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.key.sign(self.algorithm, header, claims)
    }

    /// A token request with these lines in its head.
    pub(crate) fn ask_with_lines(&self, lines: &str) -> Response {
        let request = form(&format!("{BASIC}{lines}"), GRANT);
        let url = self.server.token_url();
        let request = request.replace("Host: localhost", &format!("Host: {}", host(&url)));
        Client::to(&url).exchange(request)
    }

    pub(crate) fn ask_with_proof(&self, proof: &str) -> Response {
        self.ask_with_lines(&format!("DPoP: {proof}\r\n"))
    }

    /// A token request with the right proof but for these claims.
    pub(crate) fn ask(&self, changes: Value) -> Response {
        self.ask_with_proof(&self.sign(&self.header(), &with(self.claims(), changes)))
    }

    pub(crate) fn ask_with_header(&self, changes: Value) -> Response {
        self.ask_with_proof(&self.sign(&with(self.header(), changes), &self.claims()))
    }

    /// An API request with the right proof but for these claims.
    pub(crate) fn call(&self, token: &str, changes: Value) -> Response {
        let claims = json!({
            "jti": fresh_id(), "htm": "GET", "htu": self.server.api_url_for("/users"),
            "iat": now(), "ath": sha256(token),
        });
        let proof = self.sign(&self.header(), &with(claims, changes));
        self.call_with(token, &format!("DPoP: {proof}\r\n"))
    }

    pub(crate) fn call_with(&self, token: &str, lines: &str) -> Response {
        let url = self.server.api_url();
        let request = get("/users?page=2", token)
            .replace("Bearer", "DPoP")
            .replace(
                "Host: localhost\r\n",
                &format!("Host: {}\r\n{lines}", host(&url)),
            );
        Client::to(&url).exchange(request)
    }
}

#[track_caller]
pub(crate) fn refused(response: &Response, error: &str, description: &str) {
    assert_eq!((response.status, response.error().as_str()), (400, error));
    response.assert_description(description);
}

#[track_caller]
pub(crate) fn challenged(response: &Response, error: &str, description: &str) {
    assert_eq!(response.status, 401);
    let told = response.header("WWW-Authenticate").unwrap();
    assert!(
        told.starts_with("DPoP realm=\"api\", algs=\"RS256 "),
        "{told}"
    );
    assert!(told.contains(&format!("error=\"{error}\"")), "{told}");
    assert!(
        told.contains(description),
        "{told:?} is not {description:?}"
    );
}
