//! What goes wrong on the network, how often, and the same way again.

use std::fmt;
use std::time::Duration;

use crate::gate::Gate;

/// Something that goes wrong between a server and its client.
///
/// The server is not at fault: unless a fault says otherwise, the request has arrived, is in the log and is judged as
/// ever, a token issued included. It is the answer that is late, damaged or lost. Times are real time, and positions
/// count bytes from the first one of the response, its head included.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The response comes after `least` and up to `jitter` more.
    Latency {
        /// The shortest wait.
        least: Duration,
        /// The most that is added to it, drawn evenly.
        jitter: Duration,
    },
    /// The response comes no faster than this.
    Bandwidth {
        /// Bytes a second; 0 counts as 1.
        bytes_per_second: u32,
    },
    /// The response comes in many writes of a few bytes, each after a pause.
    Slices {
        /// Bytes a write; 0 counts as 1.
        bytes: usize,
        /// The pause before each.
        pause: Duration,
    },
    /// The response has no length: its body ends where the connection does (RFC 9112 §6.3), which is closed so long
    /// after the last byte.
    SlowClose {
        /// From the last byte until the end.
        delay: Duration,
    },
    /// No byte of the response comes until the gate opens.
    HangBeforeHeaders {
        /// Releases it; dropping the server closes the connection instead.
        until: Gate,
    },
    /// The head of the response comes, the body when the gate opens.
    HangAfterHeaders {
        /// As for [`HangBeforeHeaders`](Self::HangBeforeHeaders).
        until: Gate,
    },
    /// So many bytes of the body come, the rest when the gate opens.
    HangInBody {
        /// Bytes of the body before the wait.
        after: usize,
        /// As for [`HangBeforeHeaders`](Self::HangBeforeHeaders).
        until: Gate,
    },
    /// The connection is reset (RST) instead of a response.
    ResetBeforeResponse,
    /// The connection is reset (RST) after so many bytes of the response.
    ResetInResponse {
        /// Bytes before the reset.
        after: usize,
    },
    /// The connection is closed after so many bytes of the response.
    Truncate {
        /// Bytes before the end.
        after: usize,
    },
    /// So many bytes that are no HTTP come instead of a response, then the end. The same for the same seed and request.
    Garbage {
        /// How many.
        bytes: usize,
    },
    /// The server closes a connection that was idle at the very moment when a further request arrives on it. The
    /// request is neither logged nor judged: the server has not seen it. The first request of a connection is spared.
    KeepAliveRace,
    /// The server goes away: all connections are closed, further ones refused, and it is back at the same port after a
    /// while. This request gets no response.
    Outage {
        /// From the going until the coming back.
        lasting: Duration,
    },
}

/// The name, for the request log.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Slices { .. } => "slices",
            Self::SlowClose { .. } => "slow close",
            Self::HangBeforeHeaders { .. } => "hang before headers",
            Self::HangAfterHeaders { .. } => "hang after headers",
            Self::HangInBody { .. } => "hang in body",
            Self::ResetBeforeResponse => "reset before response",
            Self::ResetInResponse { .. } => "reset in response",
            Self::Truncate { .. } => "truncated",
            Self::Garbage { .. } => "garbage",
            Self::KeepAliveRace => "keep-alive race",
            Self::Outage { .. } => "outage",
        })
    }
}

