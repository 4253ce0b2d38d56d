//! Stand-ins do what they are told, and nothing else.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{
    AccessToken, Clock, Error, ErrorKind, MemoryStore, StoredToken, TokenKey, TokenSource,
    TokenStore,
};
use oauth_testkit::{FaultyStore, Gate, GatedSource, ManualClock, ScriptedSource, StoreFault};

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_scripted_source_says_what_it_was_told_in_order() {
    let source = ScriptedSource::new();
    let down = || Error::new(ErrorKind::ServerUnavailable, "down");
    source.next_token("first", Duration::from_secs(5));
    source.next_error(down());
    source.clone().always(Err(down()));
    let outcomes: Vec<_> = (0..3).map(|_| block_on(source.token())).collect();
    let first = outcomes[0].as_ref().unwrap();
    assert_eq!(first.lifetime(), Some(Duration::from_secs(5)));
    assert!(outcomes[1].is_err() && outcomes[2].is_err());
    source.reset();
    assert_eq!(block_on(source.token()).unwrap().secret(), "token-4");
    assert!(source.ready().is_none());
    source.reject(first);
    assert_eq!(source.rejected()[0].secret(), "first");
    source.await_calls(4);
    assert_eq!(source.calls(), 4);
    assert!(!format!("{source:?}").contains("first"));
}

#[test]
fn a_gated_source_lets_go_as_many_calls_as_it_is_told() {
    let gated = GatedSource::new(ScriptedSource::new());
    thread::scope(|scope| {
        let callers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| block_on(gated.token())))
            .collect();
        gated.await_waiting(3);
        assert_eq!(gated.source().calls(), 0);
        gated.release(2);
        gated.source().await_calls(2);
        assert_eq!((gated.waiting(), gated.source().calls()), (1, 2));
        gated.open();
        for caller in callers {
            caller.join().unwrap().unwrap();
        }
    });
    block_on(gated.token()).unwrap();
    gated.close();
    let mut held = pin!(gated.token());
    assert!(poll(held.as_mut()).is_pending());
}

#[test]
fn a_call_that_is_dropped_takes_nobodys_turn() {
    let gated = GatedSource::new(ScriptedSource::new());
    {
        let mut dropped = pin!(gated.token());
        assert!(poll(dropped.as_mut()).is_pending());
        assert_eq!(gated.waiting(), 1);
    }
    assert_eq!(gated.waiting(), 0);
    gated.release(1);
    assert_eq!(block_on(gated.token()).unwrap().secret(), "token-1");
    assert!(poll(pin!(gated.token())).is_pending());
}

#[test]
fn a_gate_can_be_waited_for_by_tasks() {
    let gate = Gate::new();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| block_on(gate.opened()));
        assert!(poll(pin!(gate.opened())).is_pending());
        gate.open();
        waiting.join().unwrap();
    });
    block_on(gate.opened());
}

struct Fixture {
    clock: ManualClock,
    key: TokenKey,
    token: StoredToken,
}

impl Fixture {
    fn new() -> Self {
        let clock = ManualClock::new();
        let token = AccessToken::builder("secret")
            .expires_in(Duration::from_secs(60))
            .build()
            .unwrap();
        let now = clock.wall();
        Self {
            token: StoredToken::new(token, now, now + Duration::from_secs(60)),
            key: TokenKey::builder("test").build(),
            clock,
        }
    }

    fn store(&self) -> FaultyStore<MemoryStore> {
        FaultyStore::new(MemoryStore::new(self.clock.clone()), self.clock.clone())
    }

    fn loaded(&self, store: &impl TokenStore) -> Option<String> {
        let loaded = block_on(store.load(&self.key)).unwrap()?;
        Some(loaded.token().secret().to_owned())
    }
}

#[test]
fn a_faulty_store_fails_before_or_after_the_deed() {
    let fixture = Fixture::new();
    let store = fixture
        .store()
        .at(1, StoreFault::Error)
        .at(2, StoreFault::ErrorAfterwards)
        .at(4, StoreFault::Error);
    let save = || block_on(store.save(&fixture.key, &fixture.token));
    assert!(save().is_err());
    assert_eq!(fixture.loaded(store.store()), None);
    assert!(save().is_err());
    assert_eq!(fixture.loaded(&store).as_deref(), Some("secret"));
    assert!(block_on(store.lease(&fixture.key, Duration::MAX)).is_err());
    assert!(
        block_on(store.lease(&fixture.key, Duration::MAX))
            .unwrap()
            .is_some()
    );
    assert_eq!(store.calls(), 5);
}

