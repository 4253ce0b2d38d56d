//! What goes over the wire to the authorization server, as far as it is secret.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use oauth_core::{HttpClient, HttpError};
use serde_json::Value;

/// The parameters of token requests that nobody may see.
const SECRET_PARAMETERS: [&str; 7] = [
    "client_secret",
    "client_assertion",
    "assertion",
    "refresh_token",
    "subject_token",
    "actor_token",
    "token",
];

/// Secrets, as they come to light. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<BTreeSet<String>>>);

impl Secrets {
    /// In all the forms in which it may stand somewhere.
    pub(crate) fn add(&self, secret: &str) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let mut secrets = self.0.lock().unwrap();
        secrets.extend([secret.to_owned(), encoded]);
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().cloned().collect()
    }

    fn add_headers(&self, headers: &HeaderMap) {
        for name in [AUTHORIZATION.as_str(), "dpop"] {
            for value in headers.get_all(name) {
                let value = value.to_str().unwrap();
                self.add(value);
                // Without `Basic` before it.
                self.add(value.rsplit(' ').next().unwrap());
            }
        }
    }
}

/// A client for token requests that remembers the secrets in them, and in their answers.
pub(crate) struct Tap {
    pub(crate) inner: Arc<dyn HttpClient>,
    pub(crate) secrets: Secrets,
}

#[async_trait]
impl HttpClient for Tap {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.secrets.add_headers(request.headers());
        for (name, value) in form_urlencoded::parse(request.body()) {
            if SECRET_PARAMETERS.contains(&&*name) {
                self.secrets.add(&value);
            }
        }
        let response = self.inner.send(request).await?;
        if let Ok(Value::Object(members)) = serde_json::from_slice(response.body()) {
            for name in ["access_token", "refresh_token", "id_token"] {
                if let Some(Value::String(token)) = members.get(name) {
                    self.secrets.add(token);
                }
            }
        }
        Ok(response)
    }
}
