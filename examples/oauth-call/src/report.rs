//! What became of the calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;
use http::StatusCode;
use oauth_core::AccessToken;
use serde_json::{Value, json};

/// No call takes longer than this, in microseconds: one that does is said to have taken a day.
const LONGEST: u64 = 24 * 60 * 60 * 1_000_000;

/// Counts, and how long calls took, in microseconds.
#[derive(Debug)]
pub(crate) struct Report {
    by_status: BTreeMap<u16, u64>,
    errors: BTreeMap<&'static str, u64>,
    resends: u64,
    latency: Histogram<u64>,
}

impl Default for Report {
    fn default() -> Self {
        // Without bounds, it would have to grow for each call that takes longer than those before, which may fail.
        let latency = Histogram::new_with_bounds(1, LONGEST, 3)
            .unwrap_or_else(|_| unreachable!("these bounds and three digits are valid"));
        Self {
            by_status: BTreeMap::new(),
            errors: BTreeMap::new(),
            resends: 0,
            latency,
        }
    }
}

impl Report {
    pub(crate) fn answered(&mut self, status: StatusCode, was_resent: bool, took: Duration) {
        *self.by_status.entry(status.as_u16()).or_default() += 1;
        self.resends += u64::from(was_resent);
        self.took(took);
    }

    /// The first call failed for want of a token, and the others are not made.
    pub(crate) fn without_token(kind: &'static str) -> Self {
        let mut report = Self::default();
        report.errors.insert(kind, 1);
        report
    }

    pub(crate) fn failed(&mut self, kind: &'static str, took: Duration) {
        *self.errors.entry(kind).or_default() += 1;
        self.took(took);
    }

    fn took(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency.saturating_record(micros);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.by_status.values().sum::<u64>() + self.errors.values().sum::<u64>()
    }

    pub(crate) fn is_all_well(&self) -> bool {
        self.requests() > 0
            && self.errors.is_empty()
            && self
                .by_status
                .keys()
                .all(|status| (200..300).contains(status))
    }

    pub(crate) fn to_json(&self, token_requests: u64, token: Option<&AccessToken>) -> Value {
        let by_status: serde_json::Map<String, Value> = self
            .by_status
            .iter()
            .map(|(status, count)| (status.to_string(), json!(count)))
            .collect();
        json!({
            "requests": self.requests(),
            "by_status": by_status,
            "errors": self.errors,
            "token_requests": token_requests,
            "resends": self.resends,
            "latency_ms": {
                "p50": self.quantile(0.5),
                "p99": self.quantile(0.99),
                "p999": self.quantile(0.999),
                "max": self.quantile(1.0),
            },
            "token": token.map(granted),
        })
    }

    pub(crate) fn to_text(&self, token_requests: u64) -> String {
        let mut text = format!(
            "{} calls, {token_requests} token requests, {} sent twice\n",
            self.requests(),
            self.resends
        );
        for (status, count) in &self.by_status {
            let _ = writeln!(text, "  {status}: {count}");
        }
        for (kind, count) in &self.errors {
            let _ = writeln!(text, "  {kind}: {count}");
        }
        let _ = write!(
            text,
            "latency: p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms",
            self.quantile(0.5),
            self.quantile(0.99),
            self.quantile(0.999),
            self.quantile(1.0)
        );
        text
    }

    fn quantile(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// What was granted, without the token.
pub(crate) fn granted(token: &AccessToken) -> Value {
    json!({
        "type": token.token_type().scheme(),
        "expires_in": token.lifetime().map(|lifetime| lifetime.as_secs()),
        "scope": token.scopes().map(ToString::to_string),
    })
}
