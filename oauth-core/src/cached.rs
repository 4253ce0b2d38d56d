//! The cache that makes any source fit for use at every request.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use tracing::{debug, warn};

use crate::clock::{BoxFuture, Clock};
use crate::error::{Error, ErrorKind};
use crate::flight::{Driver, Flight, Outcome, Waiter, Waiters};
use crate::refresh::backoff::Draw;
use crate::refresh::machine::{Decision, FlightId, Machine};
use crate::refresh::policy::RefreshPolicy;
use crate::runtime::DefaultSpawner;
use crate::source::TokenSource;
use crate::spawner::Spawner;
use crate::system_clock::SystemClock;
use crate::time::Instant;
use crate::token::AccessToken;

/// Makes any [`TokenSource`] fit for use at every request.
///
/// - A token is never handed out at or past the moment it stops being usable.
/// - While a usable token is in hand no caller waits: it is renewed ahead of time in the background, by
///   whichever call notices first. A renewal that fails costs nothing: the token goes on being used.
/// - Any number of concurrent callers cause one request, and share its success or its error.
/// - After a failure, requests are spaced out, and `Retry-After` is obeyed; callers in between get the
///   last error at once.
/// - A [rejected](TokenSource::reject) token is not handed out again.
///
/// Clones share one cache.
///
/// # Cancellation
///
/// The future of [`token`](TokenSource::token) can be dropped at any time: the request goes on for the
/// others and its result is kept. A caller's own time limit does not shorten the request.
///
/// # Examples
///
/// ```
/// use oauth_core::{AccessToken, CachedTokenSource, Error, TokenSource, async_trait};
/// use std::time::Duration;
///
/// struct Costly;
///
/// #[async_trait]
/// impl TokenSource for Costly {
///     async fn token(&self) -> Result<AccessToken, Error> {
///         Ok(AccessToken::builder("secret").expires_in(Duration::from_secs(3600)).build()?)
///     }
/// }
///
/// # futures_executor::block_on(async {
/// let source = CachedTokenSource::new(Costly);
/// assert!(source.ready().is_none(), "nothing is fetched before it is needed");
/// let first = source.token().await?;
/// let second = source.token().await?;
/// assert_eq!(first.generation(), second.generation(), "asked for once");
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
pub struct CachedTokenSource<S> {
    cache: Arc<Cache<S>>,
}

struct Cache<S> {
    source: S,
    clock: Arc<dyn Clock>,
    spawner: Arc<dyn Spawner>,
    /// What the hit path reads: nothing else of the state.
    published: ArcSwapOption<Published>,
    /// The moment, as nanoseconds, from which a hit has more to do than to use the token.
    next_look: AtomicU64,
    state: Mutex<State>,
}

struct Published {
    token: AccessToken,
    unusable: Instant,
}

/// Locked for moments only: never across an await, a request or a user's code.
struct State {
    machine: Machine,
    flight: Option<Flight>,
}

/// What a caller without a token meets.
enum Entry {
    Got(Outcome),
    Wait(Waiter),
}

impl<S: TokenSource + 'static> CachedTokenSource<S> {
    /// A cache with the default policy, on the clock of the machine.
    pub fn new(source: S) -> Self {
        Self::builder(source).build()
    }

    /// Starts a cache with something other than the defaults.
    pub fn builder(source: S) -> CachedTokenSourceBuilder<S> {
        CachedTokenSourceBuilder {
            source,
            policy: RefreshPolicy::default(),
            clock: Arc::new(SystemClock::new()),
            spawner: Arc::new(DefaultSpawner),
        }
    }

    /// The source behind the cache.
    pub fn source(&self) -> &S {
        &self.cache.source
    }
}

#[async_trait]
impl<S: TokenSource + 'static> TokenSource for CachedTokenSource<S> {
    async fn token(&self) -> Result<AccessToken, Error> {
        if let Some(token) = self.ready() {
            return Ok(token);
        }
        match self.cache.enter() {
            Entry::Got(outcome) => outcome,
            Entry::Wait(waiter) => waiter.await,
        }
    }

    fn ready(&self) -> Option<AccessToken> {
        let mut ready = None;
        self.with_ready(&mut |token| ready = Some(token.clone()));
        ready
    }

    fn with_ready(&self, look: &mut dyn FnMut(&AccessToken)) -> bool {
        let cache = &self.cache;
        let published = cache.published.load();
        let Some(published) = published.as_ref() else {
            return false;
        };
        let now = cache.clock.now();
        if now >= published.unusable {
            return false;
        }
        if now.as_nanos() >= cache.next_look.load(Ordering::Relaxed) {
            cache.renew_if_due(now);
        }
        look(&published.token);
        true
    }

    fn reject(&self, token: &AccessToken) {
        let cache = &self.cache;
        let now = cache.clock.now();
        let mut state = cache.lock();
        let draw = state.draw();
        if state.machine.reject(token, now, draw) {
            debug!(
                generation = token.generation(),
                "a server rejected the token in hand"
            );
            cache.publish(&state);
        }
    }
}

