//! Servers that are gone, hang, forget or refuse, and records that are damaged.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../../oauth-file-store/tests/rules/mod.rs"]
mod rules;
mod support;

use std::time::{Duration, SystemTime};

use futures_executor::block_on;
use futures_util::future::{Either, select};
use oauth_core::{
    AccessToken, BoxFuture, Clock, Instant, Lease, StoreError, StoredToken, SystemClock, TokenKey,
    TokenStore,
};
use oauth_redis::RedisStore;
use rules::{eventually, key, lease, save, secret, token};
use support::Server;
use tokio::runtime::{Builder, Runtime};

const LONG: Duration = Duration::from_secs(3600);
/// As a cache has it by default.
const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// Gives up as a cache does.
fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Option<T> {
    let timeout = SystemClock::new().sleep(limit);
    match block_on(select(Box::pin(call), timeout)) {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}

fn failure<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    outcome.unwrap_err().to_string()
}

fn name(key: &TokenKey, what: &str) -> String {
    format!("oauth:{{{key}}}:{what}")
}

#[test]
fn p11_a_store_is_made_before_its_server_is_there_and_used_as_soon_as_it_is() {
    let mut server = Server::start();
    server.stop();
    let (store, key) = (server.store(), key());
    for _ in 0..3 {
        let outcome = within(STORE_TIMEOUT, store.load(&key));
        let error = failure(outcome.expect("it fails, and does not hang"));
        assert!(error.contains("refused"), "{error}");
        failure(block_on(store.connect()));
    }
    server.restart();
    assert_eq!(secret(&store, &key), None);
    block_on(store.connect()).unwrap();
}

#[test]
fn p11_a_connection_that_broke_while_nobody_used_it_costs_no_call() {
    let mut server = Server::start();
    let (store, key) = (server.store(), key());
    for fencing in 1..=3 {
        save(&store, &key, &token("t", fencing));
        server.restart();
        assert_eq!(secret(&store, &key), None, "it starts with nothing");
    }
}

#[test]
fn p11_a_wrong_password_is_told_and_works_once_it_is_right() {
    let server = Server::start();
    let _: () = server.ask(&[
        "ACL", "SETUSER", "oauth", "on", ">right", "~*", "&*", "+@all",
    ]);
    let url = format!("redis://oauth:wr0ng@127.0.0.1:{}", server.port());
    let (store, key) = (RedisStore::open(url).unwrap(), key());
    for error in [
        failure(block_on(store.load(&key))),
        failure(block_on(store.connect())),
        failure(block_on(store.lease(&key, LONG))),
    ] {
        assert!(!error.contains("wr0ng"), "{error}");
        assert!(error.to_lowercase().contains("auth"), "{error}");
    }
    assert!(!format!("{store:?}").contains("wr0ng"));
    let _: () = server.ask(&["ACL", "SETUSER", "oauth", ">wr0ng"]);
    assert!(lease(&store, &key, LONG).is_some());
}

#[test]
fn p09_a_url_that_is_none_is_told_without_its_password() {
    for url in [
        "redis://user:pa55word@host:port:port/",
        "pa55word",
        "http://:pa55word@host/",
    ] {
        let error = RedisStore::open(url).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("pa55word"),
            "{error:?}"
        );
    }
}

#[test]
fn p09_an_error_of_the_server_that_quotes_the_command_is_not_passed_on() {
    // An unknown command is answered with what was sent.
    let server = Server::start_with("rename-command EVALSHA \"\"");
    let error = block_on(server.store().save(&key(), &token("s3cret", 1))).unwrap_err();
    assert!(error.to_string().contains("ERR"), "{error}");
    assert!(
        !format!("{error} {error:?}").contains("s3cret"),
        "{error:?}"
    );
}

#[test]
fn missing_rights_are_named() {
    let server = Server::start();
    let _: () = server.ask(&[
        "ACL", "SETUSER", "oauth", "on", ">p", "~oauth:*", "+evalsha",
    ]);
    let url = format!("redis://oauth:p@127.0.0.1:{}", server.port());
    let error = failure(block_on(RedisStore::open(url).unwrap().load(&key())));
    assert!(
        error.contains("NOPERM") && error.contains("load"),
        "{error}"
    );
}

