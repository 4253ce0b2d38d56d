//! What is measured in this process.

use std::sync::OnceLock;

use metrics_util::debugging::{DebuggingRecorder, Snapshotter};

pub(crate) fn snapshotter() -> &'static Snapshotter {
    static SNAPSHOTTER: OnceLock<Snapshotter> = OnceLock::new();
    SNAPSHOTTER.get_or_init(|| {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        recorder.install().unwrap();
        oauth_core::observability::describe_metrics();
        snapshotter
    })
}

/// Names, labels and values.
pub(crate) fn measured_in_all() -> String {
    let values = snapshotter().snapshot().into_vec();
    let lines = values.iter().map(|value| format!("{value:?}\n"));
    lines.collect()
}
