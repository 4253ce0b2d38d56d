//! The example in a short form: what a fleet promises, with real processes and a real server.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use serde_json::Value;

fn fleet(options: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_fleet"))
        .args(["--processes", "8", "--lifetime", "5", "--json"])
        .args(options)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(number(&report, "api_calls") > 1000, "{report}");
    assert_eq!(report["failures"].as_array().unwrap().len(), 0, "{report}");
    report
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap()
}

/// The earliest moment at which a token of five seconds is due for renewal, in tenths of a second: after two thirds
/// of its life, less a tenth of it for jitter.
const DUE: u64 = 28;

#[test]
fn p12_eight_processes_make_one_request_a_lifetime_and_no_call_waits_for_a_renewal() {
    let report = fleet(&["--seconds", "15", "--token-delay-ms", "700"]);
    // One at the start, and one each time the token is due.
    let requests = number(&report, "token_requests");
    assert!(requests <= 1 + 150 / DUE, "{report}");
    assert!(requests >= 15 / 5, "{report}");
    assert_eq!(
        number(&report, "most_token_requests_at_once"),
        1,
        "{report}"
    );
    assert_eq!(number(&report, "store_failures"), 0, "{report}");
    assert!(
        report["token"]["p999_us"].as_u64().unwrap() < 700_000,
        "{report}"
    );
}

#[test]
fn p12_a_fleet_whose_lease_holders_are_killed_fails_no_call() {
    let report = fleet(&["--seconds", "12", "--kill-every", "4"]);
    assert!(number(&report, "killed") >= 1, "{report}");
    // A killed holder's request is lost, and made again by another.
    let most = 1 + 120 / DUE + number(&report, "killed");
    assert!(number(&report, "token_requests") <= most, "{report}");
}

#[test]
fn p11_a_fleet_whose_server_is_stopped_fails_no_call() {
    let report = fleet(&["--seconds", "15", "--stop-redis-for", "4"]);
    assert!(number(&report, "store_failures") > 0, "{report}");
    // Meanwhile, and until it has come back to the store, each process fetches for itself.
    assert!(
        number(&report, "token_requests") <= 8 * (1 + 150 / DUE),
        "{report}"
    );
}
