//! How a cached source serves callers who need a token with so much of its life left.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Cache, Entry, ROUNDS};
use crate::flight::{Outcome, always_dead};
use crate::refresh::lasting::{Lasting, life_left, lives_too_short};
use crate::source::TokenSource;
use crate::token::AccessToken;

impl<S: TokenSource + 'static> Cache<S> {
    /// The usable token in hand if it has `at_least` of its life left. Its renewal is started if that is due.
    pub(crate) fn ready_lasting(self: &Arc<Self>, at_least: Duration) -> Option<AccessToken> {
        let now = self.clock.now_coarse();
        let mut ready = None;
        let published = self.published.load();
        let usable = published.as_ref()?;
        if life_left(usable, now) >= at_least {
            self.with_ready(&mut |token| ready = Some(token.clone()));
        }
        // Another token may have come meanwhile.
        ready.filter(|token| token.generation() == usable.token.generation())
    }

    /// The slow path, for a caller who found no such token in hand.
    pub(crate) async fn token_lasting(self: &Arc<Self>, at_least: Duration) -> Outcome {
        for _ in 0..ROUNDS {
            match self.enter_lasting(at_least) {
                Entry::Got(outcome) => {
                    return outcome.inspect_err(|error| self.observer().turned_away(error));
                }
                Entry::Wait(waiter) => {
                    self.observer().waits();
                    let token = waiter.await?;
                    if token.generation() > 0 {
                        // What it is good for is seen in the next round.
                        continue;
                    }
                    // Too old to keep, it goes to those who waited.
                    let now = self.clock.now();
                    let left = token
                        .expires_at()
                        .map(|end| end.saturating_duration_since(now));
                    return match left.filter(|left| *left < at_least) {
                        Some(left) => Err(lives_too_short(left, at_least)),
                        None => Ok(token),
                    };
                }
            }
        }
        Err(always_dead())
    }

    fn enter_lasting(self: &Arc<Self>, at_least: Duration) -> Entry {
        let now = self.clock.now();
        let mut state = self.lock();
        match state.machine.decide_lasting(now, at_least) {
            Lasting::As(decision) => self.act(decision, state, now),
            Lasting::Refuse(error) => Entry::Got(Err(error)),
        }
    }
}
