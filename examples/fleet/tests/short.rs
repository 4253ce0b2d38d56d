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
        .args(["--processes", "8", "--json"])
        // A machine that is busy is no store that fails.
        .args(["--store-timeout-ms", "5000"])
        .args(options)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(number(&report, "api_calls") > 100, "{report}");
    assert_eq!(report["failures"].as_array().unwrap().len(), 0, "{report}");
    report
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap()
}

/// How often a token is due for renewal at most: after two thirds of its life, less a tenth of it for jitter.
fn lifetimes(seconds: u64, lifetime: u64) -> u64 {
    seconds * 100 / (lifetime * 56)
}

#[test]
fn p12_eight_processes_make_one_request_a_lifetime_and_no_call_waits_for_a_renewal() {
    let delay = 1600;
    let report = fleet(&[
        "--seconds",
        "11",
        "--lifetime",
        "12",
        "--token-delay-ms",
        &delay.to_string(),
        "--lease-ms",
        "10000",
    ]);
    // One at the start, and one when the token is due.
    let requests = number(&report, "token_requests");
    assert_eq!(requests, 1 + lifetimes(11, 12), "{report}");
    assert_eq!(
        number(&report, "most_token_requests_at_once"),
        1,
        "{report}"
    );
    assert_eq!(number(&report, "store_failures"), 0, "{report}");
    // Of all calls but the first of each process.
    assert!(number(&report["token"], "max_us") < delay * 900, "{report}");
}

#[test]
fn p12_a_fleet_whose_lease_holders_are_killed_fails_no_call() {
    let report = fleet(&["--seconds", "12", "--kill-every", "4"]);
    assert!(number(&report, "killed") >= 1, "{report}");
    // A killed holder's request is lost, and made again by another.
    let most = 1 + lifetimes(12, 5) + number(&report, "killed");
    assert!(number(&report, "token_requests") <= most, "{report}");
}

#[test]
fn p11_p12_a_fleet_whose_server_is_stopped_fails_no_call_and_rejoins() {
    // It is stopped from the sixth second to the ninth.
    let report = fleet(&[
        "--seconds",
        "18",
        "--lifetime",
        "3",
        "--stop-redis-for",
        "3",
    ]);
    assert!(number(&report, "store_failures") > 0, "{report}");
    let by_second = report["token_requests_by_second"].as_array().unwrap();
    let requests = |seconds: &[Value]| -> u64 { seconds.iter().filter_map(Value::as_u64).sum() };
    // Meanwhile, and until it has come back to the store, each process fetches for itself.
    assert!(
        requests(&by_second[6..12]) <= 8 * (1 + lifetimes(6, 3)),
        "{report}"
    );
    // Each has come back when its next token was due, and that was long ago even on a busy machine. Eight that had not
    // would make sixteen requests in these four seconds.
    assert!(requests(&by_second[14..]) <= 8, "{report}");
}
