//! What several tests of the core share.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use oauth_core::{HttpClient, HttpError, async_trait};

/// An HTTP client that gives out prepared answers, the last one for ever.
pub(crate) struct Canned(Mutex<VecDeque<(u16, &'static str)>>);

impl Canned {
    pub(crate) fn token() -> Self {
        Self::new([(
            200,
            r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":3600}"#,
        )])
    }

    pub(crate) fn new(answers: impl IntoIterator<Item = (u16, &'static str)>) -> Self {
        Self(Mutex::new(answers.into_iter().collect()))
    }
}

#[async_trait]
impl HttpClient for Canned {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let mut answers = self.0.lock().unwrap();
        let (status, body) = if answers.len() > 1 {
            answers.pop_front().unwrap()
        } else {
            answers[0]
        };
        Ok(http::Response::builder()
            .status(status)
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap())
    }
}
