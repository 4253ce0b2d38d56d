//! The request log.

use std::fmt::{Display, Write as _};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::server::requests::{ApiRequest, TokenRequest};
use crate::sync::lock;

#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    token: Vec<TokenRequest>,
    api: Vec<ApiRequest>,
    /// How often the log was cleared: an answer to a request of before has no entry any more.
    cleared: usize,
    token_in_flight: usize,
    max_token_in_flight: usize,
}

/// Where a request stands in the log.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    cleared: usize,
    index: usize,
}

/// Counts a token request as being served until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Option<Arc<RequestLog>>);

impl InFlight {
    /// For a request that is not counted.
    pub(crate) fn uncounted() -> Self {
        Self(None)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(log) = &self.0 {
            lock(&log.state).token_in_flight -= 1;
        }
    }
}

impl RequestLog {
    pub(crate) fn record_token(self: &Arc<Self>, request: TokenRequest) -> (Entry, InFlight) {
        let mut state = lock(&self.state);
        state.token_in_flight += 1;
        state.max_token_in_flight = state.max_token_in_flight.max(state.token_in_flight);
        state.token.push(request);
        let entry = Entry {
            cleared: state.cleared,
            index: state.token.len() - 1,
        };
        drop(state);
        self.changed.notify_all();
        (entry, InFlight(Some(Arc::clone(self))))
    }

    pub(crate) fn record_api(&self, request: ApiRequest) -> Entry {
        let mut state = lock(&self.state);
        state.api.push(request);
        let entry = Entry {
            cleared: state.cleared,
            index: state.api.len() - 1,
        };
        drop(state);
        self.changed.notify_all();
        entry
    }

    pub(crate) fn token_answered(&self, entry: Entry, status: u16) {
        let mut state = lock(&self.state);
        if state.cleared == entry.cleared {
            state.token[entry.index].seen.status = Some(status);
        }
    }

    pub(crate) fn api_answered(&self, entry: Entry, status: Option<u16>, live: bool) {
        let mut state = lock(&self.state);
        if state.cleared == entry.cleared {
            let request = &mut state.api[entry.index];
            request.seen.status = status;
            request.token_was_live = live;
        }
    }

    pub(crate) fn token_requests(&self) -> Vec<TokenRequest> {
        lock(&self.state).token.clone()
    }

    pub(crate) fn api_requests(&self) -> Vec<ApiRequest> {
        lock(&self.state).api.clone()
    }

    pub(crate) fn token_count(&self) -> usize {
        lock(&self.state).token.len()
    }

    pub(crate) fn api_count(&self) -> usize {
        lock(&self.state).api.len()
    }

    pub(crate) fn max_concurrent_token_requests(&self) -> usize {
        lock(&self.state).max_token_in_flight
    }

    pub(crate) fn clear(&self) {
        let mut state = lock(&self.state);
        state.token.clear();
        state.api.clear();
        state.cleared += 1;
        state.max_token_in_flight = state.token_in_flight;
    }

    /// Whether `count` token requests arrived before the patience ended.
    pub(crate) fn await_token(&self, count: usize, patience: Duration) -> bool {
        self.wait(patience, |state| state.token.len() >= count)
    }

    /// Whether `count` API requests arrived before the patience ended.
    pub(crate) fn await_api(&self, count: usize, patience: Duration) -> bool {
        self.wait(patience, |state| state.api.len() >= count)
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
