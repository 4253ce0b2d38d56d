//! Processes of a fleet, the store and the server they share, and the one clock of all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use futures_util::future::poll_fn;
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Clock, Error, ErrorKind, MemoryStore, RefreshPolicy,
    RefreshPolicyBuilder, Spawner, TokenKey, TokenSource, TokenStore, async_trait,
};
use oauth_testkit::ManualClock;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const LEASE_TTL: Duration = Duration::from_secs(10);
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// An authorization server: `t1`, `t2`, …, each an hour good, when the gate is open.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<ServerState>);

#[derive(Default)]
struct ServerState {
    asked: AtomicUsize,
    is_shut: Mutex<bool>,
    refuses: Mutex<bool>,
}

impl Server {
    pub(crate) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn shut(&self, is_shut: bool) {
        *self.0.is_shut.lock().unwrap() = is_shut;
    }

    pub(crate) fn refuse(&self, refuses: bool) {
        *self.0.refuses.lock().unwrap() = refuses;
    }
}

#[async_trait]
impl TokenSource for Server {
    async fn token(&self) -> Result<AccessToken, Error> {
        let ordinal = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        poll_fn(|context| {
            if *self.0.is_shut.lock().unwrap() {
                // The test polls again when it has opened the gate.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        if *self.0.refuses.lock().unwrap() {
            return Err(Error::new(ErrorKind::Refused, "no"));
        }
        Ok(AccessToken::builder(format!("t{ordinal}"))
            .expires_in(HOUR)
            .build()?)
    }
}

/// A wall clock that is wrong by some seconds, on the time of all.
#[derive(Clone)]
pub(crate) struct Skewed(pub(crate) ManualClock, pub(crate) i64);

impl Clock for Skewed {
    fn now(&self) -> oauth_core::Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        let skew = Duration::from_secs(self.1.unsigned_abs());
        if self.1 < 0 {
            self.0.wall() - skew
        } else {
            self.0.wall() + skew
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }
}

/// Background work in the hands of the test.
#[derive(Clone, Default)]
pub(crate) struct ByHand(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Spawner for ByHand {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }
}

impl ByHand {
    pub(crate) fn drop_all(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(crate) fn poll(&self) {
        let mut works = std::mem::take(&mut *self.0.lock().unwrap());
        works.retain_mut(|work| poll_a_while(work).is_none());
        self.0.lock().unwrap().extend(works);
    }
}

/// One process of the fleet.
pub(crate) struct Process {
    pub(crate) cached: CachedTokenSource<Server>,
    pub(crate) background: ByHand,
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) server: Server,
    pub(crate) store: Arc<dyn TokenStore>,
}

pub(crate) fn world() -> World {
    let clock = ManualClock::new();
    World {
        server: Server::default(),
        store: Arc::new(MemoryStore::new(clock.clone())),
        clock,
    }
}

pub(crate) fn key() -> TokenKey {
    TokenKey::builder("test").build()
}

impl World {
    pub(crate) fn process(&self) -> Process {
        self.process_with_clock(Skewed(self.clock.clone(), 0))
    }

    pub(crate) fn process_with_clock(&self, clock: impl Clock + 'static) -> Process {
        let policy = RefreshPolicy::builder().no_jitter().attempts(1);
        self.process_with(clock, policy)
    }

    pub(crate) fn process_with(
        &self,
        clock: impl Clock + 'static,
        policy: RefreshPolicyBuilder,
    ) -> Process {
        let background = ByHand::default();
        let cached = CachedTokenSource::builder(self.server.clone())
            .store(Arc::clone(&self.store), key())
            .store_timeout(STORE_TIMEOUT)
            .lease_ttl(LEASE_TTL)
            .policy(policy.build().unwrap())
            .clock(clock)
            .spawner(background.clone())
            .build();
        Process { cached, background }
    }
}

pub(crate) type Asking<'a> = BoxFuture<'a, Result<AccessToken, Error>>;

impl Process {
    pub(crate) fn ask(&self) -> Asking<'_> {
        Box::pin(self.cached.token())
    }

    pub(crate) fn ask_lasting(&self, seconds: u64) -> Asking<'_> {
        Box::pin(self.cached.token_lasting(Duration::from_secs(seconds)))
    }

    pub(crate) fn ready(&self) -> Option<String> {
        self.cached.ready().map(|token| token.secret().to_owned())
    }

    pub(crate) fn secret(&self) -> String {
        finished(&mut self.ask())
    }
}

/// Polls as often as anything that can go on needs.
pub(crate) fn poll_a_while<T>(future: &mut BoxFuture<'_, T>) -> Option<T> {
    for _ in 0..20 {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
    }
    None
}

pub(crate) fn waits(asking: &mut Asking<'_>) -> bool {
    poll_a_while(asking).is_none()
}

pub(crate) fn finished(asking: &mut Asking<'_>) -> String {
    let token = poll_a_while(asking).expect("it waits").unwrap();
    token.secret().to_owned()
}

/// How long the call takes on the clock.
pub(crate) fn duration(clock: &ManualClock, asking: &mut Asking<'_>) -> Duration {
    let (step, mut waited) = (Duration::from_millis(100), Duration::ZERO);
    loop {
        if let Some(outcome) = poll_a_while(asking) {
            outcome.unwrap();
            return waited;
        }
        clock.advance(step);
        waited += step;
    }
}
