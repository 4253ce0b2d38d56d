//! The contract of `TokenStore`, kept by the store in memory.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{AccessToken, Clock, MemoryStore, StoredToken, TokenKey, TokenStore};
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

#[test]
fn keys_that_came_and_went_leave_nothing_behind() {
    let clock = ManualClock::new();
    let store = MemoryStore::new(clock.clone());
    let minute = Duration::from_secs(60);
    block_on(async {
        for tenant in 0..10_000_u32 {
            let key = TokenKey::builder("tenants")
                .field("tenant", &tenant.to_string())
                .build();
            let token = AccessToken::builder("secret").build().unwrap();
            let stored = StoredToken::new(token, clock.wall(), clock.wall() + minute);
            let lease = store.lease(&key, minute).await.unwrap().unwrap();
            store.save(&key, &stored).await.unwrap();
            store.release(&key, lease).await.unwrap();
            assert!(store.load(&key).await.unwrap().is_some());
            clock.advance(minute);
        }
    });
    let kept = format!("{store:?}");
    let kept: usize = kept
        .trim_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .unwrap();
    assert!(kept <= 64, "{kept} of 10,000 are kept");
}
