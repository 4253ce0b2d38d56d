//! The dashboard asks for what there is, and for all of it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use oauth_core::observability::{METRICS, MetricKind};
use serde_json::Value;

fn dashboard() -> Value {
    serde_json::from_str(include_str!("../dashboard.json")).unwrap()
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().unwrap()
}

fn expressions(dashboard: &Value) -> Vec<&str> {
    panels(dashboard)
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten()
        .map(|target| target["expr"].as_str().unwrap())
        .collect()
}

/// Each metric that an expression names, and the labels it is filtered by.
fn series(expression: &str) -> Vec<(&str, Vec<&str>)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = expression.match_indices("oauth_").map(|(start, _)| start);
    starts
        .map(|start| {
            let rest = &expression[start..];
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let filter = rest
                .strip_prefix('{')
                .and_then(|rest| rest.split('}').next());
            let labels = filter.unwrap_or_default().split(',');
            let labels = labels.filter_map(|part| part.split(['=', '!']).next());
            let labels = labels.map(str::trim).filter(|label| !label.is_empty());
            (name, labels.collect())
        })
        .collect()
}

/// What the expression groups by.
fn groups(expression: &str) -> Vec<&str> {
    let groups = expression.split("by (").skip(1);
    let groups = groups.filter_map(|rest| rest.split(')').next());
    groups.flat_map(|group| group.split(", ")).collect()
}

/// The names under which Prometheus knows the metrics, with their labels.
fn known() -> Vec<(String, Vec<&'static str>)> {
    let mut known = Vec::new();
    for metric in METRICS {
        let mut labels = metric.labels.to_vec();
        labels.push("source");
        if metric.kind == MetricKind::Histogram {
            for suffix in ["_sum", "_count"] {
                known.push((format!("{}{suffix}", metric.name), labels.clone()));
            }
            labels.push("le");
            known.push((format!("{}_bucket", metric.name), labels));
        } else {
            known.push((metric.name.to_owned(), labels));
        }
    }
    known
}

#[test]
fn its_queries_name_only_metrics_and_labels_that_exist() {
    let dashboard = dashboard();
    let known = known();
    let expressions = expressions(&dashboard);
    assert!(expressions.len() > METRICS.len());
    for expression in expressions {
        let series = series(expression);
        assert!(!series.is_empty(), "{expression}");
        for (name, filters) in series {
            let labels = known.iter().find(|(known, _)| known == name);
            let (_, labels) = labels.unwrap_or_else(|| panic!("there is no {name}"));
            for label in filters.into_iter().chain(groups(expression)) {
                assert!(labels.contains(&label), "{name} has no {label}");
            }
        }
    }
}

#[test]
fn each_metric_has_its_place() {
    let dashboard = dashboard();
    let expressions = expressions(&dashboard);
    let shown: BTreeSet<_> = expressions
        .iter()
        .flat_map(|expression| series(expression))
        .map(|(name, _)| name.trim_end_matches("_bucket"))
        .collect();
    let all: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(shown, all);
}

#[test]
fn grafana_can_lay_it_out() {
    let dashboard = dashboard();
    assert_eq!(dashboard["title"], "OAuth tokens");
    assert!(
        dashboard["schemaVersion"].as_u64().unwrap() >= 38,
        "Grafana 10"
    );
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels(&dashboard) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()));
        assert!(!panel["title"].as_str().unwrap().is_empty());
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(side("x") + side("w") <= 24, "{panel}");
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(taken.insert((x, y)), "two panels at {x}, {y}");
            }
        }
        let references = panel["targets"].as_array().into_iter().flatten();
        let references: Vec<_> = references
            .map(|target| target["refId"].to_string())
            .collect();
        let distinct: BTreeSet<_> = references.iter().collect();
        assert_eq!(distinct.len(), references.len());
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|variable| &variable["name"]).collect();
    assert_eq!(names, ["datasource", "source"]);
}
