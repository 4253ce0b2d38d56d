//! How a scripted reply is delivered.

use std::time::Duration;

use crate::gate::Gate;
use crate::server::{Delivery, Ending, Hold, Pace};

/// What happens to the body of a reply on its way; positions count from its first byte.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnTheWay {
    drip: Option<Drip>,
    holds: Vec<(usize, Gate)>,
    /// The connection is closed there.
    cut: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Drip {
    bytes: usize,
    pause: Duration,
}

impl OnTheWay {
    /// In pieces of so many bytes, with a pause before each.
    pub(crate) fn drip(&mut self, bytes: usize, pause: Duration) {
        let bytes = bytes.max(1);
        self.drip = Some(Drip { bytes, pause });
    }

    pub(crate) fn hold_at(&mut self, position: usize, gate: &Gate) {
        self.holds.push((position, gate.clone()));
    }

    pub(crate) fn cut_at(&mut self, position: usize) {
        self.cut = Some(position);
    }

    /// Whether the connection cannot be used after it.
    pub(crate) fn closes(&self) -> bool {
        self.cut.is_some()
    }

    pub(crate) fn delivery(&self, head_length: usize) -> Delivery {
        let mut delivery = Delivery::default();
        delivery.paces.extend(self.drip.map(|drip| Pace {
            from: head_length,
            bytes: drip.bytes,
            pause: drip.pause,
        }));
        delivery
            .holds
            .extend(self.holds.iter().map(|(at, gate)| Hold {
                at: head_length.saturating_add(*at),
                gate: gate.clone(),
            }));
        if let Some(cut) = self.cut {
            delivery.end_at(head_length.saturating_add(cut), Ending::Closed);
        }
        delivery
    }
}
