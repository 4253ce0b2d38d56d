//! What a server was told to expect.

use std::fmt::{self, Display};

use crate::server::matching::Match;

/// An expectation, and how often it came true so far.
pub(crate) struct Expected<R> {
    requests: Match<R>,
    pub(crate) times: Times,
    /// Requests that met the conditions.
    met: usize,
    /// Those of them that the expectation is about.
    count: usize,
}

/// Both bounds are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) least: usize,
    pub(crate) most: Option<usize>,
}

/// An expectation that did not come true, to be put into words.
pub(crate) struct Unmet<R> {
    requests: Match<R>,
    times: Times,
    count: usize,
}

impl<R> Expected<R> {
    /// At least one request.
    pub(crate) fn new(requests: Match<R>) -> Self {
        Self {
            requests,
            times: Times {
                least: 1,
                most: None,
            },
            met: 0,
            count: 0,
        }
    }

    /// The requests that it counts.
    pub(crate) fn requests(&self) -> &Match<R> {
        &self.requests
    }

    /// One more of them has arrived.
    pub(crate) fn count(&mut self) {
        self.met += 1;
        self.count += usize::from(self.requests.occurrence.includes(self.met));
    }

    pub(crate) fn unmet(&self) -> Option<Unmet<R>> {
        let enough = self.count >= self.times.least;
        let too_many = self.times.most.is_some_and(|most| self.count > most);
        (!enough || too_many).then(|| Unmet {
            requests: self.requests.clone(),
            times: self.times,
            count: self.count,
        })
    }
}

impl<R: Display> Unmet<R> {
    /// `kind` is the kind of request. An arrow points at the requests in the log that meet the conditions.
    pub(crate) fn explain(&self, kind: &str, log: &[R]) -> String {
        let Self {
            requests,
            times,
            count,
        } = self;
        let mut text = format!("expected {times} {kind} ({requests}), there were {count}:");
        for (index, request) in log.iter().enumerate() {
            let mark = if requests.is_met_by(request) {
                "->"
            } else {
                "  "
            };
            text += &format!("\n{mark} #{} {request}", index + 1);
        }
        if log.is_empty() {
            text += "\n   (no requests)";
        }
        text
    }
}

impl Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self {
                least,
                most: Some(most),
            } if least == most => write!(f, "{least}"),
            Self { least, most: None } => write!(f, "at least {least}"),
            Self {
                least: 0,
                most: Some(most),
            } => write!(f, "at most {most}"),
            Self {
                least,
                most: Some(most),
            } => write!(f, "{least} to {most}"),
        }
    }
}
