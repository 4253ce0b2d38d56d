//! What is emitted is what the documentation says, no less and no more.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../common/recorder.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
mod recorder;
mod seen;
mod story;

use std::collections::{BTreeMap, BTreeSet};

use metrics_util::MetricKind as Kind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use oauth_core::observability::{METRICS, Metric, MetricKind, describe_metrics};

const PAGE: &str = include_str!("../../OBSERVABILITY.md");
/// What no test can bring about: that the system gives no thread.
const OUT_OF_REACH: &str = "no_background_thread";

/// By name and labels.
type Values = BTreeMap<(String, Labels), DebugValue>;
type Labels = Vec<(String, String)>;

/// What a story leaves behind. Only of this thread: tests run side by side.
fn measured(story: impl FnOnce()) -> Values {
    seen::everywhere();
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        describe_metrics();
        story();
    });
    let mut values = Values::new();
    for (key, unit, help, value) in snapshotter.snapshot().into_vec() {
        let (kind, key) = key.into_parts();
        let metric = documented(key.name());
        assert_eq!(kind, kind_of(metric), "{}", metric.name);
        assert_eq!(&*help.unwrap(), metric.help);
        assert_eq!(unit.unwrap().as_str(), metric.unit);
        let labels = key.labels();
        let labels: Labels = labels
            .map(|label| (label.key().to_owned(), label.value().to_owned()))
            .collect();
        values.insert((key.name().to_owned(), labels), value);
    }
    values
}

fn documented(name: &str) -> &'static Metric {
    let mut metrics = METRICS.iter();
    metrics
        .find(|metric| metric.name == name)
        .unwrap_or_else(|| panic!("{name} is not documented"))
}

fn kind_of(metric: &Metric) -> Kind {
    match metric.kind {
        MetricKind::Counter => Kind::Counter,
        MetricKind::Gauge => Kind::Gauge,
        MetricKind::Histogram => Kind::Histogram,
        _ => panic!("{metric:?}"),
    }
}

/// The cells of the rows of the tables whose first column has this head.
fn rows(head: &str) -> Vec<Vec<&'static str>> {
    PAGE.lines()
        .skip_while(|line| !line.starts_with(&format!("| {head} |")))
        .skip(2)
        .map_while(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|row| row.split('|').map(str::trim).collect())
        .collect()
}

/// What stands between backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_of_metrics_is_the_list_of_the_code() {
    let code: Vec<_> = METRICS
        .iter()
        .map(|metric| {
            let labels: Vec<_> = metric.labels.iter().map(|l| format!("`{l}`")).collect();
            let name = format!("`{}`", metric.name);
            let (kind, unit) = (metric.kind.as_str().to_owned(), metric.unit.to_owned());
            vec![name, kind, unit, labels.join(", "), metric.help.to_owned()]
        })
        .collect();
    assert_eq!(rows("metric"), code);
}

#[test]
fn each_metric_is_emitted_with_its_labels_and_the_values_that_are_documented() {
    let values = measured(story::all);
    let emitted: BTreeSet<_> = values.keys().map(|(name, _)| name.as_str()).collect();
    let listed: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(emitted, listed);

    let allowed: BTreeMap<_, BTreeSet<_>> = rows("label")
        .into_iter()
        .map(|row| (names(row[0])[0], names(row[1]).into_iter().collect()))
        .collect();
    for (name, labels) in values.keys() {
        let mut keys: Vec<_> = labels.iter().map(|(key, _)| key.as_str()).collect();
        if keys.last() == Some(&"source") {
            keys.pop();
        }
        assert_eq!(keys, documented(name).labels, "{name}");
        for (key, value) in labels {
            let is_known = match key.as_str() {
                "source" => value == story::NAME,
                "outcome" => {
                    allowed["outcome"].contains(&**value) || allowed["error"].contains(&**value)
                }
                key => allowed[key].contains(&**value),
            };
            assert!(is_known, "{name} {key}={value}");
        }
    }
}

#[test]
fn each_event_is_emitted_with_its_level_and_fields_and_no_other_is() {
    let mut seen = seen::by(story::all);
    let panicked = seen::in_the_background("background_panicked", story::work_that_panics);
    seen.events.extend(panicked);
    let events: BTreeSet<_> = rows("event")
        .into_iter()
        .map(|row| {
            let fields = names(row[2]).into_iter().map(str::to_owned).collect();
            (names(row[0])[0].to_owned(), row[1].to_owned(), fields)
        })
        .filter(|(name, ..)| name != OUT_OF_REACH)
        .collect();
    assert_eq!(seen.events, events);
    let span = ["source", "reason", "attempts", "outcome"].map(str::to_owned);
    let spans = [("token_request".into(), "DEBUG".into(), span.to_vec())];
    assert_eq!(seen.spans, BTreeSet::from(spans));
    assert!(PAGE.contains(&format!("`{OUT_OF_REACH}` | ERROR | `cause`")));
}

