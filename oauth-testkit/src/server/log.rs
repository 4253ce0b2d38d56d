//! The request log.

use std::fmt::{Display, Write as _};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::server::kept::{Kept, LogLimit};
use crate::server::requests::{ApiRequest, TokenRequest};
use crate::sync::lock;

#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    state: Mutex<State>,
    changed: Condvar,
    limit: Option<LogLimit>,
}

#[derive(Debug, Default)]
struct State {
    token: Kept<TokenRequest>,
    api: Kept<ApiRequest>,
    /// How often the log was cleared: an answer to a request of before has no entry any more.
    cleared: usize,
    serving_token: Served,
    serving_api: Served,
}

/// How many requests of one kind are being served, and were at most.
#[derive(Debug, Default)]
struct Served {
    now: usize,
    max: usize,
}

impl Served {
    fn begin(&mut self) {
        self.now += 1;
        self.max = self.max.max(self.now);
    }

    fn forget(&mut self) {
        self.max = self.now;
    }
}

/// Where a request stands in the log.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    cleared: usize,
    index: usize,
}

/// Counts a request as being served until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Option<(Arc<RequestLog>, Kind)>);

impl InFlight {
    /// For a request that is not counted.
    pub(crate) fn uncounted() -> Self {
        Self(None)
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Token,
    Api,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let Some((log, kind)) = &self.0 else {
            return;
        };
        let mut state = lock(&log.state);
        match kind {
            Kind::Token => state.serving_token.now -= 1,
            Kind::Api => state.serving_api.now -= 1,
        }
    }
}

impl RequestLog {
    pub(crate) fn new(limit: Option<LogLimit>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    pub(crate) fn record_token(self: &Arc<Self>, request: TokenRequest) -> (Entry, InFlight) {
        let mut state = lock(&self.state);
        state.serving_token.begin();
        let entry = Entry {
            index: state.token.push(request, 0, self.limit),
            cleared: state.cleared,
        };
        drop(state);
        self.changed.notify_all();
        (entry, self.in_flight(Kind::Token))
    }

    pub(crate) fn record_api(self: &Arc<Self>, request: ApiRequest) -> (Entry, InFlight) {
        let mut state = lock(&self.state);
        state.serving_api.begin();
        let body_bytes = request.body.len();
        let entry = Entry {
            index: state.api.push(request, body_bytes, self.limit),
            cleared: state.cleared,
        };
        drop(state);
        self.changed.notify_all();
        (entry, self.in_flight(Kind::Api))
    }

    fn in_flight(self: &Arc<Self>, kind: Kind) -> InFlight {
        InFlight(Some((Arc::clone(self), kind)))
    }

    pub(crate) fn token_answered(&self, entry: Entry, status: u16) {
        let mut state = lock(&self.state);
        if state.cleared == entry.cleared
            && let Some(request) = state.token.get_mut(entry.index)
        {
            request.seen.status = Some(status);
        }
    }

    pub(crate) fn api_answered(&self, entry: Entry, status: Option<u16>, live: bool) {
        let mut state = lock(&self.state);
        if state.cleared == entry.cleared
            && let Some(request) = state.api.get_mut(entry.index)
        {
            request.seen.status = status;
            request.token_was_live = live;
        }
    }

    pub(crate) fn token_requests(&self) -> Vec<TokenRequest> {
        lock(&self.state).token.all()
    }

    pub(crate) fn api_requests(&self) -> Vec<ApiRequest> {
        lock(&self.state).api.all()
    }

    pub(crate) fn token_count(&self) -> usize {
        lock(&self.state).token.count()
    }

    pub(crate) fn api_count(&self) -> usize {
        lock(&self.state).api.count()
    }

    pub(crate) fn max_concurrent_token_requests(&self) -> usize {
        lock(&self.state).serving_token.max
    }

    pub(crate) fn max_concurrent_api_requests(&self) -> usize {
        lock(&self.state).serving_api.max
    }

    pub(crate) fn clear(&self) {
        let mut state = lock(&self.state);
        state.token = Kept::default();
        state.api = Kept::default();
        state.cleared += 1;
        state.serving_token.forget();
        state.serving_api.forget();
    }

    /// Whether `count` token requests arrived before the patience ended.
    pub(crate) fn await_token(&self, count: usize, patience: Duration) -> bool {
        self.wait(patience, |state| state.token.count() >= count)
    }

    /// Whether `count` API requests arrived before the patience ended.
    pub(crate) fn await_api(&self, count: usize, patience: Duration) -> bool {
        self.wait(patience, |state| state.api.count() >= count)
    }

    fn wait(&self, patience: Duration, enough: impl Fn(&State) -> bool) -> bool {
        let (_state, waited) = self
            .changed
            .wait_timeout_while(lock(&self.state), patience, |state| !enough(state))
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }
}

/// One request a line, for the message of a failed assertion.
pub(crate) fn readable<T: Display>(requests: &[T]) -> String {
    let mut text = String::new();
    for (index, request) in requests.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(text, "\n  #{} {request}", index + 1);
    }
    if text.is_empty() {
        "\n  (no requests)".to_owned()
    } else {
        text
    }
}
