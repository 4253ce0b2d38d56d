//! Synchronous callers: each place that `token_blocking` may be called at.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_executor::block_on;
use futures_util::future::join;
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

/// The outcome of `work`, on a thread of its own: if it is stuck, the test is not.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread that is stuck cannot be waited for"
)]
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    let outcome = outcome.recv_timeout(Duration::from_secs(30));
    outcome.expect("it should not be stuck")
}

/// The smallest executor there is: the one in the documentation of `std::task::Wake`.
fn park_until<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Opens the way for another, whom it wakes, and comes later itself.
#[derive(Default)]
struct Elsewhere {
    is_open: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

impl Elsewhere {
    async fn opened(&self) {
        poll_fn(|context| {
            *self.waiting.lock().unwrap() = Some(context.waker().clone());
            if self.is_open.load(Ordering::SeqCst) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

#[async_trait]
impl TokenSource for Elsewhere {
    async fn token(&self) -> Result<AccessToken, Error> {
        poll_fn(|context| {
            if self.is_open.swap(true, Ordering::SeqCst) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            if let Some(waiting) = self.waiting.lock().unwrap().take() {
                waiting.wake();
            }
            Poll::Pending
        })
        .await;
        Ok(AccessToken::builder("t").build()?)
    }
}

#[test]
fn p05_an_executor_that_parks_its_thread_is_woken_though_the_call_within_it_parks_there_too() {
    let token = in_time(|| {
        let source = Elsewhere::default();
        let ((), token) = park_until(join(source.opened(), async { source.token_blocking() }));
        token
    });
    assert_eq!(token.unwrap().secret(), "t");
}

/// Asks the cache that it serves.
struct AsksItself {
    cache: Arc<OnceLock<CachedTokenSource<AsksItself>>>,
    blocks: bool,
}

#[async_trait]
impl TokenSource for AsksItself {
    async fn token(&self) -> Result<AccessToken, Error> {
        let cache = self.cache.get().unwrap();
        if self.blocks {
            cache.token_blocking()
        } else {
            cache.token().await
        }
    }
}

#[test]
fn p05_a_source_that_asks_its_own_cache_is_told_so() {
    for blocks in [true, false] {
        let cache = Arc::new(OnceLock::new());
        let cached = CachedTokenSource::new(AsksItself {
            cache: Arc::clone(&cache),
            blocks,
        });
        let cached = cache.get_or_init(|| cached).clone();
        // The caller and the background thread drive it, whoever comes first.
        let error = in_time(move || cached.token_blocking()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let shown = error.to_string();
        assert!(shown.contains("asks the cache around it"), "{shown}");
    }
}
