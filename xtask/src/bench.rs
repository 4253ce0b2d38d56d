//! `cargo xtask bench`: measures everything and writes one report.

use std::fs;

use anyhow::Result;

use crate::command::{CommandLine, workspace_root};
use crate::instructions;

/// The folder of the report.
const FOLDER: &str = "target/bench-report";

/// What one can ask for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// Little is measured, and no instructions are counted.
    pub(crate) quick: bool,
    /// The other libraries of the field are measured too.
    pub(crate) peers: bool,
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
                _ => options.rest.push(argument.clone()),
            }
        }
        options
    }

    /// They take a build of their own, which is for a whole report only.
    fn counts_instructions(&self) -> bool {
        !self.quick && !self.rest.iter().any(|argument| argument == "--only")
    }
}

/// Runs what is asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
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
    .run()
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
}
