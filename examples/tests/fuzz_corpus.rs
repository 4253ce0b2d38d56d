//! The fuzz targets over their corpus: what a fuzzer has found once stays found.
//!
//! It is here because this package may depend on everything and is published nowhere.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

// The folder `fuzz` is no member of the workspace.
#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "it is a crate of its own")]
mod targets;

use std::fs;
use std::path::Path;

fn run_over_corpus(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        check(&bytes);
        // Every beginning of it as well: a response may be cut anywhere.
        (0..bytes.len().min(2000)).for_each(|end| check(&bytes[..end]));
        files += 1;
    }
    assert!(
        files >= 3,
        "there are {files} files in {}",
        folder.display()
    );
}

#[test]
fn p08_token_response() {
    run_over_corpus("token_response", targets::token_response);
}

#[test]
fn p08_error_response() {
    run_over_corpus("error_response", targets::error_response);
}

#[test]
fn p08_challenges() {
    run_over_corpus("challenges", targets::challenges);
}

#[test]
fn p08_retry_after() {
    run_over_corpus("retry_after", targets::retry_after);
}

#[test]
fn p08_scenario() {
    run_over_corpus("scenario", targets::scenario);
}

#[test]
fn p08_metadata() {
    run_over_corpus("metadata", targets::metadata);
}

#[test]
fn p08_record() {
    run_over_corpus("record", targets::record);
}