impl<S: TokenSource + 'static> Cache<S> {
    /// The slow path, for a caller who found no usable token.
    fn enter(self: &Arc<Self>) -> Entry {
        let now = self.clock.now();
        let mut state = self.lock();
        let draw = state.draw();
        let decision = state.machine.decide(now, draw);
        match decision {
            Decision::Use | Decision::UseAndRenew => {
                if let Some(held) = state.machine.held() {
                    return Entry::Got(Ok(held.token.clone()));
                }
            }
            Decision::Fail => return Entry::Got(Err(state.machine.standing_error(now))),
            Decision::Join => {
                if let Some(waiter) = state.flight.as_ref().and_then(Flight::join) {
                    return Entry::Wait(waiter);
                }
                // Nobody drives that flight any more: start over.
            }
            Decision::Start => {}
        }
        let driver = self.start(&mut state, now);
        let waiter = state.flight.as_ref().and_then(Flight::join);
        drop(state);
        self.spawner.spawn(driver.into_work());
        match waiter {
            Some(waiter) => Entry::Wait(waiter),
            None => Entry::Got(Err(lost())),
        }
    }

    /// Called from the hit path: whoever finds the lock taken leaves it to the one who holds it.
    #[cold]
    fn renew_if_due(self: &Arc<Self>, now: Instant) {
        let Ok(mut state) = self.state.try_lock() else {
            return;
        };
        let draw = state.draw();
        if state.machine.decide(now, draw) != Decision::UseAndRenew {
            self.next_look
                .store(state.machine.next_look().as_nanos(), Ordering::Relaxed);
            return;
        }
        debug!("the token in hand is due for renewal");
        let driver = self.start(&mut state, now);
        drop(state);
        self.spawner.spawn(driver.into_work());
    }

    /// Starts a flight; the driver is to be spawned once the lock is released.
    fn start(self: &Arc<Self>, state: &mut State, now: Instant) -> Driver {
        let id = state.machine.start_flight(now);
        let waiters = Waiters::default();
        let work = Box::pin(Arc::clone(self).fly(id, waiters.clone()));
        let (flight, driver) = Flight::new(id, waiters, work);
        state.flight = flight;
        self.next_look
            .store(state.machine.next_look().as_nanos(), Ordering::Relaxed);
        driver
    }

    /// The work of a flight. It lands even if it is dropped before it is first polled.
    fn fly(
        self: Arc<Self>,
        id: FlightId,
        waiters: Waiters,
    ) -> impl Future<Output = Outcome> + Send + 'static {
        let landing = Landing {
            cache: self,
            id,
            landed: false,
        };
        async move {
            let cache = &landing.cache;
            let timeout = cache.lock().machine.policy().acquire_timeout;
            let outcome = {
                let work: BoxFuture<'_, _> = Box::pin(cache.attempts(&waiters));
                match select(work, cache.clock.sleep(timeout)).await {
                    Either::Left((outcome, _)) => outcome,
                    Either::Right(_) => Err(cache.lock().machine.timed_out()),
                }
            };
            landing.land(outcome)
        }
    }

    /// Asks the source until it gives a token, or an error that another attempt would not cure. Gives the
    /// token with the moment its life counts from.
    async fn attempts(&self, waiters: &Waiters) -> Result<(AccessToken, Instant), Error> {
        let mut attempt = 1;
        loop {
            let sent = self.clock.now();
            let answer = AssertUnwindSafe(self.source.token()).catch_unwind().await;
            let error = match answer.unwrap_or_else(|_| Err(panicked())) {
                Ok(token) => {
                    let now = self.clock.now();
                    let stamp = token
                        .requested_at()
                        .filter(|stamp| *stamp <= now)
                        .unwrap_or(sent);
                    let token = match token.requested_at() {
                        Some(known) if known == stamp => token,
                        _ => token.with_requested_at(stamp),
                    };
                    return Ok((token, stamp));
                }
                Err(error) => error,
            };
            let pause = {
                let state = self.lock();
                state
                    .machine
                    .pause_before_retry(&error, attempt, waiters.any(), state.draw())
            };
            let Some(pause) = pause else {
                return Err(error);
            };
            debug!(%error, attempt, ?pause, "a token request failed; trying again");
            self.clock.sleep(pause).await;
            attempt += 1;
        }
    }

    /// Makes what the state holds visible to the hit path.
    fn publish(&self, state: &State) {
        let published = state.machine.held().map(|held| {
            Arc::new(Published {
                token: held.token.clone(),
                unusable: held.life.unusable,
            })
        });
        self.published.store(published);
        self.next_look
            .store(state.machine.next_look().as_nanos(), Ordering::Relaxed);
    }
}