#[test]
fn p11_a_server_that_hangs_is_given_up_and_found_again() {
    let server = Server::start();
    let limit = Duration::from_millis(200);
    let store = server.builder().response_timeout(limit).build().unwrap();
    let key = key();
    save(&store, &key, &token("t", 1));
    server.pause();
    for _ in 0..2 {
        failure(block_on(store.load(&key)));
    }
    server.resume();
    assert_eq!(secret(&store, &key).as_deref(), Some("t"));
}

#[test]
fn p01_a_save_that_a_hanging_server_carries_out_late_lengthens_no_life() {
    let server = Server::start();
    let (store, key, clock) = (server.store(), key(), SystemClock::new());
    block_on(store.connect()).unwrap();
    let (now, life) = (clock.wall(), Duration::from_millis(300));
    let built = AccessToken::builder("t").build().unwrap();
    let brief = StoredToken::new(built, now, now + life);
    server.pause();
    assert!(within(life / 6, store.save(&key, &brief)).is_none());
    // The server's clock is the machine's, which nobody moves.
    block_on(clock.sleep(life));
    server.resume();
    for _ in 0..20 {
        assert_eq!(secret(&store, &key), None);
        block_on(clock.sleep(Duration::from_millis(5)));
    }
}

#[test]
fn p12_a_lease_granted_to_one_who_has_given_up_is_given_back() {
    let server = Server::start();
    let (store, key) = (server.store(), key());
    block_on(store.connect()).unwrap();
    server.pause();
    let brief = Duration::from_millis(50);
    assert!(within(brief, store.lease(&key, LONG)).is_none());
    server.resume();
    eventually("the lease", || lease(&server.store(), &key, LONG));
}

#[test]
fn p12_fencing_numbers_grow_also_when_the_server_has_forgotten_all() {
    let mut server = Server::start();
    let (store, key) = (server.store(), key());
    let mut last = 0;
    for round in 0..6 {
        let held = lease(&store, &key, LONG).unwrap();
        assert!(held.fencing() > last);
        last = held.fencing();
        save(&store, &key, &token("t", last));
        if round % 2 == 0 {
            let _: () = server.ask(&["FLUSHALL"]);
            let _: () = server.ask(&["SCRIPT", "FLUSH"]);
        } else {
            server.restart();
        }
        assert_eq!(secret(&store, &key), None);
        // A late holder's token does not stand in the way of the next.
        save(&store, &key, &token("late", last));
        block_on(store.release(&key, held)).unwrap();
        let next = lease(&store, &key, LONG).unwrap();
        save(&store, &key, &token("next", next.fencing()));
        assert_eq!(secret(&store, &key).as_deref(), Some("next"));
        last = next.fencing();
        block_on(store.release(&key, next)).unwrap();
    }
}

#[test]
fn p12_fencing_numbers_grow_also_when_the_clock_of_the_server_is_behind() {
    let server = Server::start();
    let (store, key) = (server.store(), key());
    // Next year.
    let ahead: u64 = 3_000_000_000_000_000;
    let _: () = server.ask(&["SET", &name(&key, "fencing"), &ahead.to_string()]);
    assert_eq!(lease(&store, &key, LONG), Some(Lease::new(ahead + 1)));
}

#[test]
fn p11_a_record_cut_off_at_any_byte_or_of_a_version_to_come_is_no_token() {
    let server = Server::start();
    let (store, key) = (server.store(), key());
    save(&store, &key, &token("t", 1));
    let at = name(&key, "token");
    let record: String = server.ask(&["HGET", &at, "record"]);
    for length in 0..record.len() {
        let _: () = server.ask(&["HSET", &at, "record", &record[..length]]);
        assert_eq!(secret(&store, &key), None, "{length}");
    }
    let later = record.replace("\"version\":1", "\"version\":2");
    assert_ne!(later, record);
    let _: () = server.ask(&["HSET", &at, "record", &later]);
    assert_eq!(secret(&store, &key), None);
    save(&store, &key, &token("next", 1));
    assert_eq!(secret(&store, &key).as_deref(), Some("next"));
}

