//! Faults, and the requests they strike, as JSON says them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::fault::{Fault, FaultPlan};
use crate::program::gates::Gates;
use crate::program::reply_form::is_gate_name;
use crate::program::script::{MatchForm, Uses};
use crate::server::{FakeTokenServer, Match, MatchedRequest};

/// A fault, and one of the three ways to say which requests it strikes: by chance, by number, by matching.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlannedFault {
    probability: Option<f64>,
    nth: Option<usize>,
    when: Option<MatchForm>,
    uses: Option<Uses>,
    fault: FaultForm,
}

/// What an origin suffers.
pub(super) struct Faults<R> {
    plan: FaultPlan,
    rules: Vec<(Match<R>, Uses, Fault)>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum FaultForm {
    Latency {
        least_millis: u64,
        jitter_millis: u64,
    },
    Bandwidth {
        bytes_per_second: u32,
    },
    Slices {
        bytes: usize,
        pause_millis: u64,
    },
    SlowClose {
        delay_millis: u64,
    },
    HangBeforeHeaders {
        gate: String,
    },
    HangAfterHeaders {
        gate: String,
    },
    HangInBody {
        after: usize,
        gate: String,
    },
    ResetBeforeResponse,
    ResetInResponse {
        after: usize,
    },
    Truncate {
        after: usize,
    },
    Garbage {
        bytes: usize,
    },
    KeepAliveRace,
    Outage {
        lasting_millis: u64,
    },
}

impl<R: MatchedRequest> Faults<R> {
    /// `requests` reads the conditions for the origin.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub(super) fn check(
        seed: u64,
        faults: Vec<PlannedFault>,
        gates: &Gates,
        requests: impl Fn(&MatchForm) -> Result<Match<R>, String>,
    ) -> Result<Self, String> {
        let struck = faults.iter().enumerate().map(|(index, planned)| {
            let struck = planned.check(&requests);
            struck.map_err(|problem| format!("fault {}: {problem}", index + 1))
        });
        let struck = struck.collect::<Result<Vec<_>, _>>()?;
        let (mut plan, mut rules) = (FaultPlan::seeded(seed), Vec::new());
        for (planned, struck) in faults.into_iter().zip(struck) {
            let fault = planned.fault.with_gates(gates);
            match struck {
                Struck::WithProbability(probability) => plan = plan.with(probability, fault),
                Struck::Nth(nth) => plan = plan.at(nth, fault),
                Struck::Matching(requests, uses) => rules.push((requests, uses, fault)),
            }
        }
        Ok(Self { plan, rules })
    }

    /// The plan; the rules are made.
    pub(super) fn plan(self, server: &FakeTokenServer) -> FaultPlan {
        for (requests, uses, fault) in self.rules {
            let rule = server.when(requests);
            match uses {
                Uses::Once => drop(rule.suffers(fault)),
                Uses::Always => drop(rule.always_suffers(fault)),
            }
        }
        self.plan
    }
}

enum Struck<R> {
    WithProbability(f64),
    Nth(usize),
    Matching(Match<R>, Uses),
}

impl PlannedFault {
    fn check<R>(
        &self,
        requests: impl Fn(&MatchForm) -> Result<Match<R>, String>,
    ) -> Result<Struck<R>, String> {
        if let FaultForm::HangBeforeHeaders { gate }
        | FaultForm::HangAfterHeaders { gate }
        | FaultForm::HangInBody { gate, .. } = &self.fault
            && !is_gate_name(gate)
        {
            return Err(format!("{gate:?} is not the name of a gate"));
        }
        if self.uses.is_some() && self.when.is_none() {
            return Err("\"uses\" stands beside \"when\"".to_owned());
        }
        match (self.probability, self.nth, &self.when) {
            (Some(probability), None, None) if (0.0..=1.0).contains(&probability) => {
                Ok(Struck::WithProbability(probability))
            }
            (Some(_), None, None) => Err("a probability is from 0 to 1".to_owned()),
            (None, Some(0), None) => Err("requests are counted from 1".to_owned()),
            (None, Some(nth), None) => Ok(Struck::Nth(nth)),
            (None, None, Some(when)) => Ok(Struck::Matching(
                requests(when)?,
                self.uses.unwrap_or_default(),
            )),
            _ => Err("it needs one of \"probability\", \"nth\" and \"when\"".to_owned()),
        }
    }
}

impl FaultForm {
    fn with_gates(self, gates: &Gates) -> Fault {
        let millis = Duration::from_millis;
        match self {
            Self::Latency {
                least_millis,
                jitter_millis,
            } => Fault::Latency {
                least: millis(least_millis),
                jitter: millis(jitter_millis),
            },
            Self::Bandwidth { bytes_per_second } => Fault::Bandwidth { bytes_per_second },
            Self::Slices {
                bytes,
                pause_millis,
            } => Fault::Slices {
                bytes,
                pause: millis(pause_millis),
            },
            Self::SlowClose { delay_millis } => Fault::SlowClose {
                delay: millis(delay_millis),
            },
            Self::HangBeforeHeaders { gate } => Fault::HangBeforeHeaders {
                until: gates.named(&gate),
            },
            Self::HangAfterHeaders { gate } => Fault::HangAfterHeaders {
                until: gates.named(&gate),
            },
            Self::HangInBody { after, gate } => Fault::HangInBody {
                after,
                until: gates.named(&gate),
            },
            Self::ResetBeforeResponse => Fault::ResetBeforeResponse,
            Self::ResetInResponse { after } => Fault::ResetInResponse { after },
            Self::Truncate { after } => Fault::Truncate { after },
            Self::Garbage { bytes } => Fault::Garbage { bytes },
            Self::KeepAliveRace => Fault::KeepAliveRace,
            Self::Outage { lasting_millis } => Fault::Outage {
                lasting: millis(lasting_millis),
            },
        }
    }
}

/// The kinds of faults, as [`FaultForm`] names them.
pub(super) fn fault_names(faults: &[Fault]) -> Value {
    faults.iter().map(fault_name).collect()
}

fn fault_name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Latency { .. } => "latency",
        Fault::Bandwidth { .. } => "bandwidth",
        Fault::Slices { .. } => "slices",
        Fault::SlowClose { .. } => "slow_close",
        Fault::HangBeforeHeaders { .. } => "hang_before_headers",
        Fault::HangAfterHeaders { .. } => "hang_after_headers",
        Fault::HangInBody { .. } => "hang_in_body",
        Fault::ResetBeforeResponse => "reset_before_response",
        Fault::ResetInResponse { .. } => "reset_in_response",
        Fault::Truncate { .. } => "truncate",
        Fault::Garbage { .. } => "garbage",
        Fault::KeepAliveRace => "keep_alive_race",
        Fault::Outage { .. } => "outage",
    }
}