#[test]
fn a_faulty_store_loses_writes_and_corrupts_tokens() {
    let fixture = Fixture::new();
    let store = fixture
        .store()
        .at(1, StoreFault::LostWrite)
        .at(4, StoreFault::Corrupt)
        .at(5, StoreFault::LostWrite);
    block_on(store.save(&fixture.key, &fixture.token)).unwrap();
    assert_eq!(fixture.loaded(&store), None);
    block_on(store.save(&fixture.key, &fixture.token)).unwrap();
    let corrupted = fixture.loaded(&store).unwrap();
    assert_ne!(corrupted, "secret");
    block_on(store.remove(&fixture.key, &fixture.token)).unwrap();
    assert_eq!(fixture.loaded(&store).as_deref(), Some("secret"));
    block_on(store.remove(&fixture.key, &fixture.token)).unwrap();
    assert_eq!(fixture.loaded(&store), None);
}

#[test]
fn a_faulty_store_hangs_until_released_and_is_slow_by_its_clock() {
    let fixture = Fixture::new();
    let gate = Gate::new();
    let store = fixture
        .store()
        .at(
            1,
            StoreFault::Hang {
                until: gate.clone(),
            },
        )
        .at(
            2,
            StoreFault::Slow {
                by: Duration::from_secs(5),
            },
        );
    let mut hanging = pin!(store.load(&fixture.key));
    assert!(poll(hanging.as_mut()).is_pending());
    gate.open();
    assert!(poll(hanging.as_mut()).is_ready());
    let mut slow = pin!(store.load(&fixture.key));
    assert!(poll(slow.as_mut()).is_pending());
    fixture.clock.advance(Duration::from_secs(4));
    assert!(poll(slow.as_mut()).is_pending());
    fixture.clock.advance(Duration::from_secs(1));
    assert!(poll(slow.as_mut()).is_ready());
}

#[test]
fn a_faulty_store_fails_the_same_calls_for_the_same_seed() {
    let fixture = Fixture::new();
    let failing = |seed| -> Vec<bool> {
        let store = fixture.store().seeded(seed).with(0.3, StoreFault::Error);
        let outcomes = (0..100).map(|_| block_on(store.load(&fixture.key)).is_err());
        outcomes.collect()
    };
    assert_eq!(failing(42), failing(42));
    assert_ne!(failing(42), failing(43));
    let count = failing(42).iter().filter(|fails| **fails).count();
    assert!((15..45).contains(&count), "{count} of 100");
}

#[cfg(feature = "mock")]
#[test]
fn mocks_can_be_told_what_to_expect() {
    use bytes::Bytes;
    use oauth_core::{HttpClient, Instant, Spawner};
    use oauth_testkit::mock::{
        MockClock, MockHttpClient, MockSpawner, MockTokenSource, MockTokenStore,
    };

    let mut source = MockTokenSource::new();
    source.expect_ready().times(1).return_const(None);
    source.expect_reject().times(1).return_const(());
    // What a mock is not told about is the trait's own.
    assert!(!source.with_ready(&mut |_| panic!("there is no token")));
    source.reject(&AccessToken::builder("secret").build().unwrap());

    let mut store = MockTokenStore::new();
    store.expect_load().times(1).returning(|_| Ok(None));
    let key = TokenKey::builder("test").build();
    assert!(block_on(store.load(&key)).unwrap().is_none());

    let mut client = MockHttpClient::new();
    client
        .expect_send()
        .withf(|request| request.uri() == "https://id.example.com/token")
        .returning(|_| Ok(http::Response::new(Bytes::new())));
    let request = http::Request::post("https://id.example.com/token");
    assert!(block_on(client.send(request.body(Bytes::new()).unwrap())).is_ok());

    let mut clock = MockClock::new();
    clock.expect_now().return_const(Instant::ORIGIN);
    assert_eq!(clock.now(), Instant::ORIGIN);

    let mut spawner = MockSpawner::new();
    spawner.expect_spawn().times(1).return_const(());
    spawner.spawn(Box::pin(async {}));
}