#[test]
fn p11_keys_of_another_type_and_ranks_that_are_none_are_replaced() {
    let server = Server::start();
    let (store, key) = (server.store(), key());
    for what in ["token", "lease", "fencing"] {
        let _: () = server.ask(&["RPUSH", &name(&key, what), "a list"]);
    }
    assert_eq!(secret(&store, &key), None);
    block_on(store.remove(&key, &token("t", 1))).unwrap();
    block_on(store.release(&key, Lease::new(1))).unwrap();
    assert_eq!(lease(&store, &key, LONG), None, "somebody seems to have it");
    let _: () = server.ask(&["DEL", &name(&key, "lease")]);
    let held = lease(&store, &key, LONG).unwrap();
    save(&store, &key, &token("t", held.fencing()));
    assert_eq!(secret(&store, &key).as_deref(), Some("t"));

    let rank = "z".repeat(40);
    let _: () = server.ask(&["HSET", &name(&key, "token"), "rank", &rank]);
    save(&store, &key, &token("u", 1));
    assert_eq!(secret(&store, &key).as_deref(), Some("u"));
}

#[test]
fn the_server_keeps_nothing_for_ever_and_no_token_longer_than_it_lives() {
    let server = Server::start();
    let (store, key) = (server.store(), key());
    let clock = SystemClock::new();
    let built = AccessToken::builder("t").build().unwrap();
    let requested_at = clock.wall() - Duration::from_secs(3000);
    let stored = StoredToken::new(built, requested_at, requested_at + LONG);
    let held = lease(&store, &key, Duration::from_secs(10)).unwrap();
    save(&store, &key, &stored.with_fencing(held.fencing()));
    let left = |what: &str| -> i64 { server.ask(&["PTTL", &name(&key, what)]) };
    let second = 1000;
    assert!((500 * second..=600 * second).contains(&left("token")));
    assert!((1..=10 * second).contains(&left("lease")));
    assert!(left("fencing") > left("token"));
    let keys: Vec<String> = server.ask(&["KEYS", "*"]);
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(keys.iter().all(|name| name.starts_with("oauth:{")));
}

#[test]
fn the_prefix_is_that_of_the_builder() {
    let server = Server::start();
    let store = server.builder().prefix("my app/").build().unwrap();
    save(&store, &key(), &token("t", 1));
    let keys: Vec<String> = server.ask(&["KEYS", "*"]);
    assert!(
        keys.iter().all(|name| name.starts_with("my app/{")),
        "{keys:?}"
    );
    server.builder().prefix("{a}").build().unwrap_err();
}

/// A clock whose time of day is wrong.
struct Skewed(i64);

impl Clock for Skewed {
    fn now(&self) -> Instant {
        SystemClock::new().now()
    }

