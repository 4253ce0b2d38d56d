//! The order of the source files: each imports only from those before it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The floors from the ground up, and the files of each in the order in which they may know each other.
const FLOORS: [(&str, &[&str]); 6] = [
    (
        "values",
        &[
            "sync",
            "secret",
            "time",
            "scope",
            "token",
            "token_key",
            "stored_token",
        ],
    ),
    (
        "outcomes",
        &[
            "oauth_error",
            "discovery_error",
            "error",
            "refresh/status",
            "metric",
            "observe",
            "observed_flight",
        ],
    ),
    (
        "pure",
        &[
            "protocol/retry_after",
            "protocol/challenge",
            "protocol/origin",
            "protocol/jws",
            "protocol/jwk",
            "protocol/der",
            "protocol/pem",
            "protocol/private_jwk",
            "protocol/assertion",
            "protocol/dpop",
            "protocol/client_auth",
            "protocol/request",
            "protocol/response",
            "protocol/introspection",
            "protocol/metadata",
            "refresh/policy",
            "refresh/backoff",
            "refresh/decision",
            "refresh/held",
            "refresh/under_way",
            "refresh/trouble",
            "refresh/machine",
            "refresh/rejection",
            "refresh/lasting",
            "refresh/warmth",
        ],
    ),
    ("threads", &["nesting", "background"]),
    (
        "ports",
        &[
            "clock",
            "spawner",
            "http_client",
            "store",
            "signer",
            "unique",
            "dpop",
            "source",
        ],
    ),
    (
        "drivers",
        &[
            "default_spawner",
            "system_clock",
            "memory_store",
            "shared",
            "flight",
            "fleet",
            "warm",
            "state",
            "cache",
            "lasting",
            "rejection",
            "cached",
            "target",
            "request_source",
            "thread_copy",
            "verdict",
            "authorizer",
            "exchange",
            "secret_source",
            "credential",
            "discovery",
            "server",
            "signing_key",
            "client",
            "client_credentials",
            "client_credentials_builder",
            "token_management",
            "other_grants",
        ],
    ),
];

/// What the pure floor must not do.
const IMPURE: [&str; 6] = [
    ".await",
    "async ",
    "SystemTime::now",
    "std::thread",
    "TcpStream",
    "fastrand::",
];

#[test]
fn a_file_imports_only_from_files_before_it() {
    let rank: BTreeMap<&str, usize> = FLOORS
        .iter()
        .flat_map(|(_, files)| files.iter().copied())
        .zip(0..)
        .collect();
    let mut faults = Vec::new();
    for (file, text) in sources() {
        let Some(own) = rank.get(file.as_str()) else {
            faults.push(format!(
                "{file}.rs stands on no floor; give it one in this test"
            ));
            continue;
        };
        for import in imports(&text) {
            match rank.get(import.as_str()) {
                Some(theirs) if theirs < own => {}
                Some(_) => faults.push(format!("{file}.rs imports from {import}.rs above it")),
                None => faults.push(format!("{file}.rs imports from {import}, which is no file")),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_pure_floor_awaits_nothing_and_reads_no_clock() {
    for (file, text) in sources() {
        if file.contains('/') {
            for impure in IMPURE {
                assert!(!text.contains(impure), "{file}.rs has {impure}");
            }
        }
    }
}

#[test]
fn an_import_is_found_wherever_it_stands() {
    let text = "use crate::error::{Error, ErrorKind};\nlet x = crate::refresh::policy::X;\n//! crate::lib\n";
    assert_eq!(imports(&code(text)), ["error", "refresh/policy"]);
}

/// The code of the files of `src/`, by path without ending.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for folder in ["", "protocol", "refresh"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            let name = name.to_str().unwrap().replace('\\', "/");
            let is_source = path.extension().is_some_and(|ending| ending == "rs");
            if is_source && name != "lib" && !name.ends_with("/mod") && !name.ends_with("_tests") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((name, code(&text)));
            }
        }
    }
    assert!(sources.len() > 20);
    sources
}

/// What is neither test nor comment.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The files that some code names by `crate::`.
fn imports(code: &str) -> Vec<String> {
    code.split("crate::").skip(1).map(file_named).collect()
}

fn file_named(path: &str) -> String {
    let mut names = path
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|n| !n.is_empty());
    let first = names.next().unwrap_or_default();
    match first {
        "protocol" | "refresh" => format!("{first}/{}", names.next().unwrap_or_default()),
        _ => first.to_owned(),
    }
}
