//! A list of steps: announced, run in turn up to the first failure, and timed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::command::CommandLine;

/// One thing to do, with the name that announces it.
#[derive(Debug)]
pub(crate) struct Step {
    title: String,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Command(CommandLine),
    Call(fn() -> Result<()>),
    Try(fn() -> Result<Verdict>),
}

/// What became of a step that not every machine can do.
#[derive(Debug)]
pub(crate) enum Verdict {
    Passed,
    /// Why it is not done here.
    LeftOut(String),
}

impl Step {
    pub(crate) fn command(title: impl Into<String>, command: CommandLine) -> Self {
        Self {
            title: title.into(),
            work: Work::Command(command),
        }
    }

    pub(crate) fn call(title: impl Into<String>, call: fn() -> Result<()>) -> Self {
        Self {
            title: title.into(),
            work: Work::Call(call),
        }
    }

    /// One that a machine may be unable to do. The run goes on, and says at its end what it has not checked.
    pub(crate) fn attempt(title: impl Into<String>, attempt: fn() -> Result<Verdict>) -> Self {
        Self {
            title: title.into(),
            work: Work::Try(attempt),
        }
    }

    fn run(&self) -> Result<Verdict> {
        match &self.work {
            Work::Command(command) => {
                println!("    {command}");
                command.run()?;
            }
            Work::Call(call) => call()?,
            Work::Try(attempt) => return attempt(),
        }
        Ok(Verdict::Passed)
    }
}

/// Runs the steps in turn and stops at the first that fails. Either way a table tells how long each
/// of those that ran has taken.
pub(crate) fn run(steps: &[Step]) -> Result<()> {
    let mut rows = Vec::new();
    let mut left_out = Vec::new();
    let mut outcome = Ok(());
    for (number, step) in steps.iter().enumerate() {
        println!("\n==> [{}/{}] {}", number + 1, steps.len(), step.title);
        let (result, took) = timed(|| step.run());
        let mark = match &result {
            Ok(Verdict::Passed) => Mark::Passed,
            Ok(Verdict::LeftOut(_)) => Mark::LeftOut,
            Err(_) => Mark::Failed,
        };
        rows.push(Row {
            title: &step.title,
            took,
            mark,
        });
        match result {
            Ok(Verdict::Passed) => {}
            Ok(Verdict::LeftOut(reason)) => left_out.push(format!("{}: {reason}", step.title)),
            Err(error) => {
                outcome = Err(error).with_context(|| format!("step `{}`", step.title));
                break;
            }
        }
    }
    println!("\n{}", table(&rows));
    for step in left_out {
        println!("\nNOT CHECKED: {step}");
    }
    outcome
}

#[derive(Debug)]
struct Row<'a> {
    title: &'a str,
    took: Duration,
    mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Passed,
    LeftOut,
    Failed,
}

impl Mark {
    fn text(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::LeftOut => "left out",
            Self::Failed => "FAILED",
        }
    }
}

fn table(rows: &[Row<'_>]) -> String {
    let failed = rows.iter().any(|row| row.mark == Mark::Failed);
    let total = Row {
        title: "total",
        took: rows.iter().map(|row| row.took).sum(),
        mark: if failed { Mark::Failed } else { Mark::Passed },
    };
    let lines: Vec<String> = rows
        .iter()
        .chain([&total])
        .map(|row| {
            let mark = row.mark.text();
            format!("{mark:8} {:>9}  {}", minutes(row.took), row.title)
        })
        .collect();
    lines.join("\n")
}

fn minutes(duration: Duration) -> String {
    // Whole tenths first, so that 59.96 s reads as 1 min 0.0 s and not as 60.0 s.
    let tenths = (duration.as_millis() + 50) / 100;
    format!("{}m{:02}.{}s", tenths / 600, tenths % 600 / 10, tenths % 10)
}

#[expect(
    clippy::disallowed_methods,
    reason = "it times whole programs, for people to read"
)]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let steps = [
            Step::call("fine", || Ok(())),
            Step::call("broken", || anyhow::bail!("it broke")),
            Step::call("never", || panic!("a step after a failure was run")),
        ];
        let error = run(&steps).unwrap_err();
        assert_eq!(format!("{error:#}"), "step `broken`: it broke");
    }

    #[test]
    fn a_step_that_is_left_out_ends_nothing() {
        let steps = [
            Step::attempt("elsewhere", || Ok(Verdict::LeftOut("not here".into()))),
            Step::call("broken", || anyhow::bail!("it broke")),
        ];
        let error = run(&steps).unwrap_err();
        assert_eq!(format!("{error:#}"), "step `broken`: it broke");
        assert!(run(&steps[..1]).is_ok());
    }

    #[test]
    fn the_table_has_a_row_a_step_and_the_total() {
        let rows = [
            Row {
                title: "a",
                took: Duration::from_millis(61_240),
                mark: Mark::Passed,
            },
            Row {
                title: "b",
                took: Duration::ZERO,
                mark: Mark::LeftOut,
            },
            Row {
                title: "c",
                took: Duration::from_millis(960),
                mark: Mark::Failed,
            },
        ];
        let expected = "ok         1m01.2s  a\nleft out   0m00.0s  b\n\
                        FAILED     0m01.0s  c\nFAILED     1m02.2s  total";
        assert_eq!(table(&rows), expected);
        assert!(table(&rows[..2]).ends_with("ok         1m01.2s  total"));
    }

    #[test]
    fn tenths_carry_into_minutes() {
        assert_eq!(minutes(Duration::from_millis(59_960)), "1m00.0s");
        assert_eq!(minutes(Duration::ZERO), "0m00.0s");
    }
}
