//! What a machine makes of a rejection.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::refresh::backoff::{Draw, exponential};
use crate::refresh::held::Held;
use crate::refresh::machine::Machine;
use crate::time::Instant;
use crate::token::AccessToken;

impl Machine {
    /// The token that a rejection of `token` would count for, as the source gave it: the token in hand, or the last one
    /// that was too old to keep. Others are older, and their rejections come late.
    pub(crate) fn to_reject(&self, token: &AccessToken) -> Option<AccessToken> {
        if let Some(held) = self.held.as_ref().filter(|held| held.is(token)) {
            return Some(held.original());
        }
        let fleeting = self.trouble.as_ref()?.fleeting.as_ref();
        fleeting
            .filter(|fleeting| is_fleeting(fleeting, token))
            .cloned()
    }

    /// A server refused `token`. Gives whether that counts, as [`to_reject`](Self::to_reject) says.
    pub(crate) fn reject(&mut self, token: &AccessToken, now: Instant, draw: Draw) -> bool {
        if let Some(flight) = &mut self.flight {
            flight.remember_rejected(token);
        }
        let was_usable = match self.held.take_if(|held| held.is(token)) {
            Some(held) => {
                if held.is_proven(now) {
                    self.trouble().rejections = 0;
                }
                held.is_usable(now)
            }
            None => {
                let Some(trouble) = &mut self.trouble else {
                    return false;
                };
                let rejected = trouble
                    .fleeting
                    .take_if(|fleeting| is_fleeting(fleeting, token));
                if rejected.is_none() {
                    return false;
                }
                trouble.rejected_fleeting = rejected;
                true
            }
        };
        let policy = Arc::clone(&self.policy);
        let trouble = self.trouble();
        if trouble.rejections > 0 {
            // Renewals after further ones in a row are spaced out.
            let (base, cap) = (policy.backoff_base, policy.backoff_cap);
            let pause = draw.of(exponential(base, cap, trouble.rejections));
            // A failed renewal may have shut it for longer, at the server's own wish.
            trouble.gate = trouble.gate.max(Some(now + pause));
            let message =
                "the API rejects fresh tokens too; check audience, scopes and the API itself";
            trouble.last_error = Some(Error::new(ErrorKind::TokenRejected, message));
        } else if was_usable {
            // The first one opens the gate. That of a token which could not be used any more takes nothing away.
            trouble.gate = None;
        }
        trouble.rejections = trouble.rejections.saturating_add(1);
        true
    }
}

impl Held {
    /// By its secret too: a token of another source may have the same generation.
    fn is(&self, token: &AccessToken) -> bool {
        self.token().generation() == token.generation() && self.token().secret() == token.secret()
    }
}

fn is_fleeting(fleeting: &AccessToken, token: &AccessToken) -> bool {
    token.generation() == 0 && fleeting.secret() == token.secret()
}
