//! A [`FaultPlan`] as JSON says it.

use std::time::Duration;

use serde::Deserialize;

use crate::fault::{Fault, FaultPlan};
use crate::program::gates::Gates;
use crate::program::reply_form::is_gate_name;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlannedFault {
    probability: f64,
    fault: FaultForm,
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

/// # Errors
///
/// What is wrong.
pub(super) fn plan(
    seed: u64,
    faults: Vec<PlannedFault>,
    gates: &Gates,
) -> Result<FaultPlan, String> {
    for (index, planned) in faults.iter().enumerate() {
        let checked = planned.check();
        checked.map_err(|problem| format!("fault {}: {problem}", index + 1))?;
    }
    let planned = faults.into_iter();
    Ok(planned.fold(FaultPlan::seeded(seed), |plan, planned| {
        plan.with(planned.probability, planned.fault.with_gates(gates))
    }))
}

impl PlannedFault {
    fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Err("a probability is from 0 to 1".to_owned());
        }
        match &self.fault {
            FaultForm::HangBeforeHeaders { gate }
            | FaultForm::HangAfterHeaders { gate }
            | FaultForm::HangInBody { gate, .. }
                if !is_gate_name(gate) =>
            {
                Err(format!("{gate:?} is not the name of a gate"))
            }
            _ => Ok(()),
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
