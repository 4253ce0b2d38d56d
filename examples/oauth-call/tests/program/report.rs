//! The report.

use std::time::Duration;

use oauth_testkit::Reply;
use serde_json::{Value, json};

use crate::{BACKENDS, json, run, start, text};

#[test]
fn the_report_as_json_has_all_its_members_and_true_counts() {
    for backend in BACKENDS {
        let server = start();
        for _ in 0..3 {
            server.next_api_reply(Reply::status(503));
        }
        let arguments = [
            "--json",
            "--requests",
            "10",
            "--scope",
            "read",
            &server.api_url(),
        ];
        let output = run(&server, backend, &arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let report = json(&output);
        let members: Vec<_> = report.as_object().unwrap().keys().cloned().collect();
        let mut expected = [
            "requests",
            "by_status",
            "errors",
            "token_requests",
            "resends",
            "latency_ms",
            "token",
        ];
        expected.sort_unstable();
        assert_eq!(members, expected);
        assert_eq!(report["requests"], 10);
        assert_eq!(report["by_status"]["200"], 7);
        assert_eq!(report["by_status"]["503"], 3);
        assert_eq!(report["errors"], json!({}));
        assert_eq!(report["token_requests"], 1);
        assert_eq!(report["resends"], 0);
        assert_eq!(report["token"]["type"], "Bearer");
        assert_eq!(report["token"]["expires_in"], 3600);
        for quantile in ["p50", "p99", "p999", "max"] {
            assert!(report["latency_ms"][quantile].as_f64().unwrap() > 0.0);
        }
    }
}

#[test]
fn a_server_that_kills_every_third_connection_is_called_a_thousand_times_and_counted_truly() {
    for backend in BACKENDS {
        let server = start();
        for ordinal in 1..=1000 {
            server.next_api_reply(if ordinal % 3 == 0 {
                Reply::reset()
            } else {
                Reply::usual().header("Connection", "close")
            });
        }
        // PATCH: nobody repeats that by itself when a connection breaks.
        let arguments = [
            "--json",
            "-X",
            "PATCH",
            "-d",
            "x",
            "-n",
            "1000",
            "-c",
            "8",
            &server.api_url(),
        ];
        let output = run(&server, backend, &arguments);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let report = json(&output);
        assert_eq!(report["requests"], 1000);
        let count = |value: &Value| value.as_u64().unwrap_or(0);
        let well = count(&report["by_status"]["200"]);
        let broken: u64 = report["errors"]
            .as_object()
            .unwrap()
            .values()
            .map(count)
            .sum();
        assert_eq!((well, broken), (667, 333), "{report}");
        assert_eq!(report["token_requests"], 1);
        let requests = server.api_requests();
        assert_eq!(requests.len(), 1000);
        assert!(requests.iter().all(|sent| sent.token_ordinal() == Some(1)));
    }
}

#[test]
fn latencies_are_those_of_the_calls() {
    for backend in BACKENDS {
        let server = start();
        server.always_api_reply(Reply::usual().after(Duration::from_millis(100)));
        let url = server.api_url();
        let report = json(&run(&server, backend, &["--json", "-n", "3", &url]));
        for quantile in ["p50", "p99", "p999", "max"] {
            let latency = report["latency_ms"][quantile].as_f64().unwrap();
            assert!((100.0..10_000.0).contains(&latency), "{report}");
        }
        let summary = run(&server, backend, &["-n", "2", &url]);
        let summary = text(&summary.stdout);
        assert!(!summary.contains("p50 0.0"), "{summary}");
    }
}

#[test]
fn without_a_token_the_report_counts_what_was_asked_of_the_token_endpoint() {
    for backend in BACKENDS {
        let server = start();
        server.always_token_reply(Reply::status(503));
        server.always_metadata_reply(Reply::status(404));
        for (arguments, kind) in [
            (&[][..], "server_unavailable"),
            (&["--issuer"], "discovery"),
        ] {
            let before = server.token_request_count();
            let mut all = arguments.to_vec();
            let url = server.api_url();
            all.extend(["--json", "-n", "5", &url]);
            let output = run(&server, backend, &all);
            assert_eq!(output.status.code(), Some(3), "{output:?}");
            let report = json(&output);
            assert_eq!(report["requests"], 1);
            assert_eq!(report["errors"], json!({kind: 1}));
            assert_eq!(report["by_status"], json!({}));
            assert_eq!(report["token"], Value::Null);
            let asked = server.token_request_count() - before;
            assert_eq!(report["token_requests"], asked, "{report}");
            assert_eq!(asked > 1, kind != "discovery");
        }
        server.assert_api_requests(0);
    }
}

#[test]
fn the_report_tells_what_was_granted_though_the_token_is_used_up() {
    for backend in BACKENDS {
        let server = start();
        server.always_token_reply(Reply::token().expires_in(0).field("scope", "read"));
        let report = json(&run(
            &server,
            backend,
            &["--json", "-n", "2", &server.api_url()],
        ));
        let expected = json!({"type": "Bearer", "expires_in": 0, "scope": "read"});
        assert_eq!(report["token"], expected);
        assert_eq!(report["token_requests"], server.token_request_count());
    }
}