impl<S> Cache<S> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn draw(&self) -> Draw {
        if self.machine.policy().jitter {
            Draw::new(fastrand::f64())
        } else {
            Draw::NONE
        }
    }
}

/// Sees to it that a flight ends in the state, whether it is done or dropped.
struct Landing<S: TokenSource + 'static> {
    cache: Arc<Cache<S>>,
    id: FlightId,
    landed: bool,
}

impl<S: TokenSource + 'static> Landing<S> {
    fn land(mut self, outcome: Result<(AccessToken, Instant), Error>) -> Outcome {
        self.landed = true;
        let now = self.cache.clock.now();
        let mut state = self.cache.lock();
        let draw = state.draw();
        let outcome = state.machine.end_flight(self.id, now, outcome, draw);
        state.flight.take_if(|flight| flight.id() == self.id);
        match &outcome {
            Ok(token) => debug!(generation = token.generation(), "a token came"),
            Err(error) => warn!(%error, "no token came"),
        }
        self.cache.publish(&state);
        outcome
    }
}

impl<S: TokenSource + 'static> Drop for Landing<S> {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        debug!("a token request was dropped unfinished; the next caller starts over");
        let mut state = self.cache.lock();
        state.machine.drop_flight(self.id);
        state.flight.take_if(|flight| flight.id() == self.id);
        self.cache
            .next_look
            .store(state.machine.next_look().as_nanos(), Ordering::Relaxed);
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Transport, "the token source panicked")
}

fn lost() -> Error {
    Error::new(
        ErrorKind::Transport,
        "the token request was dropped before it began",
    )
}

impl<S> Clone for CachedTokenSource<S> {
    fn clone(&self) -> Self {
        Self {
            cache: Arc::clone(&self.cache),
        }
    }
}

impl<S> fmt::Debug for CachedTokenSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let published = self.cache.published.load();
        f.debug_struct("CachedTokenSource")
            .field(
                "token",
                &published.as_ref().map(|published| &published.token),
            )
            .finish_non_exhaustive()
    }
}

/// Builds a [`CachedTokenSource`]; made by [`CachedTokenSource::builder`].
#[must_use]
pub struct CachedTokenSourceBuilder<S> {
    source: S,
    policy: RefreshPolicy,
    clock: Arc<dyn Clock>,
    spawner: Arc<dyn Spawner>,
}

impl<S: TokenSource + 'static> CachedTokenSourceBuilder<S> {
    /// When to renew, and how to behave when that fails.
    pub fn policy(mut self, policy: RefreshPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The clock to judge by. The source must stamp its tokens on the same.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Who runs renewals in the background.
    pub fn spawner(mut self, spawner: impl Spawner + 'static) -> Self {
        self.spawner = Arc::new(spawner);
        self
    }

    /// The cache, empty. Nothing is fetched before it is needed.
    pub fn build(self) -> CachedTokenSource<S> {
        let state = State {
            machine: Machine::new(self.policy),
            flight: None,
        };
        CachedTokenSource {
            cache: Arc::new(Cache {
                source: self.source,
                clock: self.clock,
                spawner: self.spawner,
                published: ArcSwapOption::empty(),
                next_look: AtomicU64::new(u64::MAX),
                state: Mutex::new(state),
            }),
        }
    }
}

impl<S> fmt::Debug for CachedTokenSourceBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedTokenSourceBuilder")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
