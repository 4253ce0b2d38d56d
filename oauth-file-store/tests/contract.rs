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
use rules::Engine;
use tempfile::TempDir;

struct Directory(TempDir);

fn directory() -> Directory {
    Directory(tempfile::tempdir().unwrap())
}

impl Engine for Directory {
    fn store(&self) -> Arc<dyn TokenStore> {
        Arc::new(FileStore::open(self.0.path().join("tokens")).unwrap())
    }
}

store_rules!(directory());
