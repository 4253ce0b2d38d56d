//! How a scripted reply is delivered.

use std::time::Duration;

use crate::gate::Gate;
use crate::reply::Reply;
use crate::server::{Delivery, Ending, Hold, Pace};

/// How it is delivered.
impl Reply {
    /// Waits for so long before answering. This is real time, whatever clock the server has.
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    /// Answers when the gate opens. With several gates, when all of them are open.
    pub fn gated(mut self, gate: &Gate) -> Self {
        self.gates.push(gate.clone());
        self
    }

    /// Sends the head, and the body when the gate opens.
    ///
    /// # Panics
    ///
    /// As [`with_status`](Self::with_status).
    pub fn gated_after_headers(self, gate: &Gate) -> Self {
        self.gated_in_body(0, gate)
    }

    /// Sends the head and so many bytes of the body, and the rest when the gate opens. If there is no rest, nothing
    /// waits.
    ///
    /// # Panics
    ///
    /// As [`with_status`](Self::with_status).
    pub fn gated_in_body(mut self, bytes: usize, gate: &Gate) -> Self {
        self.assert_response("body to wait in");
        self.on_the_way.hold_at(bytes, gate);
        self
    }

    /// Sends the body in pieces of `chunk_bytes`, with a pause of real time before each.
    ///
    /// # Panics
    ///
    /// As [`with_status`](Self::with_status).
    pub fn drip(mut self, chunk_bytes: usize, pause: Duration) -> Self {
        self.assert_response("body to drip");
        self.on_the_way.drip(chunk_bytes, pause);
        self
    }
}

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
