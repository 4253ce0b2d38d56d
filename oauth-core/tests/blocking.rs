//! Synchronous callers: each place that `token_blocking` may be called at.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{
    AccessToken, CachedTokenSource, DefaultSpawner, Error, ErrorKind, RefreshPolicy, Spawner,
    TokenSource, async_trait,
};
use oauth_testkit::ManualClock;

/// Fails as often as it is told to, in a way that is worth another attempt, then gives a token.
#[derive(Default)]
struct Flaky {
    failures: usize,
    asked: AtomicUsize,
}

#[async_trait]
impl TokenSource for Flaky {
    async fn token(&self) -> Result<AccessToken, Error> {
        let ordinal = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if ordinal <= self.failures {
            return Err(Error::builder(ErrorKind::ServerUnavailable, "down").build());
        }
        Ok(AccessToken::builder(format!("t{ordinal}")).build()?)
    }
}

/// Asks another source, synchronously.
struct Blocking<S>(S);

#[async_trait]
impl<S: TokenSource> TokenSource for Blocking<S> {
    async fn token(&self) -> Result<AccessToken, Error> {
        self.0.token_blocking()
    }
}

#[test]
fn p04_plain_threads_share_one_request() {
    let source = Arc::new(Flaky::default());
    let cached = CachedTokenSource::new(source.clone());
    let all_here = Barrier::new(100);
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                all_here.wait();
                assert_eq!(cached.token_blocking().unwrap().secret(), "t1");
            });
        }
    });
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn an_uncached_source_is_asked_each_time() {
    let source = Flaky::default();
    assert_eq!(source.token_blocking().unwrap().secret(), "t1");
    assert_eq!(source.token_blocking().unwrap().secret(), "t2");
}

#[test]
fn it_nests_within_an_executor() {
    let cached = CachedTokenSource::new(Blocking(CachedTokenSource::new(Flaky::default())));
    let token = block_on(async { cached.token_blocking() });
    assert_eq!(token.unwrap().secret(), "t1");
}

#[test]
fn p05_the_background_thread_may_block_though_it_waits_for_work_and_timers_of_its_own() {
    let (send, receive) = std::sync::mpsc::channel();
    // Two at once: each takes the place of the other.
    for _ in 0..2 {
        let send = send.clone();
        DefaultSpawner.spawn(Box::pin(async move {
            let flaky = Flaky {
                failures: 2,
                ..Flaky::default()
            };
            // Its retries wait for timers that this thread would serve.
            let cached = CachedTokenSource::new(Blocking(CachedTokenSource::new(flaky)));
            send.send(cached.token_blocking()).unwrap();
        }));
    }
    for _ in 0..2 {
        let token = receive.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(token.unwrap().secret(), "t3");
    }
}

#[test]
fn p05_a_source_that_gets_no_further_is_given_up() {
    struct Stuck;

    #[async_trait]
    impl TokenSource for Stuck {
        async fn token(&self) -> Result<AccessToken, Error> {
            pending().await
        }
    }

    let clock = ManualClock::new();
    let timeout = Duration::from_secs(7);
    let cached = CachedTokenSource::builder(Stuck)
        .policy(
            RefreshPolicy::builder()
                .acquire_timeout(timeout)
                .build()
                .unwrap(),
        )
        .clock(clock.clone())
        .build();
    thread::scope(|scope| {
        let caller = scope.spawn(|| cached.token_blocking());
        while clock.sleepers() == 0 {
            thread::yield_now();
        }
        clock.advance(timeout);
        let error = caller.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    });
}
