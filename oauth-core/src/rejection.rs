//! What a cached source does about a token that a server refused.

use std::sync::Arc;

use crate::cache::Cache;
use crate::source::TokenSource;
use crate::token::AccessToken;

impl<S: TokenSource + 'static> Cache<S> {
    /// A rejection that counts goes on to the source, which may have a cache of its own: before it counts here, so that
    /// no flight that begins after it can be given the token once more.
    pub(crate) fn reject(self: &Arc<Self>, token: &AccessToken) {
        let Some(original) = self.lock().machine.to_reject(token) else {
            self.remember_rejected(token);
            return;
        };
        if let Some(fleet) = self.fleet() {
            fleet.reject(&original);
        }
        self.source.reject(&original);
        self.remember_rejected(token);
    }

    fn remember_rejected(&self, token: &AccessToken) {
        let now = self.clock.now();
        let mut state = self.lock();
        let draw = state.draw();
        if !state.machine.reject(token, now, draw) {
            return;
        }
        self.publish(&state, now);
        let status = state.machine.status(now);
        drop(state);
        self.observer().rejected(token.generation(), &status);
    }
}
