//! Caches that share a real server, while it or one of their processes breaks.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../../oauth-file-store/tests/rules/mod.rs"]
mod rules;
mod support;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_executor::block_on;
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Clock, Error, Instant, SystemClock, TokenKey,
    TokenSource, TokenStore, async_trait,
};
use oauth_encrypted_store::{EncryptedStore, KeyRing};
use oauth_redis::redis::Client;
use oauth_redis::{RedisStore, RedisStoreBuilder};
use oauth_testkit::ManualClock;
use rules::{key, secret};
use support::Server;
use support::process::{Process, say, task};
use support::proxy::SlowProxy;
use support::steps::{Caller, Outcome};

const HOUR: Duration = Duration::from_secs(3600);
/// As a cache has them by default.
const STORE_TIMEOUT: Duration = Duration::from_millis(500);
const LEASE_TTL: Duration = Duration::from_secs(10);

/// An authorization server: `t1`, `t2`, …, each an hour good.
#[derive(Clone, Default)]
struct Source {
    asked: Arc<AtomicUsize>,
    /// Is done before the next answer.
    before: Arc<Mutex<Option<Before>>>,
}

type Before = Box<dyn FnOnce() + Send>;

impl Source {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn before_the_next_answer(&self, what: impl FnOnce() + Send + 'static) {
        *self.before.lock().unwrap() = Some(Box::new(what));
    }
}

#[async_trait]
impl TokenSource for Source {
    async fn token(&self) -> Result<AccessToken, Error> {
        let ordinal = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let before = self.before.lock().unwrap().take();
        if let Some(before) = before {
            before();
        }
        let token = AccessToken::builder(format!("t{ordinal}"));
        Ok(token.expires_in(HOUR).build()?)
    }
}

/// The clock of the machine, ahead by as much as was skipped, in all its times.
#[derive(Clone, Default)]
struct FastForward(Arc<Mutex<Duration>>);