#[test]
fn a_story_is_told_in_numbers() {
    let values = measured(story::life_of_a_token);
    let get = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().chain(&[("source", story::NAME)]);
        let labels = labels.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        &values[&(name.to_owned(), labels.collect::<Labels>())]
    };
    let requests = |reason, outcome| {
        let labels = [("reason", reason), ("outcome", outcome)];
        get("oauth_token_requests_total", &labels)
    };
    let count = DebugValue::Counter;
    let seconds = |values: &[f64]| {
        DebugValue::Histogram(values.iter().map(|value| (*value).into()).collect())
    };
    assert_eq!(requests("cold", "ok"), &count(1));
    assert_eq!(requests("renewal", "refused"), &count(1));
    assert_eq!(requests("renewal", "ok"), &count(1));
    assert_eq!(requests("renewal", "dropped"), &count(1));
    assert_eq!(requests("rejected", "ok"), &count(2));
    assert_eq!(requests("expired", "refused"), &count(1));

    let attempts = |reason| get("oauth_token_attempts_total", &[("reason", reason)]);
    assert_eq!(attempts("cold"), &count(2), "one failed");
    assert_eq!(attempts("renewal"), &count(2), "one was dropped before");

    let labels = [("reason", "cold"), ("outcome", "ok")];
    let duration = get("oauth_token_request_duration_seconds", &labels);
    assert_eq!(duration, &seconds(&[0.25]), "on the clock of the source");
    let left = get("oauth_token_seconds_to_expiry", &[("reason", "renewal")]);
    assert_eq!(left, &seconds(&[180.0]));

    let shut = |error| get("oauth_gate_shut_total", &[("error", error)]);
    assert_eq!(shut("refused"), &count(2));
    assert_eq!(shut("token_rejected"), &count(1));
    let away = [("error", "token_rejected")];
    assert_eq!(get("oauth_callers_turned_away_total", &away), &count(1));
    assert_eq!(get("oauth_token_rejections_total", &[]), &count(2));
}

#[test]
fn callers_who_need_more_life_than_the_token_in_hand_has_are_counted_too() {
    let mut seen = seen::Seen::default();
    let values = measured(|| seen = seen::by(story::a_minimum_life));
    let count = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().chain(&[("source", story::NAME)]);
        let labels = labels.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        match values.get(&(name.to_owned(), labels.collect())) {
            Some(DebugValue::Counter(count)) => *count,
            _ => 0,
        }
    };
    let requests = |reason, outcome| {
        let labels = [("reason", reason), ("outcome", outcome)];
        count("oauth_token_requests_total", &labels)
    };
    assert_eq!(requests("cold", "ok"), 1);
    assert_eq!(requests("too_short", "ok"), 1);
    assert_eq!(requests("too_short", "refused"), 1);
    let away = |error| count("oauth_callers_turned_away_total", &[("error", error)]);
    assert_eq!(away("configuration"), 1, "no token lives so long");
    assert_eq!(away("refused"), 1, "the gate is shut");
    for name in ["waiting_for_token", "caller_turned_away"] {
        let is_it = |event: &seen::Sight| event.0 == name;
        assert!(seen.events.iter().any(is_it), "{name}");
    }
}

#[test]
fn the_moment_of_expiry_is_told_of_a_source_with_a_name_only() {
    let gauge = "oauth_token_expiry_timestamp_seconds";
    let values = measured(|| story::first_token(Some(story::NAME)));
    let labels = vec![("source".to_owned(), story::NAME.to_owned())];
    let expiry = story::WALL_AT_START + 3600.0;
    assert_eq!(
        values[&(gauge.to_owned(), labels)],
        DebugValue::Gauge(expiry.into())
    );
    let values = measured(|| story::first_token(None));
    assert!(values.keys().all(|(name, _)| name != gauge));
    let labels = values.keys().flat_map(|(_, labels)| labels);
    assert!(labels.into_iter().all(|(key, _)| key != "source"));
}

#[test]
fn a_hit_emits_nothing() {
    let values = measured(|| {
        let seen = seen::by(story::hits);
        assert_eq!(seen, seen::Seen::default());
    });
    assert_eq!(values, Values::new());
}
