//! What one can ask for.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;
use oauth_bench_kit::Rounds;

/// Measures these crates beside reference designs and writes a report.
#[derive(Debug, Parser)]
pub(crate) struct Settings {
    /// Measures little, to see that everything works; the figures mean nothing then.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Fails if a figure is over its budget.
    #[arg(long)]
    pub(crate) check: bool,

    /// Only this part; can be given several times.
    #[arg(long, value_name = "PART")]
    pub(crate) only: Vec<String>,

    /// Instruction counts, as `cargo xtask instructions` makes them: a JSON file.
    #[arg(long, value_name = "FILE")]
    pub(crate) instructions: Option<PathBuf>,

    /// Sections measured elsewhere, to be taken into the report: a JSON file; can be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) include: Vec<PathBuf>,

    /// The folder that the report is written to.
    #[arg(long, value_name = "FOLDER", default_value = "target/bench-report")]
    pub(crate) out: PathBuf,
}

impl Settings {
    /// Whether a part is to be measured.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }

    /// Refuses a part that there is not.
    pub(crate) fn check_names(&self, mut known: impl Iterator<Item = &'static str>) -> Result<()> {
        let known: Vec<_> = known.by_ref().collect();
        match self
            .only
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            Some(name) => bail!("there is no part `{name}`; there are {}", known.join(", ")),
            None => Ok(()),
        }
    }

    /// One of two numbers: the one for a run that counts, or the one for a quick run.
    pub(crate) fn either<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// For work that takes some ten nanoseconds.
    pub(crate) fn nano_rounds(&self) -> Rounds {
        Rounds {
            rounds: self.either(200, 3),
            iterations: self.either(20_000, 500),
        }
    }

    /// For work that takes some microseconds.
    pub(crate) fn micro_rounds(&self) -> Rounds {
        Rounds {
            rounds: self.either(200, 3),
            iterations: self.either(500, 20),
        }
    }
}
