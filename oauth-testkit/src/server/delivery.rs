//! How a response gets to the client: in which pieces, with which waits, and how it ends.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::gate::Gate;
use crate::server::log::InFlight;
use crate::shutdown::{Shutdown, Stopped};

/// What happens to the bytes of a response on their way. Positions count from the first byte of the head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) paces: Vec<Pace>,
    pub(crate) holds: Vec<Hold>,
    /// Only what is before this position is sent.
    end: Option<(usize, Ending)>,
}

/// Bytes from `from` on go in pieces, each after a pause.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) from: usize,
    pub(crate) bytes: usize,
    pub(crate) pause: Duration,
}

/// What is at `at` and after it waits for the gate.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub(crate) at: usize,
    pub(crate) gate: Gate,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It serves the next request.
    KeptAlive,
    Closed,
    /// Closed after so long.
    ClosedLate(Duration),
    /// By RST.
    Reset,
}

impl Delivery {
    /// Sends nothing from this position on. Of several ends the earliest counts.
    pub(crate) fn end_at(&mut self, position: usize, ending: Ending) {
        if self.end.is_none_or(|(known, _)| position < known) {
            self.end = Some((position, ending));
        }
    }

    /// Sends `bytes` and says what becomes of the connection, which is `usually` if all were sent.
    /// `in_flight` is given back before the last piece is on its way: whoever has read that is no longer served.
    pub(crate) fn carry_out(
        &self,
        mut stream: impl Write,
        bytes: &[u8],
        usually: Ending,
        mut in_flight: Option<InFlight>,
        shutdown: &Arc<Shutdown>,
    ) -> Ending {
        let (length, ending) = match self.end {
            Some((end, ending)) if end < bytes.len() => (end, ending),
            _ => (bytes.len(), usually),
        };
        let mut begin = 0;
        while begin < length {
            if self.wait_at(begin, shutdown).is_err() {
                return Ending::Closed;
            }
            let end = self.piece_end(begin, length);
            if end == length {
                drop(in_flight.take());
            }
            if stream.write_all(&bytes[begin..end]).is_err() {
                return Ending::Closed;
            }
            begin = end;
        }
        ending
    }

    fn wait_at(&self, position: usize, shutdown: &Arc<Shutdown>) -> Result<(), Stopped> {
        for pace in &self.paces {
            let into = position.checked_sub(pace.from);
            if into.is_some_and(|into| into % pace.bytes == 0) {
                shutdown.pause(pace.pause)?;
            }
        }
        let mut here = self.holds.iter().filter(|hold| hold.at == position);
        here.try_for_each(|hold| hold.gate.wait(shutdown))
    }

    /// Where the piece that begins at `begin` ends: at the next position where something is waited for.
    fn piece_end(&self, begin: usize, length: usize) -> usize {
        let steps = self
            .paces
            .iter()
            .map(|pace| match begin.checked_sub(pace.from) {
                None => pace.from,
                Some(into) => begin + pace.bytes - into % pace.bytes,
            });
        let holds = self.holds.iter().map(|hold| hold.at);
        steps
            .chain(holds)
            .filter(|position| *position > begin)
            .fold(length, usize::min)
    }
}