impl FastForward {
    fn skip(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

impl Clock for FastForward {
    fn now(&self) -> Instant {
        SystemClock::new().now() + *self.0.lock().unwrap()
    }

    fn wall(&self) -> SystemTime {
        SystemClock::new().wall() + *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        SystemClock::new().sleep(duration)
    }
}

type Cache = CachedTokenSource<Source>;

/// One process of a fleet.
fn cache(source: &Source, store: impl TokenStore + 'static, key: TokenKey) -> Cache {
    CachedTokenSource::builder(source.clone())
        .store(store, key)
        .build()
}

fn ask(cache: &Cache) -> String {
    block_on(cache.token()).unwrap().secret().to_owned()
}

/// One process of a fleet, whose time passes only when the test says so.
fn caller(
    source: &Source,
    builder: RedisStoreBuilder,
    key: TokenKey,
) -> (Caller<Source>, RedisStore, ManualClock) {
    let clock = ManualClock::new();
    let store = builder.clock(clock.clone()).build().unwrap();
    let caller = Caller::new(source.clone(), store.clone(), key, clock.clone());
    (caller, store, clock)
}

fn secret_of((answer, _): Outcome) -> String {
    answer.unwrap().secret().to_owned()
}

#[test]
fn p12_processes_share_one_request() {
    let (server, source, key) = (Server::start(), Source::default(), key());
    for _ in 0..5 {
        assert_eq!(ask(&cache(&source, server.store(), key)), "t1");
    }
    assert_eq!(source.asked(), 1);
}

#[test]
fn p11_a_server_stopped_before_the_lease_costs_no_call() {
    let (mut server, source) = (Server::start(), Source::default());
    let (mut caller, store, _) = caller(&source, server.builder(), key());
    block_on(store.connect()).unwrap();
    server.stop();
    // A refusal is no timeout: no time has to pass.
    assert_eq!(secret_of(caller.settle().unwrap()), "t1");
    assert_eq!(caller.store_failures(), 1);
}

#[test]
fn p11_a_server_stopped_while_the_lease_is_held_costs_no_call_and_is_rejoined() {
    let (server, source, key) = (Server::start(), Source::default(), key());
    let (store, clock) = (server.store(), FastForward::default());
    let cache = CachedTokenSource::builder(source.clone())
        .store(store.clone(), key)
        .clock(clock.clone())
        .build();
    let server = Arc::new(Mutex::new(server));
    let stopped = Arc::clone(&server);
    source.before_the_next_answer(move || stopped.lock().unwrap().stop());
    assert_eq!(ask(&cache), "t1");
    assert_eq!(cache.status().store_failures(), 1, "the token is not there");

    server.lock().unwrap().restart();
    assert_eq!(secret(&store, &key), None);
    clock.skip(HOUR);
    assert_eq!(ask(&cache), "t2");
    assert_eq!(cache.status().store_failures(), 1);
    let left = server.lock().unwrap().ask::<Vec<String>>(&["KEYS", "*"]);
    assert!(left.iter().any(|name| name.ends_with(":token")), "{left:?}");
    assert!(
        !left.iter().any(|name| name.ends_with(":lease")),
        "{left:?}"
    );
}

#[test]
fn p11_a_server_stopped_after_the_lease_leaves_each_to_fetch_for_itself() {
    let (mut server, source, key) = (Server::start(), Source::default(), key());
    let first = cache(&source, server.store(), key);
    assert_eq!(ask(&first), "t1");
    server.stop();
    assert_eq!(ask(&cache(&source, server.store(), key)), "t2");
    assert_eq!(ask(&first), "t1");
    server.restart();
    assert_eq!(ask(&cache(&source, server.store(), key)), "t3");
    assert_eq!(ask(&cache(&source, server.store(), key)), "t3");
}

#[test]
fn p11_a_server_flushed_at_any_moment_costs_no_call() {
    let (server, source, key) = (Arc::new(Server::start()), Source::default(), key());
    let flush = |server: &Server| {
        let _: () = server.ask(&["FLUSHALL"]);
        let _: () = server.ask(&["SCRIPT", "FLUSH"]);
    };
    let flushed = Arc::clone(&server);
    source.before_the_next_answer(move || flush(&flushed));
    assert_eq!(ask(&cache(&source, server.store(), key)), "t1");
    assert_eq!(ask(&cache(&source, server.store(), key)), "t1");
    flush(&server);
    assert_eq!(ask(&cache(&source, server.store(), key)), "t2");
    assert_eq!(ask(&cache(&source, server.store(), key)), "t2");
}

#[test]
fn p11_a_server_that_hangs_costs_one_short_wait_and_not_one_a_call() {
    let (server, source, key) = (Server::start(), Source::default(), key());
    let (mut caller, store, clock) = caller(&source, server.builder(), key);
    block_on(store.connect()).unwrap();
    server.pause();
    assert!(caller.nudge().is_none());
    clock.advance(STORE_TIMEOUT);
    let (token, waited) = caller.nudge().expect("one short wait is enough");
    assert_eq!(waited, STORE_TIMEOUT);
    let token = token.unwrap();
    assert_eq!(token.secret(), "t1");
    caller.reject(&token);
    assert_eq!(secret_of(caller.nudge().expect("at once")), "t2");
    assert_eq!(caller.store_failures(), 1);
    server.resume();
    assert_eq!(ask(&cache(&source, server.store(), key)), "t3");
}

#[test]
fn p11_p12_answers_that_take_300_ms_fail_no_call_of_the_store_and_leave_no_lease() {
    let (server, source, key) = (Server::start(), Source::default(), key());
    let clock = ManualClock::new();
    let proxy = SlowProxy::start_on(clock.clone(), server.port(), Duration::ZERO);
    let mut callers = [(); 2].map(|()| {
        let builder = RedisStore::builder(Client::open(proxy.url()).unwrap());
        let store = builder.clock(clock.clone()).build().unwrap();
        block_on(store.connect()).unwrap();
        Caller::new(source.clone(), store, key, clock.clone())
    });
    proxy.set_delay(Duration::from_millis(300));
    let check = |caller: &Caller<Source>| {
        assert_eq!(caller.store_failures(), 0);
        let keys = server.ask::<Vec<String>>(&["KEYS", "*"]);
        let is_lease = |name: &String| name.ends_with(":lease");
        assert!(!keys.iter().any(is_lease), "{keys:?}");
    };
    for caller in &mut callers {
        assert_eq!(secret_of(caller.outcome_over(&proxy)), "t1");
        check(caller);
    }
    for lifetime in 2..4 {
        let due = Duration::from_secs(3330);
        clock.advance(due);
        server.age(due);
        for caller in &mut callers {
            // Nobody waits for the renewal.
            let (mut token, mut waited) = caller.outcome_over(&proxy);
            while *token.unwrap().secret() != format!("t{lifetime}") {
                assert_eq!(waited, Duration::ZERO);
                caller.let_time_pass_over(&proxy);
                (token, waited) = caller.outcome_over(&proxy);
            }
            check(caller);
        }
    }
    assert_eq!(source.asked(), 3);
}

#[test]
fn p11_p12_over_a_slow_network_a_cold_start_fails_no_call() {
    let (server, source) = (Server::start(), Source::default());
    let clock = ManualClock::new();
    let proxy = SlowProxy::start_on(clock.clone(), server.port(), Duration::from_millis(300));
    let store = RedisStore::builder(Client::open(proxy.url()).unwrap());
    let store = store.clock(clock.clone()).build().unwrap();
    let mut caller = Caller::new(source, store, key(), clock);
    let (token, waited) = caller.outcome_over(&proxy);
    assert_eq!(token.unwrap().secret(), "t1");
    // At most one call of the store is waited for in vain: load, lease, load.
    assert!(waited <= 3 * STORE_TIMEOUT, "{waited:?}");
}

#[test]
fn p11_a_process_with_a_wrong_encryption_key_fetches_for_itself() {
    let (server, source, key) = (Server::start(), Source::default(), key());
    let sealed = |byte| EncryptedStore::new(server.store(), KeyRing::from_bytes([byte; 32]));
    assert_eq!(ask(&cache(&source, sealed(1), key)), "t1");
    assert_eq!(ask(&cache(&source, sealed(1), key)), "t1");
    let stranger = cache(&source, sealed(2), key);
    assert_eq!(ask(&stranger), "t2");
    assert_eq!(stranger.status().store_failures(), 0);
    let record: String = server.ask(&["HGET", &format!("oauth:{{{key}}}:token"), "record"]);
    assert!(record.contains("sealed-1."), "{record}");
}

#[test]
fn p11_a_record_cut_in_half_is_fetched_anew() {
    let (server, source, key) = (Server::start(), Source::default(), key());
    assert_eq!(ask(&cache(&source, server.store(), key)), "t1");
    let at = format!("oauth:{{{key}}}:token");
    let record: String = server.ask(&["HGET", &at, "record"]);
    let _: () = server.ask(&["HSET", &at, "record", &record[..record.len() / 2]]);
    let other = cache(&source, server.store(), key);
    assert_eq!(ask(&other), "t2");
    assert_eq!(other.status().store_failures(), 0);
    assert_eq!(ask(&cache(&source, server.store(), key)), "t2");
}

/// Never gets an answer.
struct Hanging;

#[async_trait]
impl TokenSource for Hanging {
    async fn token(&self) -> Result<AccessToken, Error> {
        say("asking");
        pending().await
    }
}

#[test]
fn p12_when_the_holder_is_killed_in_the_middle_of_its_request_another_takes_over() {
    let (server, source) = (Server::start(), Source::default());
    let mut holder = Process::start("a_process_of_its_own", &server.url());
    assert_eq!(holder.line(), "asking");
    holder.kill();
    let (mut caller, _, clock) = caller(&source, server.builder(), shared_key());
    let (step, mut waited) = (Duration::from_millis(100), Duration::ZERO);
    let outcome = loop {
        match caller.settle() {
            Some(outcome) => break outcome,
            None => {
                clock.advance(step);
                server.age(step);
                waited += step;
            }
        }
    };
    assert_eq!(secret_of(outcome), "t1");
    // Whoever waits looks twice a second.
    assert!(waited <= LEASE_TTL + STORE_TIMEOUT, "{waited:?}");
    assert_eq!(caller.store_failures(), 0);
}

fn shared_key() -> TokenKey {
    TokenKey::builder("shared").build()
}

/// Takes the lease and keeps it until it is killed; among the tests, does nothing.
#[test]
fn a_process_of_its_own() {
    let Some(url) = task() else {
        return;
    };
    let cache = CachedTokenSource::builder(Hanging)
        .store(RedisStore::open(url).unwrap(), shared_key())
        .lease_ttl(LEASE_TTL)
        .build();
    let _ = block_on(cache.token());
}
