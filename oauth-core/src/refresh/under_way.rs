//! The flight that a machine knows of.

use crate::time::Instant;
use crate::token::AccessToken;

/// So many rejected tokens are remembered for a flight.
pub(super) const REMEMBERED_REJECTIONS: usize = 8;

/// The flight under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) id: u32,
    pub(super) began: Instant,
    /// From then on nobody drives it any more.
    pub(super) overdue: Instant,
    /// Tokens that were rejected since it began: it must not bring them back.
    pub(super) rejected: Vec<AccessToken>,
}

impl Flight {
    /// Where there are too many, the oldest token is forgotten: a server is least likely to hand out that.
    pub(super) fn remember_rejected(&mut self, token: &AccessToken) {
        let rejected = &mut self.rejected;
        if rejected
            .iter()
            .any(|known| known.secret() == token.secret())
        {
            return;
        }
        rejected.push(token.clone());
        rejected.sort_by_key(AccessToken::generation);
        if rejected.len() > REMEMBERED_REJECTIONS {
            rejected.remove(0);
        }
    }
}

/// Names one flight of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlightId(pub(super) u32);
