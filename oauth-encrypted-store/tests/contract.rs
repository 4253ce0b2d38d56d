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
use rules::Engine;
use tempfile::TempDir;

impl Engine for Arc<MemoryStore> {
    fn store(&self) -> Arc<dyn TokenStore> {
        let keys = KeyRing::from_bytes([7; 32]);
        Arc::new(EncryptedStore::new(Arc::clone(self), keys))
    }
}

impl Engine for TempDir {
    fn store(&self) -> Arc<dyn TokenStore> {
        let files = FileStore::open(self.path().join("tokens")).unwrap();
        let keys = KeyRing::from_bytes([7; 32]);
        Arc::new(EncryptedStore::new(files, keys))
    }
}

mod around_memory {
    use super::*;
    store_rules!(Arc::new(MemoryStore::new(SystemClock::new())));
}

mod around_files {
    store_rules!(tempfile::tempdir().unwrap());
}