    fn wall(&self) -> SystemTime {
        let (right, skew) = (SystemClock::new().wall(), self.0.unsigned_abs());
        let skew = Duration::from_secs(skew);
        if self.0 < 0 {
            right - skew
        } else {
            right + skew
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        SystemClock::new().sleep(duration)
    }
}

#[test]
fn p01_machines_whose_clocks_differ_agree_about_the_life_of_a_token() {
    let server = Server::start();
    let key = key();
    let wall = |skew| Skewed(skew).wall();
    let store = |skew| server.builder().clock(Skewed(skew)).build().unwrap();
    for (fencing, (writer, reader)) in [(0, -120), (-120, 0), (60, -60), (-60, 60)]
        .into_iter()
        .enumerate()
    {
        let built = AccessToken::builder("t").build().unwrap();
        let requested_at = wall(writer) - Duration::from_secs(10);
        let life = Duration::from_secs(60);
        let saved = StoredToken::new(built, requested_at, requested_at + life);
        let fencing = u64::try_from(fencing).unwrap();
        save(&store(writer), &key, &saved.with_fencing(fencing));
        let found = block_on(store(reader).load(&key)).unwrap().unwrap();
        assert_eq!(found.lifetime(), life);
        let left = found.remaining_life(wall(reader));
        let exact = Duration::from_secs(50);
        assert!(left <= exact, "{left:?}");
        assert!(left >= exact - Duration::from_secs(5), "{left:?}");
    }
}

#[test]
fn a_store_outlives_the_runtime_it_was_first_used_in_and_needs_none() {
    let server = Server::start();
    let (store, key) = (server.store(), key());
    let runtime = || -> Runtime { Builder::new_current_thread().build().unwrap() };
    let first = runtime();
    first.block_on(store.save(&key, &token("t", 1))).unwrap();
    drop(first);
    let second = runtime();
    let found = second.block_on(store.load(&key)).unwrap();
    assert_eq!(found.unwrap().token().secret(), "t");
    drop(second);
    assert_eq!(secret(&store, &key).as_deref(), Some("t"));
}

#[test]
fn p12_who_waits_is_told_when_a_token_is_saved_or_a_lease_given_back() {
    let mut server = Server::start();
    let told = || server_with_notifications(&server);
    let (a, b, key, other) = (told(), told(), key(), key());
    let mut fencing = 0;
    // Once it listens, each change is heard; until then some are missed.
    let mut heard_of =
        |key: &TokenKey, store: &RedisStore, patience: Duration, change: &mut dyn FnMut(u64)| {
            let waiting = store.changed(key);
            let mut waiting = Box::pin(waiting);
            let begin = SystemClock::new().now();
            loop {
                fencing += 1;
                change(fencing);
                let nap = SystemClock::new().sleep(Duration::from_millis(20));
                match block_on(select(waiting, nap)) {
                    Either::Left(_) => return true,
                    Either::Right((_, still)) => waiting = still,
                }
                if SystemClock::new().now().saturating_duration_since(begin) > patience {
                    return false;
                }
            }
        };
    let patience = Duration::from_secs(10);
    let mut heard = |store: &RedisStore, patience: Duration, change: &mut dyn FnMut(u64)| {
        heard_of(&key, store, patience, change)
    };
    let mut save_it = |fencing| save(&a, &key, &token("t", fencing));
    assert!(heard(&b, patience, &mut save_it));
    assert!(heard(&b, patience, &mut save_it));
    let mut give_back = |_| {
        let held = lease(&a, &key, LONG).unwrap();
        block_on(a.release(&key, held)).unwrap();
    };
    assert!(heard(&b, patience, &mut give_back));

    // Messages come in order: once this one is there, nothing is left of those before.
    let mut save_another = |fencing| save(&a, &other, &token("t", fencing));
    assert!(heard_of(&other, &b, patience, &mut save_another));
    let mut heard = |store: &RedisStore, patience: Duration, change: &mut dyn FnMut(u64)| {
        heard_of(&key, store, patience, change)
    };
    let brief = Duration::from_millis(200);
    assert!(!heard(&b, brief, &mut save_another), "another key's");
    let mut save_silently = |fencing| save(&server.store(), &key, &token("t", fencing));
    assert!(!heard(&b, brief, &mut save_silently), "not told to");
    let silent = server.store();
    assert!(!heard(&silent, brief, &mut |fencing| {
        save(&a, &key, &token("t", fencing));
    }));

    server.restart();
    let a = server_with_notifications(&server);
    let mut save_it = |fencing| save(&a, &key, &token("t", fencing));
    assert!(heard(&b, patience, &mut save_it), "it listens again");
}

fn server_with_notifications(server: &Server) -> RedisStore {
    server.builder().notifications().build().unwrap()
}

#[test]
fn p12_answers_that_take_long_are_waited_for_by_nobody_and_used_all_the_same() {
    let server = Server::start();
    let proxy = support::proxy::SlowProxy::start(server.port(), Duration::from_millis(300));
    let (store, key) = (RedisStore::open(proxy.url()).unwrap(), key());
    // To connect takes several answers.
    let connected = within(Duration::from_millis(100), store.connect());
    assert!(connected.is_none());
    eventually("the connection", || {
        within(STORE_TIMEOUT, store.load(&key))?.ok()
    });
    block_on(store.load(&key)).unwrap();
}