/// Which requests suffer which [`Fault`]s: by their number or by chance. The same seed strikes the same requests, by the
/// order of their arrival at an origin, however many threads there are and however fast they run.
///
/// Give it to a server with [`set_token_faults`](crate::FakeTokenServer::set_token_faults) or
/// [`set_api_faults`](crate::FakeTokenServer::set_api_faults). Faults for requests of one client, path or token are given
/// to a rule instead: [`When::suffers`](crate::When::suffers).
///
/// # Contract
///
/// - Each fault is drawn for itself: a request may suffer several. If one of them loses the response, that is that.
/// - What is drawn depends on the seed, the number of the request and the place of the fault in the plan, on nothing
///   else. It is the same on every machine and in every version.
///
/// # Examples
///
/// ```
/// use oauth_testkit::{FakeTokenServer, Fault, FaultPlan};
/// use std::time::Duration;
///
/// let jittery = Fault::Latency { least: Duration::from_millis(1), jitter: Duration::from_millis(4) };
/// let plan = FaultPlan::seeded(42)
///     .with(0.1, Fault::ResetBeforeResponse)
///     .with(0.05, Fault::Truncate { after: 100 })
///     .with(1.0, jittery);
/// let struck: Vec<usize> = (1..=20).filter(|request| plan.faults_of(*request).len() > 1).collect();
///
/// let server = FakeTokenServer::start()?;
/// server.set_token_faults(plan.clone());
/// // Without chance: the second response, and no other, ends in a reset after twenty bytes.
/// server.set_api_faults(FaultPlan::new().at(2, Fault::ResetInResponse { after: 20 }));
/// # drop(struck);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a plan does nothing until it is given to a server"]
pub struct FaultPlan {
    seed: u64,
    faults: Vec<(Struck, Fault)>,
}

/// The requests that a fault of a plan strikes.
#[derive(Clone, Copy, Debug)]
enum Struck {
    WithProbability(f64),
    Nth(usize),
}

/// A fault that strikes, and what it needs of chance.
#[derive(Clone, Debug)]
pub(crate) struct Strike {
    pub(crate) fault: Fault,
    pub(crate) chance: u64,
}

impl FaultPlan {
    /// A plan without faults, for those that have their requests by number.
    pub fn new() -> Self {
        Self::default()
    }

    /// A plan without faults, for those that strike by chance.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            faults: Vec::new(),
        }
    }

    /// Adds a fault that strikes a request with this probability.
    ///
    /// # Panics
    ///
    /// If the probability is not in 0 to 1.
    pub fn with(mut self, probability: f64, fault: Fault) -> Self {
        assert!(
            (0.0..=1.0).contains(&probability),
            "{probability} is not a probability: it has to be in 0 to 1"
        );
        self.faults
            .push((Struck::WithProbability(probability), fault));
        self
    }

    /// Adds a fault that strikes the n-th request and no other, counted from 1.
    ///
    /// A [`KeepAliveRace`](Fault::KeepAliveRace) spares it if it is the first of its connection; a
    /// [rule](crate::When::suffers) waits for one that it can strike.
    ///
    /// # Panics
    ///
    /// If `nth` is 0.
    pub fn at(mut self, nth: usize, fault: Fault) -> Self {
        assert!(nth > 0, "requests are counted from 1");
        self.faults.push((Struck::Nth(nth), fault));
        self
    }

    /// The faults that the n-th request suffers, counted from 1.
    #[must_use]
    pub fn faults_of(&self, request: usize) -> Vec<Fault> {
        let strikes = self.strikes(request).into_iter();
        strikes.map(|strike| strike.fault).collect()
    }

    pub(crate) fn strikes(&self, request: usize) -> Vec<Strike> {
        let places = self.faults.iter().zip(0..);
        places
            .filter_map(|((struck, fault), place)| {
                let probability = match *struck {
                    Struck::WithProbability(probability) => probability,
                    Struck::Nth(nth) if nth == request => 1.0,
                    Struck::Nth(_) => return None,
                };
                let chance = strikes(self.seed, request, place, probability)?;
                let fault = fault.clone();
                Some(Strike { fault, chance })
            })
            .collect()
    }
}

/// Whether the fault at this place of a plan strikes the n-th of something, and if so, more chance for it.
pub(crate) fn strikes(seed: u64, nth: usize, place: u64, probability: f64) -> Option<u64> {
    let drawn = mix(mix(seed ^ mix(nth as u64)) ^ mix(place));
    (fraction(drawn) < probability).then(|| mix(drawn))
}

/// The finalizer of SplitMix64: written down here, since what a seed means must not depend on the version of a library.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// From 0 to, but not including, 1.
pub(crate) fn fraction(random: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what a double holds"
    )]
    let numerator = (random >> 11) as f64;
    numerator / (1_u64 << 53) as f64
}
