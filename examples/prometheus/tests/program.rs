//! The program, run for real, and scraped as Prometheus does.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use oauth_core::observability::{METRICS, MetricKind};
use oauth_testkit::FakeTokenServer;

const PATIENCE: Duration = Duration::from_secs(60);

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_examples-prometheus"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The program as a server, until it is dropped.
struct Served {
    child: Child,
    host: String,
}

impl Served {
    fn start() -> Self {
        let mut command = program(&["--serve", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let host = line.trim().strip_prefix("http://").unwrap();
        let host = host.strip_suffix("/metrics").unwrap().to_owned();
        Self { child, host }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = &self.host;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The values of a scrape, by name with labels, sorted.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    fn of(text: &str) -> Self {
        let values = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| {
                let (series, value) = line.rsplit_once(' ').unwrap();
                (series.to_owned(), value.parse().unwrap())
            });
        Self(values.collect())
    }

    /// The sum over all series of that name that have these labels.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let is_meant = |series: &str| {
            let (found, rest) = series.split_once('{').unwrap_or((series, ""));
            let has = |(key, value): &(&str, &str)| rest.contains(&format!("{key}=\"{value}\""));
            found == name && labels.iter().all(has)
        };
        let series = self.0.iter().filter(|(series, _)| is_meant(series));
        series.map(|(_, value)| value).sum()
    }
}

/// What one round of the story comes to, or `rounds` of them.
fn check(text: &str, rounds: std::ops::RangeInclusive<f64>) {
    let scrape = Scrape::of(text);
    for metric in METRICS {
        let kind = metric.kind.as_str();
        let name = metric.name;
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name}");
        assert!(text.contains(&format!("# HELP {name} {}\n", metric.help)));
        let name = match metric.kind {
            MetricKind::Histogram => format!("{name}_count"),
            _ => name.to_owned(),
        };
        assert!(scrape.sum(&name, &[]) > 0.0, "{name}");
    }

    let is = |times: f64, name: &str, labels: &[(&str, &str)]| {
        let sum = scrape.sum(name, labels);
        let range = rounds.start() * times..=rounds.end() * times;
        assert!(range.contains(&sum), "{name} {labels:?}: {sum}");
    };
    let requests = "oauth_token_requests_total";
    let billing = ("source", "billing");
    is(
        1.0,
        requests,
        &[("reason", "cold"), ("outcome", "ok"), billing],
    );
    is(
        1.0,
        requests,
        &[("reason", "renewal"), ("outcome", "ok"), billing],
    );
    is(
        1.0,
        requests,
        &[("reason", "renewal"), ("outcome", "server_unavailable")],
    );
    is(1.0, requests, &[("reason", "rejected"), ("outcome", "ok")]);
    is(
        1.0,
        requests,
        &[("reason", "expired"), ("outcome", "refused")],
    );
    is(1.0, requests, &[("reason", "expired"), ("outcome", "ok")]);
    is(5.0, requests, &[("reason", "cold")]);
    is(10.0, "oauth_token_attempts_total", &[]);
    is(10.0, "oauth_token_request_duration_seconds_count", &[]);
    is(
        10.0,
        "oauth_token_request_duration_seconds_bucket",
        &[("le", "30")],
    );
    is(
        1.0,
        "oauth_gate_shut_total",
        &[("error", "server_unavailable")],
    );
    is(1.0, "oauth_gate_shut_total", &[("error", "refused")]);
    is(
        1.0,
        "oauth_callers_turned_away_total",
        &[("error", "refused")],
    );
    is(1.0, "oauth_token_rejections_total", &[billing]);
    is(2.0, "oauth_resends_total", &[]);
    is(
        1.0,
        "oauth_dpop_nonces_wanted_total",
        &[("endpoint", "token")],
    );
    is(
        1.0,
        "oauth_dpop_nonces_wanted_total",
        &[("endpoint", "api")],
    );
    is(1.0, "oauth_store_failures_total", &[("operation", "load")]);
    is(1.0, "oauth_store_tokens_total", &[]);
    is(1.0, "oauth_leases_total", &[("result", "won")]);
    is(1.0, "oauth_leases_total", &[("result", "lost")]);

    let left = "oauth_token_seconds_to_expiry";
    is(1.0, &format!("{left}_count"), &[("reason", "renewal")]);
    is(
        0.0,
        &format!("{left}_bucket"),
        &[("reason", "renewal"), ("le", "120")],
    );
    is(
        1.0,
        &format!("{left}_bucket"),
        &[("reason", "renewal"), ("le", "300")],
    );
    is(
        1.0,
        &format!("{left}_bucket"),
        &[("reason", "expired"), ("le", "0")],
    );

    // Its clock is moved ahead by three hours, in steps.
    let earliest = if rounds.end() == &1.0 { 3.9 } else { 0.9 };
    let expiry = scrape.sum("oauth_token_expiry_timestamp_seconds", &[billing]);
    #[expect(
        clippy::disallowed_methods,
        reason = "it is compared with the time of day"
    )]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let ahead = expiry - now.unwrap().as_secs_f64();
    assert!(
        (earliest * 3600.0..4.1 * 3600.0).contains(&ahead),
        "{ahead}"
    );

    assert!(!text.contains(FakeTokenServer::CLIENT_SECRET));
}

#[test]
fn a_scrape_finds_every_metric_with_what_happened() {
    let served = Served::start();
    let response = served.get("/metrics");
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"));
    // The story may have gone on.
    check(body, 1.0..=100.0);
    assert!(served.get("/").starts_with("HTTP/1.1 404 "));
}

#[test]
fn without_arguments_it_prints_a_scrape_and_ends() {
    let output = program(&[]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    check(std::str::from_utf8(&output.stdout).unwrap(), 1.0..=1.0);
}

#[test]
fn what_it_does_not_understand_is_told() {
    for arguments in [&["--server"][..], &["--serve", "here"]] {
        let output = program(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(arguments.last().unwrap()), "{said}");
    }
}
