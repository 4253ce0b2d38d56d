//! What most machines have nothing of most of the time.

use crate::error::Error;
use crate::time::Instant;
use crate::token::AccessToken;

#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    /// No request is sent before.
    pub(super) gate: Option<Instant>,
    /// Failures in a row.
    pub(super) failures: u32,
    pub(super) rejections: u32,
    pub(super) last_error: Option<Error>,
    /// The last token that was too old to keep, as the source gave it: it went to those who waited.
    pub(super) fleeting: Option<AccessToken>,
    /// The last of these that was rejected. Some who waited for it may not have taken it yet.
    pub(super) rejected_fleeting: Option<AccessToken>,
}

impl Trouble {
    /// What is left of it once a token has come that can be kept: rejections in a row count on.
    pub(super) fn after_success(mut self: Box<Self>) -> Option<Box<Self>> {
        if self.rejections == 0 {
            return None;
        }
        *self = Self {
            rejections: self.rejections,
            rejected_fleeting: self.rejected_fleeting,
            ..Self::default()
        };
        Some(self)
    }

    /// Whether `token` is one that was too old to keep and has been rejected.
    pub(super) fn has_rejected(&self, token: &AccessToken) -> bool {
        let rejected = self.rejected_fleeting.as_ref();
        rejected.is_some_and(|rejected| rejected.secret() == token.secret())
    }
}
