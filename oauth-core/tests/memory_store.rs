//! What the contract of [`TokenStore`] asks, of the store in memory.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{AccessToken, Clock, MemoryStore, StoredToken, TokenKey, TokenStore};
use oauth_testkit::ManualClock;

struct Fixture {
    clock: ManualClock,
    store: MemoryStore,
}

fn fixture() -> Fixture {
    let clock = ManualClock::new();
    Fixture {
        store: MemoryStore::new(clock.clone()),
        clock,
    }
}

impl Fixture {
    /// A token requested now that lives for a minute.
    fn token(&self, secret: &str) -> StoredToken {
        let now = self.clock.wall();
        let token = AccessToken::builder(secret).build().unwrap();
        StoredToken::new(token, now, now + Duration::from_secs(60))
    }

    fn save(&self, key: &TokenKey, token: &StoredToken) {
        block_on(self.store.save(key, token)).unwrap();
    }

    fn loaded(&self, key: &TokenKey) -> Option<String> {
        let loaded = block_on(self.store.load(key)).unwrap()?;
        Some(loaded.token().secret().to_owned())
    }
}

fn key(tenant: &str) -> TokenKey {
    TokenKey::builder("test").field("tenant", tenant).build()
}

#[test]
fn p13_a_token_is_found_under_its_own_key_only() {
    let fixture = fixture();
    assert_eq!(fixture.loaded(&key("a")), None);
    fixture.save(&key("a"), &fixture.token("t1"));
    assert_eq!(fixture.loaded(&key("a")).as_deref(), Some("t1"));
    assert_eq!(fixture.loaded(&key("b")), None);
}

#[test]
fn p01_an_expired_token_is_not_given_back() {
    let fixture = fixture();
    fixture.save(&key("a"), &fixture.token("t1"));
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(fixture.loaded(&key("a")), None);
}

#[test]
fn a_late_write_never_replaces_a_newer_token() {
    let fixture = fixture();
    let old = fixture.token("old");
    fixture.clock.advance(Duration::from_secs(1));
    fixture.save(&key("a"), &fixture.token("new"));
    fixture.save(&key("a"), &old);
    assert_eq!(fixture.loaded(&key("a")).as_deref(), Some("new"));
}

#[test]
fn p12_the_fencing_number_counts_more_than_what_clocks_say() {
    let fixture = fixture();
    let old = fixture.token("old").with_fencing(1);
    fixture.save(&key("a"), &fixture.token("new").with_fencing(2));
    fixture.clock.advance(Duration::from_secs(1));
    fixture.save(&key("a"), &fixture.token("unleased"));
    fixture.save(&key("a"), &old);
    assert_eq!(fixture.loaded(&key("a")).as_deref(), Some("new"));
}

#[test]
fn p07_only_the_token_given_is_removed() {
    let fixture = fixture();
    let old = fixture.token("old");
    fixture.save(&key("a"), &old);
    fixture.clock.advance(Duration::from_secs(1));
    fixture.save(&key("a"), &fixture.token("new"));
    block_on(fixture.store.remove(&key("a"), &old)).unwrap();
    assert_eq!(fixture.loaded(&key("a")).as_deref(), Some("new"));
    block_on(fixture.store.remove(&key("a"), &fixture.token("new"))).unwrap();
    assert_eq!(fixture.loaded(&key("a")), None);
}

#[test]
fn p12_a_lease_has_one_holder_until_it_is_given_back_or_over() {
    let fixture = fixture();
    let lease =
        |tenant| block_on(fixture.store.lease(&key(tenant), Duration::from_secs(10))).unwrap();
    let first = lease("a").unwrap();
    assert!(lease("a").is_none());
    assert!(lease("b").is_some(), "another key is another lease");

    let release = |lease| block_on(fixture.store.release(&key("a"), lease)).unwrap();
    release(first);
    let second = lease("a").unwrap();
    assert!(lease("a").is_none());

    fixture.clock.advance(Duration::from_secs(10));
    let third = lease("a").unwrap();
    assert!(third.fencing() > second.fencing());
    release(second);
    assert!(
        lease("a").is_none(),
        "the end of an older lease does not end the present one"
    );
}
