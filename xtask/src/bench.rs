//! `cargo xtask bench`: measures everything and writes one report.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::command::{CommandLine, workspace_root};
use crate::instructions;

/// The folder of the report.
const FOLDER: &str = "target/bench-report";

/// What the guide shows of it.
const RECORD: &str = "guide/src/performance";

/// What one can ask for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// Little is measured, and no instructions are counted.
    pub(crate) quick: bool,
    /// The other libraries of the field are measured too.
    pub(crate) peers: bool,
    /// The guide shows what comes out.
    pub(crate) record: bool,
    /// What goes on to the program that measures.
    pub(crate) rest: Vec<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Self {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--peers" => options.peers = true,
                "--record" => options.record = true,
                _ => options.rest.push(argument.clone()),
            }
        }
        options
    }

    /// They take a build of their own, which is for a whole report only.
    fn counts_instructions(&self) -> bool {
        !self.quick && self.measures_all_parts()
    }

    fn measures_all_parts(&self) -> bool {
        !self.rest.iter().any(|argument| argument == "--only")
    }
}

/// Runs what is asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
    let is_whole = options.counts_instructions() && options.peers;
    ensure!(
        is_whole || !options.record,
        "the guide shows a whole report: --record goes with --peers, and with neither --quick nor --only"
    );
    fs::create_dir_all(workspace_root().join(FOLDER))?;
    let quick = options.quick.then_some("--quick");
    let counted = if options.counts_instructions() {
        instructions::write()?
    } else {
        None
    };
    let mut others = Vec::new();
    if options.peers {
        let file = format!("{FOLDER}/peers.json");
        CommandLine::cargo([
            "run",
            "--release",
            "--manifest-path",
            "benches/peers/Cargo.toml",
        ])
        .arguments(["--target-dir", "target/peers", "--"])
        .arguments(quick)
        .arguments(["--out", &file])
        .run()?;
        others.extend(["--include".to_owned(), file]);
    }
    let counted = counted.map(|file| ["--instructions", file]);
    CommandLine::cargo([
        "run",
        "--release",
        "-p",
        "oauth-bench",
        "--",
        "--out",
        FOLDER,
    ])
    .arguments(quick)
    .arguments(counted.into_iter().flatten())
    .arguments(others)
    .arguments(options.rest.iter().map(String::as_str))
    .run()?;
    if options.record {
        record()?;
    }
    Ok(())
}

/// Replaces those files of the report that the guide shows.
fn record() -> Result<()> {
    for entry in fs::read_dir(workspace_root().join(RECORD))? {
        let shown = entry?.path();
        let name = shown.file_name().context("a file without a name")?;
        let written = workspace_root().join(FOLDER).join(name);
        if written.is_file() {
            fs::copy(written, shown)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_does_not_know_goes_on_to_the_program() {
        let arguments = ["--quick", "--only", "hit", "--peers"].map(String::from);
        let options = Options::parse(&arguments);
        assert!(options.quick && options.peers);
        assert_eq!(options.rest, ["--only", "hit"]);
        assert!(!options.counts_instructions());
        assert!(Options::parse(&["--check".to_owned()]).counts_instructions());
    }

    #[test]
    fn only_a_whole_report_is_recorded() {
        let arguments = ["--quick", "--peers", "--record"].map(String::from);
        let refused = run(&Options::parse(&arguments)).unwrap_err();
        assert!(refused.to_string().contains("--record"), "{refused}");
    }
}
