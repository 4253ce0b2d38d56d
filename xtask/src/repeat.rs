//! `cargo xtask repeat`: tests that depend on timing, run again and again on a busy machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{hint, thread};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::CommandLine;

/// Builds the tests once, then runs those whose names match a filter `rounds` times while as many
/// threads as there are cores do nothing but burn time. Stops at the first failure.
pub(crate) fn run(rounds: u32, filters: &[String]) -> Result<()> {
    let build = CommandLine::cargo([
        "test",
        "--workspace",
        "--all-features",
        "--tests",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]);
    println!("==> {build}");
    let mut binaries = test_binaries(&build.output()?);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!(
        "==> {rounds} rounds of {}, with {cores} busy threads beside it",
        filters.join(" ")
    );
    under_load(cores, || {
        let mut passed = 0;
        for round in 1..=rounds {
            passed = 0;
            // Most binaries have no test of that name: after the first round they are left out.
            let mut matching = Vec::new();
            for binary in binaries {
                let tests = binary
                    .run(filters)
                    .with_context(|| format!("round {round}"))?;
                passed += tests;
                if tests > 0 {
                    matching.push(binary);
                }
            }
            binaries = matching;
            if passed == 0 {
                bail!(
                    "no test was run: none matches {}, or all are ignored",
                    filters.join(" ")
                );
            }
            println!("    round {round} of {rounds}: {passed} passed");
        }
        println!("==> {rounds} rounds passed, {passed} tests in each");
        Ok(())
    })
}

/// An executable full of tests, and the directory of its package, where cargo would run it.
#[derive(Debug, PartialEq)]
struct TestBinary {
    executable: PathBuf,
    directory: PathBuf,
}

impl TestBinary {
    /// How many tests passed, or the output of those that did not.
    fn run(&self, filters: &[String]) -> Result<u64> {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(&self.executable)
            .args(filters)
            .current_dir(&self.directory)
            .env("CARGO_MANIFEST_DIR", &self.directory)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{} could not be started", self.executable.display()))?;
        let stdout = String::from_utf8_lossy(&stdout);
        if !status.success() {
            println!("{stdout}");
            eprintln!("{}", String::from_utf8_lossy(&stderr));
            bail!("{} failed ({status})", self.executable.display());
        }
        Ok(passed(&stdout))
    }
}

/// The executables that cargo says it has built, a line of JSON each.
fn test_binaries(messages: &str) -> Vec<TestBinary> {
    let read = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        if message["profile"]["test"] != true {
            return None;
        }
        let manifest = Path::new(message["manifest_path"].as_str()?);
        Some(TestBinary {
            executable: message["executable"].as_str()?.into(),
            directory: manifest.parent()?.into(),
        })
    };
    messages.lines().filter_map(read).collect()
}

/// The number in libtest's closing line, `test result: ok. 3 passed; 0 failed; …`.
fn passed(output: &str) -> u64 {
    let count = |line: &str| -> Option<u64> {
        line.strip_prefix("test result: ok. ")?
            .split(' ')
            .next()?
            .parse()
            .ok()
    };
    output.lines().filter_map(count).sum()
}

/// Calls `work` while `threads` threads keep a core busy each.
fn under_load<T>(threads: usize, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Also when `work` panics: the scope waits for its threads.
        let _end = EndOnDrop(&over);
        for _ in 0..threads {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    (0..10_000).for_each(|n| {
                        hint::black_box(n);
                    });
                }
            });
        }
        work()
    })
}

struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_test_executables_are_taken_from_what_cargo_says() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","profile":{"test":true},"executable":"/t/a-1"}
{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","profile":{"test":false},"executable":"/t/program"}
{"reason":"build-finished","success":true}
not JSON"#;
        let expected = TestBinary {
            executable: "/t/a-1".into(),
            directory: "/w/a".into(),
        };
        assert_eq!(test_binaries(messages), [expected]);
    }

    #[test]
    fn passed_tests_are_counted() {
        let output =
            "running 3 tests\n\ntest result: ok. 3 passed; 0 failed; 1 ignored; 9 filtered";
        assert_eq!(passed(output), 3);
        assert_eq!(passed("no tests here"), 0);
    }

    #[test]
    fn the_load_ends_with_the_work() {
        assert_eq!(under_load(2, || 23), 23);
    }

    #[test]
    fn a_test_binary_is_run_with_the_filter() {
        let this = TestBinary {
            executable: std::env::current_exe().unwrap(),
            directory: crate::command::workspace_root(),
        };
        assert_eq!(this.run(&["passed_tests_are_counted".into()]).unwrap(), 1);
        assert_eq!(this.run(&["no_such_test".into()]).unwrap(), 0);
        assert!(this.run(&["--no-such-option".into()]).is_err());
    }
}
