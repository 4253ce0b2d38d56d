//! The token in hand.

use std::sync::Arc;
use std::time::Duration;

use crate::refresh::decision::Life;
use crate::time::Instant;
use crate::token::AccessToken;

/// After a reply that brought nothing new, the cache looks again no sooner.
pub(super) const SHORTEST_LOOK: Duration = Duration::from_secs(1);

/// A token that lived this long, or for as long as it could be used, ends a row of rejections.
const PROVEN_AFTER: Duration = Duration::from_secs(60);

/// The token in hand. There may be a hundred thousand of these, so nothing is in it twice.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(super) usable: Arc<Usable>,
    /// What the source's own generation of it is.
    pub(super) original_generation: u64,
    pub(super) refresh_due: Instant,
    pub(super) expires: Instant,
    pub(super) obtained: Instant,
    /// When the server last gave it, or nothing better: for a token that others had fetched, when they did. The origin
    /// of the clock stands for any time before it.
    pub(super) confirmed: Instant,
}

/// A token, and until when it can be used: all that a hit has to know.
#[derive(Debug)]
pub(crate) struct Usable {
    pub(crate) token: AccessToken,
    pub(crate) until: Instant,
}

impl Held {
    pub(crate) fn token(&self) -> &AccessToken {
        &self.usable.token
    }

    pub(crate) fn usable(&self) -> &Arc<Usable> {
        &self.usable
    }

    pub(crate) fn life(&self) -> Life {
        Life {
            refresh_due: self.refresh_due,
            unusable: self.usable.until,
            expires: self.expires,
        }
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        now < self.usable.until
    }

    /// Whether it has served for so long that no API can have refused it from the beginning.
    pub(super) fn is_proven(&self, now: Instant) -> bool {
        let whole = self.usable.until.saturating_duration_since(self.obtained);
        now.saturating_duration_since(self.obtained) >= PROVEN_AFTER.min(whole)
    }

    /// The token as the source gave it.
    pub(super) fn original(&self) -> AccessToken {
        self.token()
            .clone()
            .with_generation(self.original_generation)
    }

    /// A renewal brought nothing better: the next one is due after half the time left.
    pub(super) fn look_again_later(&mut self, now: Instant) {
        let left = self.usable.until.saturating_duration_since(now);
        self.refresh_due = now + (left / 2).max(SHORTEST_LOOK);
        self.confirmed = now;
    }
}
