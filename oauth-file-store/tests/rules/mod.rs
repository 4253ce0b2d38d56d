//! What stores of bytes keep beyond the rules of the test kit, one function a rule, and what the tests of such stores
//! share. `store_rules!` makes the rules tests of an engine.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "each test takes what it needs")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use futures_executor::block_on;
use futures_util::future::join_all;
use oauth_core::{
    AccessToken, BoxFuture, Clock, Lease, Scopes, StoredToken, SystemClock, TokenKey, TokenStore,
    TokenType,
};

const LONG: Duration = Duration::from_secs(3600);

/// What stores of several processes have in common.
pub(crate) trait Engine {
    /// The store as one more process sees it.
    fn store(&self) -> Arc<dyn TokenStore>;
}

#[allow(unused_macros, reason = "each test takes what it needs")]
macro_rules! store_rules {
    ($engine:expr) => {
        store_rules!($engine;
            nothing_is_there_at_first,
            what_was_saved_comes_back_whole,
            the_secret_alone_tells_a_token_to_be_removed,
            a_token_that_has_expired_is_replaced_by_any,
            p12_of_many_at_once_one_gets_the_lease,
            p12_holders_take_turns,
            p12_a_lease_is_not_over_early,
            p05_a_dropped_call_leaves_a_whole_token,
        );
    };
    ($engine:expr; $($rule:ident),* $(,)?) => {
        $(
            #[test]
            fn $rule() {
                $crate::rules::$rule(&$engine);
            }
        )*
    };
}

/// A key that no other test has.
pub(crate) fn key() -> TokenKey {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let ordinal = NEXT.fetch_add(1, Ordering::Relaxed);
    let field = format!("{}-{ordinal}", std::process::id());
    TokenKey::builder("rule").field("unique", &field).build()
}

pub(crate) fn token(secret: &str, fencing: u64) -> StoredToken {
    token_from(secret, fencing, SystemClock::new().wall())
}

pub(crate) fn token_from(secret: &str, fencing: u64, requested_at: SystemTime) -> StoredToken {
    let token = AccessToken::builder(secret.to_owned())
        .expires_in(LONG)
        .build();
    StoredToken::new(token.unwrap(), requested_at, requested_at + LONG).with_fencing(fencing)
}

pub(crate) fn secret(store: &dyn TokenStore, key: &TokenKey) -> Option<String> {
    let found = block_on(store.load(key)).unwrap();
    found.map(|found| found.token().secret().to_owned())
}

pub(crate) fn save(store: &dyn TokenStore, key: &TokenKey, token: &StoredToken) {
    block_on(store.save(key, token)).unwrap();
}

pub(crate) fn lease(store: &dyn TokenStore, key: &TokenKey, ttl: Duration) -> Option<Lease> {
    block_on(store.lease(key, ttl)).unwrap()
}

/// Asks until there is an answer, for ten seconds at most.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    let begin = clock.now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        let waited = clock.now().saturating_duration_since(begin);
        assert!(waited < Duration::from_secs(10), "waited in vain: {what}");
        block_on(clock.sleep(Duration::from_millis(5)));
    }
}

pub(crate) fn nothing_is_there_at_first(engine: &impl Engine) {
    let (store, key) = (engine.store(), key());
    assert_eq!(secret(&*store, &key), None);
    block_on(store.remove(&key, &token("t", 1))).unwrap();
    block_on(store.release(&key, Lease::new(1))).unwrap();
    assert_eq!(secret(&*store, &key), None);
}

pub(crate) fn what_was_saved_comes_back_whole(engine: &impl Engine) {
    let key = key();
    let now = SystemClock::new().wall();
    let built = AccessToken::builder("s-._~+/=\"\\{}")
        .token_type(TokenType::Dpop)
        .scopes("write read".parse::<Scopes>().unwrap())
        .expires_in(LONG)
        .refresh_in(LONG / 2)
        .extra("tenant", serde_json::json!({"id": 7, "name": "ä"}))
        .build()
        .unwrap();
    let requested_at = now - LONG / 4;
    let saved = StoredToken::new(built, requested_at, requested_at + LONG).with_fencing(7);
    save(&*engine.store(), &key, &saved);

    let found = block_on(engine.store().load(&key)).unwrap().unwrap();
    let token = found.token();
    assert_eq!(token.secret(), saved.token().secret());
    assert_eq!(token.token_type(), TokenType::Dpop);
    assert_eq!(token.scopes(), saved.token().scopes());
    assert_eq!(token.lifetime(), Some(LONG));
    assert_eq!(token.refresh_in(), Some(LONG / 2));
    assert_eq!(token.extra("tenant"), saved.token().extra("tenant"));
    assert_eq!(found.fencing(), 7);
    assert_eq!(found.lifetime(), LONG);
    let left = found.remaining_life(now);
    let exact = LONG * 3 / 4;
    let slow = Duration::from_secs(10);
    assert!(left <= exact + slow && left >= exact - slow, "{left:?}");
}

