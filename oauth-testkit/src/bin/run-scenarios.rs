//! Plays scenario files to the token cache: `run-scenarios FILE_OR_FOLDER…`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use oauth_testkit::scenario::{Failure, FormatError, Scenario};
use serde_json::json;

const HELP: &str = "\
Plays scenarios to the token cache, in virtual time.

Usage: run-scenarios [--json] FILE_OR_FOLDER…

Of a folder, every .json file in it is played. One line a scenario, then how many passed and failed;
files that are no scenarios are told on standard error.

Options:
  --json      one JSON object instead of lines
  -h, --help  this text

Exit status: 0 all passed, 1 a scenario failed, 2 a file does not follow the format or cannot be read.
";

fn main() -> ExitCode {
    let request = match Request::parse(env::args().skip(1)) {
        Ok(request) => request,
        Err(problem) => {
            eprintln!("run-scenarios: {problem}; --help tells more");
            return ExitCode::from(2);
        }
    };
    let report = match &request {
        Request::Help => HELP.to_owned(),
        Request::Run { paths, .. } => {
            let results = Results::of(paths);
            let report = match request {
                Request::Run { json: true, .. } => results.json(),
                _ => results.lines(),
            };
            for error in &results.malformed {
                eprintln!("run-scenarios: {error}");
            }
            return finish(&report, results.exit_code());
        }
    };
    finish(&report, 0)
}

/// A reader that goes away early is not our failure.
fn finish(report: &str, exit_code: u8) -> ExitCode {
    let _ = io::stdout().write_all(report.as_bytes());
    ExitCode::from(exit_code)
}

enum Request {
    Help,
    Run { paths: Vec<PathBuf>, json: bool },
}

impl Request {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut paths = Vec::new();
        let mut json = false;
        let mut options = true;
        for argument in arguments {
            match argument.as_str() {
                "-h" | "--help" if options => return Ok(Self::Help),
                "--json" if options => json = true,
                "--" if options => options = false,
                other if options && other.starts_with('-') => {
                    return Err(format!("there is no option {other}"));
                }
                path => paths.push(PathBuf::from(path)),
            }
        }
        if paths.is_empty() {
            return Err("no file or folder was given".to_owned());
        }
        Ok(Self::Run { paths, json })
    }
}

#[derive(Default)]
struct Results {
    played: Vec<(PathBuf, Scenario, Result<(), Failure>)>,
    /// `FILE: REASON`.
    malformed: Vec<String>,
}

impl Results {
    fn of(paths: &[PathBuf]) -> Self {
        let mut results = Self::default();
        for path in paths {
            match files(path) {
                Ok(files) => files.into_iter().for_each(|file| results.play(file)),
                Err(problem) => results
                    .malformed
                    .push(format!("{}: {problem}", path.display())),
            }
        }
        results
    }

    fn play(&mut self, file: PathBuf) {
        match Scenario::load(&file) {
            Ok(scenario) => {
                let outcome = scenario.run();
                self.played.push((file, scenario, outcome));
            }
            Err(error) => self.malformed.push(FormatError::to_string(&error)),
        }
    }

    fn failed(&self) -> usize {
        let outcomes = self.played.iter().map(|(_, _, outcome)| outcome);
        outcomes.filter(|outcome| outcome.is_err()).count()
    }

    fn exit_code(&self) -> u8 {
        match (self.malformed.is_empty(), self.failed()) {
            (false, _) => 2,
            (true, 0) => 0,
            (true, _) => 1,
        }
    }

    fn lines(&self) -> String {
        let mut text = String::new();
        for (_, scenario, outcome) in &self.played {
            text += &match outcome {
                Ok(()) => format!("ok {}\n", scenario.name()),
                Err(failure) => format!("FAIL {}: {failure}\n", scenario.name()),
            };
        }
        let failed = self.failed();
        text + &format!("{} passed, {failed} failed\n", self.played.len() - failed)
    }

    fn json(&self) -> String {
        let scenarios: Vec<_> = self
            .played
            .iter()
            .map(|(file, scenario, outcome)| {
                let failure = outcome.as_ref().err();
                json!({
                    "name": scenario.name(),
                    "promise": scenario.promise(),
                    "file": file,
                    "passed": failure.is_none(),
                    "step": failure.map(Failure::step),
                    "reason": failure.map(Failure::reason),
                })
            })
            .collect();
        let failed = self.failed();
        let report = json!({
            "passed": self.played.len() - failed,
            "failed": failed,
            "malformed": self.malformed,
            "scenarios": scenarios,
        });
        format!("{report:#}\n")
    }
}

/// The files that `path` stands for, sorted by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |cause: io::Error| format!("cannot be read: {cause}");
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err("holds no .json file".to_owned());
    }
    Ok(files)
}
