//! What a cached source locks.

use crate::flight::Flight;
use crate::refresh::backoff::Draw;
use crate::refresh::machine::Machine;
use crate::refresh::policy::RefreshPolicy;

/// Locked for moments only: never across an await, a request, a user's code or an event.
pub(crate) struct State {
    pub(crate) machine: Machine,
    pub(crate) flight: Option<Box<Flight>>,
}

impl State {
    pub(crate) fn new(policy: RefreshPolicy) -> Self {
        Self {
            machine: Machine::new(policy),
            flight: None,
        }
    }

    /// The chance that spreads moments out, if the policy wants it.
    pub(crate) fn draw(&self) -> Draw {
        if self.machine.policy().jitter {
            Draw::new(fastrand::f64())
        } else {
            Draw::NONE
        }
    }
}
