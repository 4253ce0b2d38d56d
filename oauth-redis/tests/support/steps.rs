//! Time that a test moves, for caches on a real server: it stands still while the server has still to answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Clock, Error, Instant, Lease, Spawner, StoreError,
    StoredToken, SystemClock, TokenKey, TokenSource, TokenStore, async_trait,
};
use oauth_redis::RedisStore;
use oauth_testkit::ManualClock;

use super::proxy::SlowProxy;

/// The caller of a cache whose work in the background is done by the test. It calls again as soon as it has an answer.
pub(crate) struct Caller<S> {
    cache: CachedTokenSource<S>,
    clock: ManualClock,
    call: Option<Call>,
    background: Arc<Background>,
    server: Arc<Watch>,
}

struct Call {
    begun: Instant,
    answer: BoxFuture<'static, Result<AccessToken, Error>>,
}

/// What a call came to, and how long it took on the clock.
pub(crate) type Outcome = (Result<AccessToken, Error>, Duration);

impl<S: TokenSource + 'static> Caller<S> {
    pub(crate) fn new(source: S, store: RedisStore, key: TokenKey, clock: ManualClock) -> Self {
        let (background, server) = (Arc::<Background>::default(), Arc::<Watch>::default());
        let watched = Watched(store, Arc::clone(&server));
        let cache = CachedTokenSource::builder(source)
            .store(watched, key)
            .clock(clock.clone())
            .spawner(Arc::clone(&background))
            .build();
        Self {
            cache,
            clock,
            call: None,
            background,
            server,
        }
    }

    pub(crate) fn reject(&self, token: &AccessToken) {
        self.cache.reject(token);
    }

    /// Calls of the store that have not been answered, nor given up.
    pub(crate) fn under_way(&self) -> usize {
        self.server.under_way.load(Ordering::SeqCst)
    }

    pub(crate) fn store_failures(&self) -> u64 {
        self.cache.status().store_failures()
    }

    /// Does what can be done now, with what the server has answered so far.
    pub(crate) fn nudge(&mut self) -> Option<Outcome> {
        let call = self.call.get_or_insert_with(|| {
            let cache = self.cache.clone();
            Call {
                begun: self.clock.now(),
                answer: Box::pin(async move { cache.token().await }),
            }
        });
        let mut context = Context::from_waker(Waker::noop());
        let polled = call.answer.as_mut().poll(&mut context);
        let waited = self.clock.now().saturating_duration_since(call.begun);
        self.background.poll();
        let Poll::Ready(answer) = polled else {
            return None;
        };
        self.call = None;
        Some((answer, waited))
    }

    /// Whether nothing more happens until the clock moves.
    pub(crate) fn is_settled(&self, before: usize) -> bool {
        self.under_way() == 0 && self.events() == before
    }

    pub(crate) fn events(&self) -> usize {
        self.server.events.load(Ordering::SeqCst)
    }

    /// Goes on until there is an outcome, on a network whose answers take their time on the clock.
    pub(crate) fn outcome_over(&mut self, proxy: &SlowProxy) -> Outcome {
        loop {
            if let Some(outcome) = self.nudge() {
                return outcome;
            }
            self.let_time_pass_over(proxy);
        }
    }

    /// Unless there is something to be done that takes no time.
    pub(crate) fn let_time_pass_over(&self, proxy: &SlowProxy) {
        if self.under_way() <= proxy.held() {
            self.clock.advance(Duration::from_millis(50));
        } else {
            breathe();
        }
    }

    /// Goes on until nothing more happens, and gives the last outcome.
    pub(crate) fn settle(&mut self) -> Option<Outcome> {
        let clock = SystemClock::new();
        let begin = clock.now();
        let mut last = None;
        loop {
            let before = self.events();
            last = self.nudge().or(last);
            if self.is_settled(before) {
                return last;
            }
            let waited = clock.now().saturating_duration_since(begin);
            assert!(waited < Duration::from_secs(20), "the server is silent");
            breathe();
        }
    }
}

/// Lets the server have the processor.
pub(crate) fn breathe() {
    block_on(SystemClock::new().sleep(Duration::from_micros(200)));
}

#[derive(Default)]
struct Background(Mutex<Vec<BoxFuture<'static, ()>>>);

impl Spawner for Background {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }
}

impl Background {
    fn poll(&self) {
        let mut work = std::mem::take(&mut *self.0.lock().unwrap());
        let mut context = Context::from_waker(Waker::noop());
        work.retain_mut(|work| work.as_mut().poll(&mut context).is_pending());
        self.0.lock().unwrap().append(&mut work);
    }
}

/// The calls of a store.
#[derive(Default)]
struct Watch {
    under_way: AtomicUsize,
    /// How many have begun or ended.
    events: AtomicUsize,
}

struct UnderWay<'a>(&'a Watch);

impl Watch {
    fn begin(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        self.events.fetch_add(1, Ordering::SeqCst);
        UnderWay(self)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
        self.0.events.fetch_add(1, Ordering::SeqCst);
    }
}

struct Watched(RedisStore, Arc<Watch>);

#[async_trait]
impl TokenStore for Watched {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let _call = self.1.begin();
        self.0.load(key).await
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let _call = self.1.begin();
        self.0.save(key, token).await
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let _call = self.1.begin();
        self.0.remove(key, token).await
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let _call = self.1.begin();
        self.0.lease(key, ttl).await
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        let _call = self.1.begin();
        self.0.release(key, lease).await
    }
}
