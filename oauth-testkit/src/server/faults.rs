//! The faults of one origin, as its connections carry them out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::fault::{Fault, FaultPlan, Strike, fraction, mix};
use crate::server::delivery::{Delivery, Ending, Hold, Pace};
use crate::server::port::{Outage, Port};
use crate::shutdown::{Shutdown, Stopped};
use crate::sync::lock;

/// How many bytes a second's worth of bandwidth is cut into.
const PIECES_A_SECOND: u32 = 50;

/// The plan of one origin, and how far it has got.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    plan: Option<FaultPlan>,
    requests: usize,
}

impl Faults {
    /// The next request is the first of this plan.
    pub(crate) fn set(&self, plan: Option<FaultPlan>) {
        *lock(&self.0) = State { plan, requests: 0 };
    }

    /// What strikes the request that has just arrived.
    pub(crate) fn strike(&self, opens_connection: bool) -> Strikes {
        let mut state = lock(&self.0);
        state.requests += 1;
        let mut strikes = match &state.plan {
            Some(plan) => plan.strikes(state.requests),
            None => Vec::new(),
        };
        if opens_connection {
            strikes.retain(|strike| !matches!(strike.fault, Fault::KeepAliveRace));
        }
        Strikes(strikes)
    }
}

/// What strikes one request.
#[derive(Debug, Default)]
pub(crate) struct Strikes(Vec<Strike>);

impl Strikes {
    /// These strike it, too.
    pub(crate) fn add(&mut self, strikes: Vec<Strike>) {
        self.0.extend(strikes);
    }

    pub(crate) fn faults(&self) -> Vec<Fault> {
        let faults = self.0.iter().map(|strike| strike.fault.clone());
        faults.collect()
    }

    /// The connection is closed, and the request has never arrived.
    pub(crate) fn races(&self) -> bool {
        self.any(|fault| matches!(fault, Fault::KeepAliveRace))
    }

    /// Waits until the response is due. `Some` if there is none.
    pub(crate) fn before_response(&self, port: &Arc<Port>) -> Option<Ending> {
        self.0.iter().find_map(|strike| {
            match before_response(strike, port) {
                Ok(ending) => ending,
                // The end of the server closes its connections.
                Err(Stopped) => Some(Ending::Closed),
            }
        })
    }

    /// What comes instead of the response, whatever it would be.
    pub(crate) fn garbage(&self) -> Option<Vec<u8>> {
        self.0.iter().find_map(|strike| match strike.fault {
            Fault::Garbage { bytes } => Some(garbage(bytes, strike.chance)),
            _ => None,
        })
    }

    /// How long after the response its connection is closed, if that is how it ends.
    pub(crate) fn slow_close(&self) -> Option<Duration> {
        self.0.iter().find_map(|strike| match strike.fault {
            Fault::SlowClose { delay } => Some(delay),
            _ => None,
        })
    }

    /// Puts what happens to the bytes of the response into its delivery.
    pub(crate) fn add_to(&self, delivery: &mut Delivery, head_length: usize) {
        for strike in &self.0 {
            match &strike.fault {
                Fault::Bandwidth { bytes_per_second } => {
                    let rate = (*bytes_per_second).max(1);
                    let piece = rate.div_ceil(PIECES_A_SECOND);
                    delivery.paces.push(Pace {
                        from: 0,
                        bytes: piece as usize,
                        pause: Duration::from_secs(piece.into()) / rate,
                    });
                }
                Fault::Slices { bytes, pause } => delivery.paces.push(Pace {
                    from: 0,
                    bytes: (*bytes).max(1),
                    pause: *pause,
                }),
                Fault::HangAfterHeaders { until } => delivery.holds.push(Hold {
                    at: head_length,
                    gate: until.clone(),
                }),
                Fault::HangInBody { after, until } => delivery.holds.push(Hold {
                    at: head_length.saturating_add(*after),
                    gate: until.clone(),
                }),
                Fault::ResetInResponse { after } => delivery.end_at(*after, Ending::Reset),
                Fault::Truncate { after } => delivery.end_at(*after, Ending::Closed),
                Fault::Latency { .. }
                | Fault::SlowClose { .. }
                | Fault::HangBeforeHeaders { .. }
                | Fault::ResetBeforeResponse
                | Fault::Garbage { .. }
                | Fault::KeepAliveRace
                | Fault::Outage { .. } => {}
            }
        }
    }

    fn any(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.0.iter().any(|strike| is(&strike.fault))
    }
}

fn before_response(strike: &Strike, port: &Arc<Port>) -> Result<Option<Ending>, Stopped> {
    let shutdown: &Arc<Shutdown> = port.shutdown();
    match &strike.fault {
        Fault::Latency { least, jitter } => {
            shutdown.pause(latency(*least, *jitter, strike.chance))?;
            Ok(None)
        }
        Fault::HangBeforeHeaders { until } => {
            until.wait(shutdown)?;
            Ok(None)
        }
        Fault::ResetBeforeResponse => Ok(Some(Ending::Reset)),
        Fault::Outage { lasting } => {
            let outage = Outage::begin([port]);
            shutdown.pause(*lasting)?;
            drop(outage);
            Ok(Some(Ending::Closed))
        }
        _ => Ok(None),
    }
}

fn latency(least: Duration, jitter: Duration, chance: u64) -> Duration {
    least.saturating_add(jitter.mul_f64(fraction(chance)))
}

/// No status line begins with its first byte.
fn garbage(length: usize, seed: u64) -> Vec<u8> {
    let mut random = seed;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        random = mix(random);
        bytes.extend_from_slice(&random.to_le_bytes());
    }
    bytes.truncate(length);
    if let Some(first) = bytes.first_mut() {
        *first |= 0x80;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_spread_over_its_whole_range_and_never_beyond() {
        let (least, jitter) = (Duration::from_millis(5), Duration::from_millis(10));
        let drawn: Vec<Duration> = (0..1000).map(|n| latency(least, jitter, mix(n))).collect();
        for tenth in 0..10 {
            let begin = least + jitter * tenth / 10;
            let range = begin..begin + jitter / 10;
            let count = drawn.iter().filter(|delay| range.contains(*delay)).count();
            assert!((50..200).contains(&count), "{count} of 1000 in {range:?}");
        }
        assert!(
            drawn
                .iter()
                .all(|delay| *delay >= least && *delay < least + jitter)
        );
        assert_eq!(latency(Duration::MAX, jitter, 1), Duration::MAX);
    }
}
