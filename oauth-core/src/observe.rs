//! What can be seen from outside: one function for each thing that happens. No file but this one and
//! `observed_flight` knows `tracing` or `metrics`; without these features nothing is left of it.
//!
//! Nothing here is called on a hit, nor while the lock of a cache is held: whoever listens is somebody else's code.

#![cfg_attr(
    not(all(feature = "tracing", feature = "metrics")),
    allow(
        unused_variables,
        dead_code,
        unused_imports,
        reason = "each feature looks at some of it"
    )
)]

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, ErrorKind};
use crate::metric;
use crate::refresh::status::Status;

/// An event of `tracing`. Its name does not change; its message may.
macro_rules! event {
    ($level:ident, $name:literal, $($rest:tt)+) => {{
        #[cfg(feature = "tracing")]
        tracing::event!(name: $name, target: "oauth_core", tracing::Level::$level, $($rest)+);
    }};
}
pub(crate) use event;

/// Who is observed: a cached source, by the name that it was given.
#[derive(Clone)]
pub(crate) struct Observer {
    #[cfg(any(feature = "tracing", feature = "metrics"))]
    name: Option<Arc<str>>,
}

impl Observer {
    pub(crate) const NAMELESS: Self = Self {
        #[cfg(any(feature = "tracing", feature = "metrics"))]
        name: None,
    };

    pub(crate) fn new(name: Option<Arc<str>>) -> Self {
        Self {
            #[cfg(any(feature = "tracing", feature = "metrics"))]
            name,
        }
    }

    /// A caller waits for a flight: this stands in the caller's own span, the flight in one of its own.
    pub(crate) fn waits(&self) {
        event!(
            TRACE,
            "waiting_for_token",
            source = self.name(),
            "waiting for a token"
        );
    }

    /// A caller got the last error, or needs more than a token has, and no request was sent.
    pub(crate) fn turned_away(&self, error: &Error) {
        event!(
            TRACE,
            "caller_turned_away",
            source = self.name(),
            error = error.kind().as_str(),
            "the next token request is not due yet; a caller gets an error"
        );
        self.count(&metric::CALLERS_TURNED_AWAY, &[("error", kind(error))]);
    }

    /// A server refused the token in hand. `now` is what holds after that.
    pub(crate) fn rejected(&self, generation: u64, now: &Status) {
        self.count(&metric::REJECTIONS, &[]);
        match now.next_attempt_in() {
            None => event!(
                DEBUG,
                "token_rejected",
                source = self.name(),
                generation,
                "a server rejected the token in hand"
            ),
            Some(wait) => {
                event!(
                    WARN,
                    "fresh_token_rejected",
                    source = self.name(),
                    generation,
                    next_attempt_in = ?wait,
                    "a server rejects fresh tokens too; the next token request is put off"
                );
                self.gate_shut(ErrorKind::TokenRejected.as_str(), wait);
            }
        }
    }

    pub(crate) fn gate_shut(&self, error: &'static str, wait: Duration) {
        event!(
            DEBUG,
            "gate_shut",
            source = self.name(),
            error,
            next_attempt_in = ?wait,
            "no token request before that"
        );
        self.count(&metric::GATE_SHUT, &[("error", error)]);
    }

    pub(crate) fn token_from_store(&self) {
        event!(
            DEBUG,
            "token_from_store",
            source = self.name(),
            "another process has fetched a token"
        );
        self.count(&metric::STORE_TOKENS, &[]);
    }

    pub(crate) fn lease_won(&self) {
        event!(
            DEBUG,
            "lease_won",
            source = self.name(),
            "this process asks for the fleet"
        );
        self.count(&metric::LEASES, &[("result", "won")]);
    }

    pub(crate) fn lease_lost(&self) {
        event!(
            DEBUG,
            "lease_lost",
            source = self.name(),
            "another process asks for the fleet; waiting for its token"
        );
        self.count(&metric::LEASES, &[("result", "lost")]);
    }

