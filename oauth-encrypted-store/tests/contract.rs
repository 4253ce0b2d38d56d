//! The contract of a store, kept through encryption.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[macro_use]
#[path = "../../oauth-file-store/tests/rules/mod.rs"]
mod rules;

use std::sync::Arc;

use oauth_core::{MemoryStore, SystemClock, TokenStore};
use oauth_encrypted_store::{EncryptedStore, KeyRing};
use oauth_file_store::FileStore;
use oauth_testkit::ManualClock;
use oauth_testkit::conformance::token_store::StoreUnderTest;
use rules::Engine;
use tempfile::TempDir;

impl Engine for Arc<MemoryStore> {
    fn store(&self) -> Arc<dyn TokenStore> {
        Arc::new(EncryptedStore::new(Arc::clone(self), keys()))
    }
}

impl Engine for TempDir {
    fn store(&self) -> Arc<dyn TokenStore> {
        let files = FileStore::open(self.path().join("tokens")).unwrap();
        Arc::new(EncryptedStore::new(files, keys()))
    }
}

fn keys() -> KeyRing {
    KeyRing::from_bytes([7; 32])
}

mod around_memory {
    use super::*;
    oauth_testkit::token_store_conformance! {
        store: || {
            let clock = ManualClock::new();
            let memory = Arc::new(MemoryStore::new(clock.clone()));
            let moved = clock.clone();
            StoreUnderTest::new(move || EncryptedStore::new(Arc::clone(&memory), keys()))
                .on(clock, move |time| moved.advance(time))
        },
    }

    store_rules!(Arc::new(MemoryStore::new(SystemClock::new())));
}

mod around_files {
    use super::*;
    oauth_testkit::token_store_conformance! {
        store: || {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("tokens");
            StoreUnderTest::new(move || {
                assert!(directory.path().exists(), "it lives as long as the store");
                EncryptedStore::new(FileStore::open(&path).unwrap(), keys())
            })
        },
    }

    store_rules!(tempfile::tempdir().unwrap());
}
