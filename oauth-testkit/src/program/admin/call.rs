//! A request to the admin API, and why it is refused.

use serde::de::DeserializeOwned;
use serde_json::json;

use crate::server::{Received, Response};

/// A request whose route is found.
pub(super) struct Call<'a> {
    pub(super) request: &'a Received,
    /// What stands in the path where the route has a name in braces; empty if it has none.
    pub(super) name: &'a str,
}

/// A request that is not carried out, and changes nothing.
pub(super) struct Refusal {
    status: u16,
    error: &'static str,
    detail: String,
}

impl Refusal {
    pub(super) fn new(status: u16, error: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            error,
            detail: detail.into(),
        }
    }

    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(400, "bad_request", detail)
    }

    pub(super) fn response(&self) -> Response {
        let body = json!({ "error": self.error, "detail": self.detail });
        Response::json(self.status, &body)
    }
}

impl Call<'_> {
    /// The body, as JSON.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let content_type = self.request.headers.get("content-type");
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let media_type = content_type.unwrap_or_default().split(';').next();
        let media_type = media_type.unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            let detail = "the body has to be application/json, as `curl --json` sends it";
            return Err(Refusal::new(415, "unsupported_media_type", detail));
        }
        serde_json::from_slice(&self.request.body).map_err(|cause| Refusal::bad(cause.to_string()))
    }

    /// The value of the one query parameter that there may be.
    ///
    /// # Errors
    ///
    /// If there is another.
    pub(super) fn only_query(&self, name: &str) -> Result<Option<String>, Refusal> {
        let query = self.request.query.as_deref().unwrap_or_default();
        let mut value = None;
        for (key, given) in form_urlencoded::parse(query.as_bytes()) {
            if key != name || value.is_some() {
                return Err(Refusal::bad(format!(
                    "the query may hold one {name:?}, and not {key:?}"
                )));
            }
            value = Some(given.into_owned());
        }
        Ok(value)
    }
}