    /// A call of the store failed, and none follows for the time of `rest`.
    pub(crate) fn store_failed(
        &self,
        operation: &'static str,
        error: &(dyn StdError + 'static),
        rest: Duration,
    ) {
        event!(
            WARN,
            "store_failed",
            source = self.name(),
            operation,
            %error,
            cause = error.source().map(|cause| cause.to_string()),
            ?rest,
            "the token store is left alone for a while; tokens are fetched without it"
        );
        self.count(&metric::STORE_FAILURES, &[("operation", operation)]);
    }

    #[cfg(any(feature = "tracing", feature = "metrics"))]
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn count(&self, metric: &metric::Metric, labels: &[(&'static str, &'static str)]) {
        #[cfg(feature = "metrics")]
        metrics::counter!(metric.name, self.labels(labels)).increment(1);
    }

    pub(crate) fn measure(
        &self,
        metric: &metric::Metric,
        labels: &[(&'static str, &'static str)],
        value: Duration,
    ) {
        #[cfg(feature = "metrics")]
        metrics::histogram!(metric.name, self.labels(labels)).record(value.as_secs_f64());
    }

    /// Of a source without a name nothing is set: others would overwrite it.
    pub(crate) fn set(&self, metric: &metric::Metric, value: f64) {
        #[cfg(feature = "metrics")]
        if self.name.is_some() {
            metrics::gauge!(metric.name, self.labels(&[])).set(value);
        }
    }

    #[cfg(feature = "metrics")]
    fn labels(&self, own: &[(&'static str, &'static str)]) -> Vec<metrics::Label> {
        let own = own
            .iter()
            .map(|(key, value)| metrics::Label::from_static_parts(key, value));
        let source = self.name.clone();
        own.chain(source.map(|name| metrics::Label::new("source", name)))
            .collect()
    }
}

/// An API request is authorized for the second time.
pub(crate) fn resent() {
    event!(DEBUG, "resent", "the request is authorized anew");
    Observer::NAMELESS.count(&metric::RESENDS, &[]);
}

/// A server wants its nonce in the proof (RFC 9449 §8 and §9).
pub(crate) fn nonce_wanted(endpoint: &'static str) {
    event!(
        DEBUG,
        "dpop_nonce_wanted",
        endpoint,
        "the server wants its nonce in the proof"
    );
    Observer::NAMELESS.count(&metric::DPOP_NONCES, &[("endpoint", endpoint)]);
}

/// An endpoint of the authorization server answered.
pub(crate) fn answered(endpoint: &str, host: Option<&str>, status: StatusCode) {
    event!(
        DEBUG,
        "endpoint_answered",
        endpoint,
        host,
        status = status.as_u16(),
        "the authorization server answered"
    );
}

pub(crate) fn secret_changed() {
    event!(
        DEBUG,
        "client_secret_changed",
        "the server refused the client, whose secret has changed; trying once more"
    );
}

pub(crate) fn secret_unreadable(error: &Error) {
    event!(
        DEBUG,
        "client_secret_unreadable",
        error = format_args!("{error:#}"),
        "the secret cannot be read again"
    );
}

pub(crate) fn metadata_not_renewed(error: &Error) {
    event!(
        DEBUG,
        "metadata_not_renewed",
        error = format_args!("{error:#}"),
        "the metadata could not be renewed; using what is known"
    );
}

pub(crate) fn metadata_unusable(error: &(dyn StdError + 'static)) {
    event!(
        DEBUG,
        "metadata_unusable",
        %error,
        "no usable metadata in one place"
    );
}

/// Something in a token response is not as it should be, and the response is used all the same. Only `member`, a name
/// of ours, is told of it.
pub(crate) fn response_odd(member: Option<&'static str>, what: &'static str) {
    event!(DEBUG, "token_response_odd", member, "{what}");
}

pub(crate) fn no_thread(cause: &(dyn StdError + 'static)) {
    event!(
        ERROR,
        "no_background_thread",
        %cause,
        "no thread for background work could be started"
    );
}

pub(crate) fn background_panicked(what: &'static str) {
    event!(ERROR, "background_panicked", "{what}");
}

pub(crate) fn kind(error: &Error) -> &'static str {
    error.kind().as_str()
}

/// Tells the recorder of the `metrics` crate what each metric means and in what unit it is; exporters show that. To be
/// called once, after the recorder was installed.
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    use crate::metric::MetricKind;
    for metric in metric::METRICS {
        let unit = match metric.unit {
            "seconds" => metrics::Unit::Seconds,
            _ => metrics::Unit::Count,
        };
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, unit, metric.help),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, unit, metric.help),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, unit, metric.help),
        }
    }
}
