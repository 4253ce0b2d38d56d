//! The program `run-scenarios`, as somebody sees it who calls it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const GOOD: &str = r#"{"name": "good", "promise": "P4", "steps": [
    {"call": ["a"]}, {"expect": {"requests": 1}}]}"#;
const FAILING: &str = r#"{"name": "failing", "promise": "P4", "steps": [
    {"call": ["a"]}, {"expect": {"requests": 2}}]}"#;

#[test]
fn a_folder_is_played_in_order_a_line_each_and_failures_give_one() {
    let folder = folder("order", &[("good", GOOD), ("failing", FAILING)]);
    fs::write(folder.join("notes.md"), "no scenario").unwrap();
    let output = run([folder.as_path()]);
    assert_eq!(
        text(&output.stdout),
        "FAIL failing: step 2: requests: expected 2, found 1\nok good\n1 passed, 1 failed\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn all_passed_gives_zero() {
    let folder = folder("passed", &[("good", GOOD)]);
    let output = run([folder.join("good.json")]);
    assert_eq!(text(&output.stdout), "ok good\n1 passed, 0 failed\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_file_that_is_no_scenario_gives_two_with_its_name_and_the_reason() {
    let folder = folder(
        "malformed",
        &[
            ("good", GOOD),
            ("failing", FAILING),
            ("bad", r#"{"name": "bad"}"#),
        ],
    );
    let output = run([&folder]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = text(&output.stderr);
    assert!(
        complaint.contains("bad.json: missing field `promise`"),
        "{complaint}"
    );
    assert!(
        text(&output.stdout).ends_with("\n1 passed, 1 failed\n"),
        "the others are played"
    );
}

#[test]
fn what_cannot_be_read_gives_two() {
    let empty = folder("empty", &[]);
    for (path, reason) in [
        (empty.clone(), "holds no .json file"),
        (empty.join("nothing.json"), "cannot be read"),
    ] {
        let output = run([path]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).contains(reason),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn json_is_one_object_with_a_result_a_scenario() {
    let folder = folder(
        "json",
        &[("good", GOOD), ("failing", FAILING), ("bad", "{}")],
    );
    let output = run([Path::new("--json"), &folder]);
    assert_eq!(output.status.code(), Some(2));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["passed"], 1);
    assert_eq!(report["failed"], 1);
    assert_eq!(report["malformed"].as_array().unwrap().len(), 1);
    let failing = &report["scenarios"][0];
    assert_eq!(failing["name"], "failing");
    assert_eq!(failing["passed"], false);
    assert_eq!(failing["step"], 2);
    assert_eq!(failing["reason"], "requests: expected 2, found 1");
    assert_eq!(report["scenarios"][1]["passed"], true);
}

#[test]
fn help_is_an_answer_and_a_wrong_call_is_told() {
    let output = run(["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("Usage: run-scenarios"));
    for (arguments, problem) in [
        (&[][..], "no file or folder was given"),
        (&["--fast", "x"][..], "there is no option --fast"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(problem));
    }
}

fn folder(name: &str, scenarios: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("run-scenarios-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in scenarios {
        fs::write(folder.join(format!("{name}.json")), text).unwrap();
    }
    folder
}

fn run<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_run-scenarios"));
    program.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