pub(crate) fn the_secret_alone_tells_a_token_to_be_removed(engine: &impl Engine) {
    let (store, key) = (engine.store(), key());
    save(&*store, &key, &token("new", 2));
    block_on(store.remove(&key, &token("old", 1))).unwrap();
    block_on(store.remove(&key, &token("ne", 2))).unwrap();
    assert_eq!(secret(&*store, &key).as_deref(), Some("new"));
    // The secret tells it, and nothing else.
    let moment = SystemTime::UNIX_EPOCH;
    block_on(engine.store().remove(&key, &token_from("new", 0, moment))).unwrap();
    assert_eq!(secret(&*store, &key), None);
    save(&*store, &key, &token("newer", 3));
    assert_eq!(secret(&*store, &key).as_deref(), Some("newer"));
}

pub(crate) fn a_token_that_has_expired_is_replaced_by_any(engine: &impl Engine) {
    let (store, key) = (engine.store(), key());
    let now = SystemClock::new().wall();
    save(&*store, &key, &token_from("dead", 1, now - 2 * LONG));
    assert_eq!(secret(&*store, &key), None);
    let life = Duration::from_millis(200);
    let built = AccessToken::builder("brief").build().unwrap();
    let brief = StoredToken::new(built, now, SystemClock::new().wall() + life).with_fencing(2);
    save(&*store, &key, &brief);
    eventually("the end of its life", || {
        secret(&*store, &key).is_none().then_some(())
    });
    save(&*store, &key, &token("next", 1));
    assert_eq!(secret(&*store, &key).as_deref(), Some("next"));
}

pub(crate) fn p12_of_many_at_once_one_gets_the_lease(engine: &impl Engine) {
    let key = key();
    let stores: Vec<_> = (0..8).map(|_| engine.store()).collect();
    let attempts = stores.iter().map(|store| store.lease(&key, LONG));
    let outcomes = block_on(join_all(attempts));
    let leases = outcomes.into_iter().filter_map(|outcome| outcome.unwrap());
    assert_eq!(leases.count(), 1);
    for store in &stores {
        assert_eq!(lease(&**store, &key, LONG), None);
    }
}

pub(crate) fn p12_holders_take_turns(engine: &impl Engine) {
    let (a, b, key) = (engine.store(), engine.store(), key());
    let mut last = 0;
    for _ in 0..5 {
        for (holder, other) in [(&a, &b), (&b, &a)] {
            let held = lease(&**holder, &key, LONG).unwrap();
            assert!(held.fencing() > last);
            last = held.fencing();
            assert_eq!(lease(&**other, &key, LONG), None);
            block_on(holder.release(&key, held)).unwrap();
        }
    }
}

pub(crate) fn p12_a_lease_is_not_over_early(engine: &impl Engine) {
    let (a, b, key) = (engine.store(), engine.store(), key());
    let clock = SystemClock::new();
    let (ttl, begin) = (Duration::from_millis(300), clock.now());
    let first = lease(&*a, &key, ttl).unwrap();
    let second = eventually("the end of the lease", || lease(&*b, &key, LONG));
    // Engines count in milliseconds.
    let lasted = clock.now().saturating_duration_since(begin);
    assert!(lasted >= ttl - Duration::from_millis(2), "{lasted:?}");
    assert!(second.fencing() > first.fencing());
    block_on(a.release(&key, first)).unwrap();
    assert_eq!(lease(&*a, &key, LONG), None, "the late holder ends nothing");
}

pub(crate) fn p05_a_dropped_call_leaves_a_whole_token(engine: &impl Engine) {
    let (store, key) = (engine.store(), key());
    for round in 1..=50_u64 {
        let secret = format!("{round}-{}", "x".repeat(5000));
        let next = token(&secret, round);
        let mut call: BoxFuture<'_, _> = store.save(&key, &next);
        for _ in 0..round % 3 {
            let mut context = Context::from_waker(Waker::noop());
            if let Poll::Ready(outcome) = call.as_mut().poll(&mut context) {
                outcome.unwrap();
                break;
            }
        }
        drop(call);
        if let Some(found) = block_on(store.load(&key)).unwrap() {
            let text = found.token().secret();
            assert_eq!(text.len(), text.find('-').unwrap() + 5001);
            assert!(found.fencing() <= round);
        }
    }
}
