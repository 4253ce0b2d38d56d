//! An HTTP client that keeps what it is asked and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use oauth_core::{HttpClient, HttpError, async_trait};
use serde_json::Value;

pub(crate) const TOKEN: &str =
    r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":3600}"#;

/// Clones share their memory.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: VecDeque<Response<Bytes>>,
    asked: Vec<Request<Bytes>>,
    before_answer: Option<Box<dyn FnMut(usize) + Send>>,
}

impl Recorder {
    /// Gives these answers in turn, and a token when they are used up.
    pub(crate) fn new(answers: impl IntoIterator<Item = Response<Bytes>>) -> Self {
        let this = Self::default();
        this.0.lock().unwrap().answers = answers.into_iter().collect();
        this
    }

    /// Calls `act` with the number of each request, from 1, before it is answered.
    pub(crate) fn before_answer(self, act: impl FnMut(usize) + Send + 'static) -> Self {
        self.0.lock().unwrap().before_answer = Some(Box::new(act));
        self
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.0.lock().unwrap().asked.clone()
    }

    /// The form of a request, counted from 0.
    pub(crate) fn form(&self, number: usize) -> Vec<(String, String)> {
        form_urlencoded::parse(self.requests()[number].body())
            .into_owned()
            .collect()
    }

    /// The one value of a form parameter.
    pub(crate) fn parameter(&self, number: usize, name: &str) -> Option<String> {
        let mut values = self
            .form(number)
            .into_iter()
            .filter(|(known, _)| known == name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} is repeated");
        value.map(|(_, value)| value)
    }
}

pub(crate) fn answer(status: u16, body: &'static str) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

#[async_trait]
impl HttpClient for Recorder {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(request);
        let number = state.asked.len();
        if let Some(act) = &mut state.before_answer {
            act(number);
        }
        Ok(state
            .answers
            .pop_front()
            .unwrap_or_else(|| answer(200, TOKEN)))
    }
}

/// Header and claims of a JWT, unverified.
pub(crate) fn jwt(text: &str) -> [Value; 2] {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let mut parts = text.split('.');
    [(); 2].map(|()| {
        let part = URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        serde_json::from_slice(&part).unwrap()
    })
}
