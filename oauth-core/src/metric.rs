//! The metrics: their names, units and labels.

/// One of the metrics that the feature `metrics` emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, which does not change and is fit for Prometheus as it is.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// What is counted or measured: `seconds`, or `count`.
    pub unit: &'static str,
    /// The labels it always has. One named `source` comes with each metric of a cached source that has a
    /// [name](crate::CachedTokenSourceBuilder::name).
    pub labels: &'static [&'static str],
    /// What it says, in a sentence.
    pub help: &'static str,
}

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// The latest value.
    Gauge,
    /// A distribution.
    Histogram,
}

impl MetricKind {
    /// `counter`, `gauge` or `histogram`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// All metrics, in the order of the table above.
pub const METRICS: &[Metric] = &[
    TOKEN_REQUESTS,
    TOKEN_REQUEST_DURATION,
    TOKEN_ATTEMPTS,
    SECONDS_TO_EXPIRY,
    EXPIRY_TIMESTAMP,
    GATE_SHUT,
    CALLERS_TURNED_AWAY,
    REJECTIONS,
    RESENDS,
    DPOP_NONCES,
    STORE_FAILURES,
    STORE_TOKENS,
    LEASES,
];

pub(crate) const TOKEN_REQUESTS: Metric = counter(
    "oauth_token_requests_total",
    &["reason", "outcome"],
    "Times a cached source has asked for a token, by why and with what outcome.",
);
pub(crate) const TOKEN_REQUEST_DURATION: Metric = histogram(
    "oauth_token_request_duration_seconds",
    &["reason", "outcome"],
    "How long it took until a token came, or until it was clear that none would: all attempts together.",
);
pub(crate) const TOKEN_ATTEMPTS: Metric = counter(
    "oauth_token_attempts_total",
    &["reason"],
    "Attempts at a token that were begun, the first of each request included.",
);
pub(crate) const SECONDS_TO_EXPIRY: Metric = histogram(
    "oauth_token_seconds_to_expiry",
    &["reason"],
    "How long the former token had left until it expired when the next one came; zero if it had expired.",
);
pub(crate) const EXPIRY_TIMESTAMP: Metric = Metric {
    name: "oauth_token_expiry_timestamp_seconds",
    kind: MetricKind::Gauge,
    unit: "seconds",
    labels: &[],
    help: "When the token that came last expires, in seconds since 1970; of sources with a name only.",
};
pub(crate) const GATE_SHUT: Metric = counter(
    "oauth_gate_shut_total",
    &["error"],
    "Times that token requests were put off after a failure or a rejection, by the kind of the error.",
);
pub(crate) const CALLERS_TURNED_AWAY: Metric = counter(
    "oauth_callers_turned_away_total",
    &["error"],
    "Calls that failed at once since the next token request was put off, or would bring no token that lives as long as \
     needed, by the kind of the error.",
);
pub(crate) const REJECTIONS: Metric = counter(
    "oauth_token_rejections_total",
    &[],
    "Tokens in hand that an API has rejected. Late rejections of older tokens do not count.",
);
pub(crate) const RESENDS: Metric = counter(
    "oauth_resends_total",
    &[],
    "API requests that were authorized a second time, after a rejection or for a nonce.",
);
pub(crate) const DPOP_NONCES: Metric = counter(
    "oauth_dpop_nonces_wanted_total",
    &["endpoint"],
    "Requests that were refused since the proof of DPoP lacked the nonce of the server.",
);
pub(crate) const STORE_FAILURES: Metric = counter(
    "oauth_store_failures_total",
    &["operation"],
    "Calls of the token store that failed or took too long.",
);
pub(crate) const STORE_TOKENS: Metric = counter(
    "oauth_store_tokens_total",
    &[],
    "Tokens that were taken from the store, where another process had put them.",
);
pub(crate) const LEASES: Metric = counter(
    "oauth_leases_total",
    &["result"],
    "Times that a source wanted the right to ask for the whole fleet, and whether it got it at once.",
);

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind: MetricKind::Counter,
        unit: "count",
        labels,
        help,
    }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind: MetricKind::Histogram,
        unit: "seconds",
        labels,
        help,
    }
}
