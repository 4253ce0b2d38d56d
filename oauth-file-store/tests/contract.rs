//! The contract of a store, kept by files.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[macro_use]
mod rules;

use std::sync::Arc;

use oauth_core::TokenStore;
use oauth_file_store::FileStore;
use oauth_testkit::conformance::token_store::StoreUnderTest;
use rules::Engine;
use tempfile::TempDir;

struct Directory(TempDir);

fn directory() -> Directory {
    Directory(tempfile::tempdir().unwrap())
}

impl Directory {
    fn open(&self) -> FileStore {
        FileStore::open(self.0.path().join("tokens")).unwrap()
    }
}

impl Engine for Directory {
    fn store(&self) -> Arc<dyn TokenStore> {
        Arc::new(self.open())
    }
}

oauth_testkit::token_store_conformance! {
    store: || {
        let directory = directory();
        StoreUnderTest::new(move || directory.open())
    },
}

store_rules!(directory());
