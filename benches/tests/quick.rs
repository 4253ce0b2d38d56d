//! The bench works, and its report is complete. What it measures is not judged here.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use oauth_bench_kit::report::{Report, Verdict};
use tempfile::TempDir;

/// In the order of the report.
const PARTS: &[&str] = &[
    "hit",
    "authorize",
    "herd",
    "renewal",
    "requests",
    "memory",
    "number",
    "parsing",
];

fn bench(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_oauth-bench"))
        .arg("--quick")
        .args(arguments)
        .arg("--out")
        .arg(folder)
        .output()
        .unwrap()
}

#[test]
fn a_quick_run_measures_every_part_and_writes_the_whole_report() {
    let folder = TempDir::new().unwrap();
    let output = bench(folder.path(), &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");

    let json = fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: Report = serde_json::from_str(&json).unwrap();
    let parts: Vec<&str> = report
        .sections
        .iter()
        .map(|part| part.id.as_str())
        .collect();
    assert_eq!(parts, PARTS);
    let markdown = fs::read_to_string(folder.path().join("report.md")).unwrap();
    for section in &report.sections {
        assert!(!section.figures.is_empty(), "{}", section.id);
        assert!(markdown.contains(&section.title), "{}", section.id);
        for figure in &section.figures {
            let value = figure.value;
            assert!(
                value.low.is_finite() && value.high >= value.low,
                "{figure:?}"
            );
            assert_eq!(figure.budget.is_none(), figure.verdict == Verdict::None);
        }
        for (number, chart) in section.charts.iter().enumerate() {
            let file = format!("{}-{}.svg", section.id, number + 1);
            assert!(markdown.contains(&file), "{file}");
            let picture = fs::read_to_string(folder.path().join(&file)).unwrap();
            assert_eq!(
                picture.matches("<rect").count(),
                chart.bars.len() + 1,
                "{file}"
            );
        }
    }
}

#[test]
fn an_unknown_part_is_named_with_those_there_are() {
    let folder = TempDir::new().unwrap();
    let output = bench(folder.path(), &["--only", "hti"]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("`hti`") && said.contains(&PARTS.join(", ")),
        "{said}"
    );
}
