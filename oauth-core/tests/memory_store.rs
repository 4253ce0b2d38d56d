//! The contract of `TokenStore`, kept by the store in memory.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use oauth_core::MemoryStore;
use oauth_testkit::ManualClock;
use oauth_testkit::conformance::token_store::StoreUnderTest;

oauth_testkit::token_store_conformance! {
    store: || {
        let clock = ManualClock::new();
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let moved = clock.clone();
        StoreUnderTest::new(move || Arc::clone(&store)).on(clock, move |time| moved.advance(time))
    },
}
