//! From the facade to Prometheus.

use anyhow::Result;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use oauth_core::observability::describe_metrics;

/// Has everything that is measured in this program collected for Prometheus.
pub(crate) fn install() -> Result<PrometheusHandle> {
    let seconds = |name: &str| Matcher::Full(name.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(
            seconds("oauth_token_request_duration_seconds"),
            &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0],
        )?
        .set_buckets_for_metric(
            seconds("oauth_token_seconds_to_expiry"),
            &[0.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0],
        )?
        .install_recorder()?;
    describe_metrics();
    Ok(handle)
}

/// What `/metrics` answers.
pub(crate) fn scrape(metrics: &PrometheusHandle) -> String {
    // Measurements are collected and sorted into the buckets here.
    metrics.run_upkeep();
    metrics.render()
}
