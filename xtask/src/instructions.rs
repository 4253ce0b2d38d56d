//! `cargo xtask instructions`: how many instructions the hit path and the reading of a response take, held against the
//! figures of record. They repeat where times do not, so that a busy machine can judge them.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{CommandLine, workspace_root};

/// The figures of record: for each architecture of processors, the instructions of each piece of work.
const FIGURES: &str = "benches/instructions/figures.json";

/// Where what was counted is written to, for the report.
const COUNTED: &str = "target/bench-report/instructions.json";

/// A folder of its own: the flag below has everything built anew.
const TARGET: &str = "target/instructions";

/// callgrind does not map the kernel's own code, in which rustix by itself looks for the clock.
const FLAGS: &str = "--cfg rustix_use_libc";

/// So many hundredths more than the figure of record are let pass.
const TOLERANCE: u64 = 5;

/// Each piece of work is done so often: the fewer times show what is no part of the work.
const FEW: u64 = 200;
const MANY: u64 = 2200;

/// How to put down new figures.
const BLESS: &str = "`cargo xtask instructions --bless`";

type Counts = BTreeMap<String, u64>;

/// Counts, and fails if it is more than the figures of record say.
pub(crate) fn check() -> Result<()> {
    if !cfg!(target_os = "linux") {
        println!("    not counted here: valgrind counts on Linux");
        return Ok(());
    }
    let counted = count()?;
    let Some(record) = read_figures()?.remove(ARCH) else {
        println!("    there are no figures of record for {ARCH}; {BLESS} makes some");
        return Ok(());
    };
    let problems = compare(&counted, &record);
    if !problems.is_empty() {
        bail!(
            "instructions are not what {FIGURES} says:\n{}\nIf that is as it should be (another compiler may be \
             enough), {BLESS} puts down the new figures",
            problems.join("\n")
        );
    }
    Ok(())
}

/// Counts, and writes a file for the report, where that is possible; gives its path.
pub(crate) fn write() -> Result<Option<&'static str>> {
    if !cfg!(target_os = "linux") {
        return Ok(None);
    }
    let text = serde_json::to_string_pretty(&count()?)?;
    fs::write(workspace_root().join(COUNTED), text)?;
    Ok(Some(COUNTED))
}

/// Counts, and makes what was counted the figures of record.
pub(crate) fn bless() -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("valgrind counts on Linux");
    }
    let mut figures = read_figures()?;
    figures.insert(ARCH.to_owned(), count()?);
    let text = serde_json::to_string_pretty(&figures)? + "\n";
    fs::write(workspace_root().join(FIGURES), text)?;
    println!("    {FIGURES} is written");
    Ok(())
}

fn read_figures() -> Result<BTreeMap<String, Counts>> {
    let text = match fs::read_to_string(workspace_root().join(FIGURES)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        text => text.with_context(|| format!("{FIGURES} cannot be read"))?,
    };
    let value: Value =
        serde_json::from_str(&text).with_context(|| format!("{FIGURES} is no JSON"))?;
    let figures = value.as_object().context("the figures are no object")?;
    let counts = |value: &Value| -> Result<Counts> {
        let counts = value.as_object().context("the figures are no objects")?;
        let count = |(name, value): (&String, &Value)| {
            let value = value
                .as_u64()
                .with_context(|| format!("`{name}` has no number"))?;
            Ok((name.clone(), value))
        };
        counts.iter().map(count).collect()
    };
    let each = |(name, value): (&String, &Value)| Ok((name.clone(), counts(value)?));
    figures.iter().map(each).collect()
}

/// What is wrong with what was counted.
fn compare(counted: &Counts, record: &Counts) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, &count) in counted {
        let Some(&recorded) = record.get(name) else {
            problems.push(format!(
                "  {name}: {count}, and there is no figure of record"
            ));
            continue;
        };
        let change = count as f64 / recorded as f64 - 1.0;
        println!("    {name:<20} {count:>8}  {:+.1} %", change * 100.0);
        if count * 100 > recorded * (100 + TOLERANCE) {
            problems.push(format!("  {name}: {count} instead of {recorded}"));
        } else if count * 100 < recorded * (100 - TOLERANCE) {
            println!("      fewer than before: {BLESS} keeps it that way");
        }
    }
    for name in record.keys().filter(|name| !counted.contains_key(*name)) {
        problems.push(format!("  {name} is not counted any more"));
    }
    problems
}

fn count() -> Result<Counts> {
    let package = ["-p", "oauth-bench-instructions"];
    CommandLine::cargo(["build", "--release", "--target-dir", TARGET])
        .arguments(package)
        .variable("RUSTFLAGS", FLAGS)
        .run()?;
    let program = workspace_root()
        .join(TARGET)
        .join("release/oauth-bench-instructions");
    let program = program
        .to_str()
        .context("the path of the workspace is no UTF-8")?;
    let names = CommandLine::new(program).output()?;
    names
        .lines()
        .map(|name| {
            let few = collected(program, name, FEW)?;
            let many = collected(program, name, MANY)?;
            Ok((name.to_owned(), many.saturating_sub(few) / (MANY - FEW)))
        })
        .collect()
}

/// All instructions of a run of the program.
fn collected(program: &str, name: &str, times: u64) -> Result<u64> {
    let report = CommandLine::new("valgrind")
        .arguments(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // What it has to tell comes out with the output of the program, which writes nothing.
        .arguments(["--log-fd=1", program, name, &times.to_string()])
        .output()
        .with_context(|| format!("`{name}` could not be counted"))?;
    total(&report).with_context(|| format!("callgrind does not say what it counted:\n{report}"))
}

fn total(report: &str) -> Option<u64> {
    let line = report
        .lines()
        .find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        let pair = |(name, count): &(&str, u64)| ((*name).to_owned(), *count);
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn what_callgrind_collected_is_read_from_its_report() {
        let report = "==7== Events    : Ir\n==7== Collected : 1234567\n==7== \n";
        assert_eq!(total(report), Some(1_234_567));
        assert_eq!(total("==7== Events    : Ir\n"), None);
    }

    #[test]
    fn a_little_more_is_let_pass_and_what_is_not_on_record_is_not() {
        let record = counts(&[("look", 100), ("own", 200)]);
        assert!(compare(&counts(&[("look", 105), ("own", 100)]), &record).is_empty());
        for (counted, problem) in [
            (
                counts(&[("look", 106), ("own", 200)]),
                "look: 106 instead of 100",
            ),
            (counts(&[("look", 100)]), "own is not counted any more"),
            (
                counts(&[("look", 100), ("own", 200), ("new", 1)]),
                "there is no figure of record",
            ),
        ] {
            let problems = compare(&counted, &record);
            assert!(
                problems.len() == 1 && problems[0].contains(problem),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn the_hit_path_is_on_record_and_within_its_budget() {
        for (architecture, record) in read_figures().unwrap() {
            for piece in ["look", "own"] {
                assert!(record[piece] <= 250, "{architecture}: {piece}");
            }
        }
    }
}
