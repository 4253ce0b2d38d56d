//! Scenarios: what happens to a cached token source in virtual time, and what its callers must see.
//!
//! The format is that of `scenarios/FORMAT.md` in this crate. [`Scenario::load`] reads a file strictly,
//! [`Scenario::run`] plays it to the real cache, and the program `run-scenarios` does both for any number
//! of files and folders.
//!
//! # Examples
//!
//! ```
//! use oauth_testkit::scenario::Scenario;
//! use std::path::Path;
//!
//! let text = r#"{
//!   "name": "callers_share_one_request",
//!   "promise": "P4",
//!   "steps": [
//!     {"call": ["a", "b"]},
//!     {"reply": {"json": {"access_token": "t1", "expires_in": 3600}}},
//!     {"expect": {"requests": 1, "results": {"a": "token t1", "b": "token t1"}}}
//!   ]
//! }"#;
//! let scenario = Scenario::parse(Path::new("callers_share_one_request.json"), text)?;
//! scenario.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod parse;
mod policy;
mod seconds;
mod subject;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::VirtualWorld;
pub use policy::Policy;
pub use subject::{Mismatch, Subject, play};

/// A scenario. As JSON it is a file of the format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    name: String,
    promise: String,
    policy: Policy,
    steps: Vec<Step>,
}

impl Scenario {
    /// A scenario made in a program; [`load`](Self::load) reads one from a file.
    pub fn new(
        name: impl Into<String>,
        promise: impl Into<String>,
        policy: Policy,
        steps: Vec<Step>,
    ) -> Self {
        Self {
            name: name.into(),
            promise: promise.into(),
            policy,
            steps,
        }
    }

    /// Reads the file of a scenario.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if it cannot be read, or does not follow the format to the letter.
    pub fn load(file: &Path) -> Result<Self, FormatError> {
        let text = fs::read_to_string(file)
            .map_err(|cause| FormatError::new(file, format!("cannot be read: {cause}")))?;
        Self::parse(file, &text)
    }

    /// Reads `text` as the content of `file`, whose name is that of the scenario.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if the text does not follow the format to the letter.
    pub fn parse(file: &Path, text: &str) -> Result<Self, FormatError> {
        parse::scenario(file, text).map_err(|reason| FormatError::new(file, reason))
    }

    /// Plays it to the real cache.
    ///
    /// # Errors
    ///
    /// [`Failure`] says at which step the cache was not as expected, and how.
    pub fn run(&self) -> Result<(), Failure> {
        let world = self
            .policy
            .to_refresh_policy()
            .and_then(VirtualWorld::new)
            .map_err(|error| Failure {
                step: 0,
                reason: error.to_string(),
            });
        self.run_on(&mut world?)
    }

    /// Plays it to `subject`, which keeps the policy of the scenario and to which nothing has happened yet.
    ///
    /// # Errors
    ///
    /// [`Failure`] says at which step the subject was not as expected, and how.
    pub fn run_on(&self, subject: &mut impl Subject) -> Result<(), Failure> {
        for (number, step) in (1..).zip(&self.steps) {
            play(step, subject).map_err(|mismatch| Failure {
                step: number,
                reason: mismatch.to_string(),
            })?;
        }
        Ok(())
    }

    /// Its name, which is also that of its file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The promise that it proves: `P1` and so on.
    #[must_use]
    pub fn promise(&self) -> &str {
        &self.promise
    }

    /// The policy of the cache.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What happens, and what is expected.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// A step of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Each of these callers asks for a token, in this order.
    Call(Vec<String>),
    /// The futures of these callers are dropped unfinished.
    Drop(Vec<String>),
    /// The oldest unanswered token request is answered.
    Reply(Reply),
    /// The oldest unanswered token request fails in the HTTP client.
    Fail(Fault),
    /// Time passes.
    Advance(#[serde(with = "seconds")] Duration),
    /// The machine sleeps.
    Suspend(#[serde(with = "seconds")] Duration),
    /// The wall clock is stepped by so many seconds.
    Wall(i64),
    /// A server refused the token with this secret.
    Reject(String),
    /// All of this must hold.
    Expect(Expectation),
}

/// The answer to a token request.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    Json(String),
    Text(String),
}

impl Reply {
    /// An empty answer with this status.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Body::Text(String::new()),
        }
    }

    /// The answer 200 with this JSON text as its body.
    pub fn json(text: impl Into<String>) -> Self {
        Self {
            body: Body::Json(text.into()),
            ..Self::status(StatusCode::OK)
        }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with a further header.
    #[must_use]
    pub fn with_header(mut self, name: http::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The response that an HTTP client would hand on.
    #[must_use]
    pub fn to_http(&self) -> http::Response<Bytes> {
        let (text, content_type) = match &self.body {
            Body::Json(text) => (text, "application/json"),
            Body::Text(text) => (text, "text/plain"),
        };
        let mut response = http::Response::new(Bytes::copy_from_slice(text.as_bytes()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
            .headers_mut()
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(content_type));
        response
    }
}

/// How a token request fails in the HTTP client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No connection came about.
    Connect,
    /// The HTTP client's own limit on time ran out.
    Timeout,
    /// The connection broke.
    Transport,
}

/// What must hold after a step; what is `None` may be anything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Token requests sent since the start.
    #[serde(
        default,
        deserialize_with = "parse::given",
        skip_serializing_if = "Option::is_none"
    )]
    pub requests: Option<u64>,
    /// Token requests sent and not answered.
    #[serde(
        default,
        deserialize_with = "parse::given",
        skip_serializing_if = "Option::is_none"
    )]
    pub in_flight: Option<u64>,
    /// The callers still waiting, sorted by name.
    #[serde(
        default,
        deserialize_with = "parse::given",
        skip_serializing_if = "Option::is_none"
    )]
    pub waiting: Option<Vec<String>>,
    /// What these callers got: `token SECRET` or `error KIND`.
    #[serde(
        default,
        deserialize_with = "parse::given",
        skip_serializing_if = "Option::is_none"
    )]
    pub results: Option<BTreeMap<String, String>>,
    /// The secret of the token in hand, or `None` inside for none.
    #[serde(
        default,
        deserialize_with = "parse::given",
        skip_serializing_if = "Option::is_none"
    )]
    pub ready: Option<Option<String>>,
}

/// A file does not follow the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct FormatError {
    file: PathBuf,
    reason: String,
}

impl FormatError {
    fn new(file: &Path, reason: String) -> Self {
        Self {
            file: file.to_owned(),
            reason,
        }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Which step, if it is about one, and what is wrong.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// A scenario did not go as it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {step}: {reason}")]
pub struct Failure {
    step: usize,
    reason: String,
}

impl Failure {
    /// The number of the step, from 1.
    #[must_use]
    pub fn step(&self) -> usize {
        self.step
    }

    /// What was expected, and what was found.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
