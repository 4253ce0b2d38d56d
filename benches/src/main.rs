//! Measures these crates beside reference designs, judges the figures by their budgets, and writes a report:
//! `cargo xtask bench`.

mod authorize;
mod by_number;
mod herd;
mod hit;
mod instructions;
mod memory;
mod parsing;
mod references;
mod renewal;
mod requests;
mod settings;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser as _;
use oauth_bench_kit::Stopwatch;
use oauth_bench_kit::report::{Machine, Report, Section, Verdict};

use crate::settings::Settings;

/// A part of the bench: its name on the command line, and how it is measured.
type Part = (&'static str, fn(&Settings) -> Result<Section>);

/// All parts, in the order of the report.
const PARTS: &[Part] = &[
    ("hit", hit::measure),
    ("authorize", authorize::measure),
    ("herd", herd::measure),
    ("renewal", renewal::measure),
    ("requests", requests::measure),
    ("memory", memory::measure),
    ("number", by_number::measure),
    ("parsing", parsing::measure),
];

fn main() -> ExitCode {
    let settings = Settings::parse();
    match run(&settings) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Tells whether all is as it is asked to be.
fn run(settings: &Settings) -> Result<bool> {
    settings.check_names(PARTS.iter().map(|(name, _)| *name))?;
    let mut sections = Vec::new();
    for (name, measure) in PARTS.iter().filter(|(name, _)| settings.wants(name)) {
        let watch = Stopwatch::start();
        let section = measure(settings).with_context(|| format!("the part `{name}`"))?;
        println!("{name}: {:.1?}", watch.elapsed());
        sections.push(section);
    }
    if let Some(file) = &settings.instructions {
        sections.push(instructions::read(file)?);
    }
    for file in &settings.include {
        let text = fs::read_to_string(file);
        let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
        let more: Vec<Section> = serde_json::from_str(&text)
            .with_context(|| format!("{} holds no sections", file.display()))?;
        sections.extend(more);
    }
    let report = Report {
        quick: settings.quick,
        machine: Machine::this(),
        sections,
    };
    report.write(&settings.out)?;
    println!(
        "\nThe report is {}",
        settings.out.join("report.md").display()
    );
    let mut all_met = true;
    for (section, figure) in report.judged(Verdict::Missed) {
        all_met = false;
        println!("over its budget: {section}: {}", figure.what);
    }
    Ok(all_met || !settings.check)
}
