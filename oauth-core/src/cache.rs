//! The state behind a cached source, and the flights that fill it.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, TryLockError};

use arc_swap::ArcSwapOption;
use futures_util::FutureExt;
use futures_util::future::{Either, select};

use crate::clock::{BoxFuture, Clock};
use crate::error::Error;
use crate::fleet::Fleet;
use crate::flight::{Driver, Flight, Outcome, Waiter, Waiters, always_dead, lost, panicked};
use crate::observe::Observer;
use crate::observed_flight::{ObservedFlight, within};
use crate::refresh::decision::Decision;
use crate::refresh::held::Usable;
use crate::refresh::policy::RefreshPolicy;
use crate::refresh::status::Status;
use crate::refresh::under_way::FlightId;
use crate::source::TokenSource;
use crate::spawner::Spawner;
use crate::state::State;
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use crate::time::Instant;
use crate::token::AccessToken;
use crate::warm::{Place, Warm};

/// How often a caller waits for a token that turns out to be dead when it is the caller's turn.
pub(crate) const ROUNDS: usize = 4;

/// What all clones of a cached source share.
pub(crate) struct Cache<S> {
    pub(crate) source: S,
    extras: Option<Box<Extras>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spawner: Arc<dyn Spawner>,
    /// What the hit path reads: nothing else of the state.
    pub(crate) published: ArcSwapOption<Usable>,
    /// The moment, as nanoseconds, from which a hit has more to do than to use the token.
    next_look: AtomicU64,
    state: Mutex<State>,
}

/// What few sources have, out of the way of the others.
pub(crate) struct Extras {
    pub(crate) fleet: Option<Arc<Fleet>>,
    pub(crate) observer: Observer,
    pub(crate) kept_warm: Option<Place>,
}

/// What a caller without a token meets.
pub(crate) enum Entry {
    Got(Outcome),
    Wait(Waiter),
}

impl<S: TokenSource + 'static> Cache<S> {
    pub(crate) fn new(
        source: S,
        extras: Option<Box<Extras>>,
        policy: RefreshPolicy,
        clock: Arc<dyn Clock>,
        spawner: Arc<dyn Spawner>,
    ) -> Self {
        Self {
            source,
            extras,
            clock,
            spawner,
            published: ArcSwapOption::empty(),
            next_look: AtomicU64::new(u64::MAX),
            state: Mutex::new(State::new(policy)),
        }
    }

    /// The hit path: shows `look` the usable token in hand, and starts its renewal if that is due.
    pub(crate) fn with_ready(self: &Arc<Self>, look: &mut dyn FnMut(&AccessToken)) -> bool {
        let published = self.published.load();
        let Some(published) = published.as_ref() else {
            return false;
        };
        let now = self.clock.now_coarse();
        if now >= published.until {
            return false;
        }
        if now.as_nanos() >= self.next_look.load(Ordering::Relaxed) {
            let now = self.clock.now();
            if now >= published.until {
                return false;
            }
            self.renew_if_due(now);
        }
        look(&published.token);
        true
    }

    /// The slow path, for a caller who found no usable token.
    pub(crate) async fn token(self: &Arc<Self>) -> Outcome {
        for _ in 0..ROUNDS {
            match self.enter() {
                Entry::Got(outcome) => {
                    return outcome.inspect_err(|error| self.observer().turned_away(error));
                }
                Entry::Wait(waiter) => {
                    self.observer().waits();
                    let token = waiter.await?;
                    let now = self.clock.now();
                    if self.lock().machine.is_still_good(&token, now) {
                        return Ok(token);
                    }
                }
            }
        }
        Err(always_dead())
    }

    fn enter(self: &Arc<Self>) -> Entry {
        let now = self.clock.now();
        let mut state = self.lock();
        let decision = state.machine.decide(now);
        self.act(decision, state, now)
    }

    /// Does for a caller what was decided.
    pub(crate) fn act(
        self: &Arc<Self>,
        decision: Decision,
        mut state: MutexGuard<'_, State>,
        now: Instant,
    ) -> Entry {
        match decision {
            Decision::Use | Decision::UseAndRenew => {
                if let Some(held) = state.machine.held() {
                    return Entry::Got(Ok(held.token().clone()));
                }
            }
            Decision::Fail => return Entry::Got(Err(state.machine.standing_error(now))),
            Decision::Join => {
                if let Some(waiter) = state.flight.as_deref().and_then(Flight::join) {
                    return Entry::Wait(waiter);
                }
                // Nobody drives that flight any more: start over.
            }
            Decision::Start => {}
        }
        let id = state.machine.start_awaited_flight(now);
        let driver = self.start(id, &mut state, now);
        let waiter = state.flight.as_deref().and_then(Flight::join);
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
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        match state.machine.decide(now) {
            Decision::UseAndRenew => self.renew(state, now),
            _ => self.set_next_look(&state, now),
        }
    }

    /// Starts a flight that nobody waits for.
    fn renew(self: &Arc<Self>, mut state: MutexGuard<'_, State>, now: Instant) {
        let id = state.machine.start_flight(now);
        let driver = self.start(id, &mut state, now);
        drop(state);
        self.spawner.spawn(driver.into_work());
    }

    /// Makes the flight that the machine has started; the driver is to be spawned once the lock is released.
    fn start(self: &Arc<Self>, id: FlightId, state: &mut State, now: Instant) -> Driver {
        let waiters = Waiters::default();
        let reason = state.machine.status(now).last_reason();
        let observed = ObservedFlight::new(self.observer(), reason, now);
        let work = Box::pin(Arc::clone(self).fly(id, waiters.clone(), observed));
        let (flight, driver) = Flight::new(id, waiters, work);
        state.flight = Some(Box::new(flight));
        self.set_next_look(state, now);
        driver
    }

    /// The work of a flight. It lands even if it is dropped before it is first polled.
    fn fly(
        self: Arc<Self>,
        id: FlightId,
        waiters: Waiters,
        observed: ObservedFlight,
    ) -> impl Future<Output = Outcome> + Send + 'static {
        let landing = Landing {
            cache: self,
            id,
            landed: false,
            observed,
        };
        async move {
            let span = landing.observed.span();
            within(span, landing.fly(waiters)).await
        }
    }

    /// Asks the source until it gives a token, or an error that another attempt would not cure. Gives the
    /// token with the moment its life counts from. `last_error` is why it tries again.
    async fn attempts(
        &self,
        waiters: &Waiters,
        deadline: Instant,
        observed: &ObservedFlight,
        last_error: &mut Option<Error>,
    ) -> Result<(AccessToken, Instant), Error> {
        let mut attempt = 1;
        loop {
            observed.attempt(attempt);
            let sent = self.clock.now();
            let answer = AssertUnwindSafe(self.ask()).catch_unwind().await;
            let error = match answer.unwrap_or_else(|_| Err(panicked())) {
                Ok(token) => {
                    let now = self.clock.now();
                    let stamp = token
                        .requested_at()
                        .filter(|stamp| *stamp <= now)
                        .unwrap_or(sent);
                    return Ok((token.with_requested_at(stamp), stamp));
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
            observed.retries(&error, attempt, pause);
            *last_error = Some(error);
            if self.clock.now() + pause >= deadline {
                // The flight ends first. A machine that wakes up after both would send a request only to
                // give it up.
                return pending().await;
            }
            self.clock.sleep(pause).await;
            attempt += 1;
        }
    }

    async fn ask(&self) -> Result<AccessToken, Error> {
        match self.fleet() {
            Some(fleet) => fleet.token(&self.source).await,
            None => self.source.token().await,
        }
    }

    /// Makes what the state holds visible to the hit path.
    pub(crate) fn publish(&self, state: &State, now: Instant) {
        let published = state.machine.held().map(|held| Arc::clone(held.usable()));
        self.published.store(published);
        self.set_next_look(state, now);
    }
}

impl<S: TokenSource + 'static> Warm for Cache<S> {
    fn look(self: Arc<Self>) {
        let now = self.clock.now();
        let mut state = self.lock();
        match state.machine.decide(now) {
            Decision::UseAndRenew | Decision::Start => self.renew(state, now),
            _ => self.set_next_look(&state, now),
        }
    }
}

impl<S> Cache<S> {
    fn set_next_look(&self, state: &State, now: Instant) {
        let look = state.machine.next_look().as_nanos();
        self.next_look.store(look, Ordering::Relaxed);
        if let Some(place) = self.kept_warm() {
            place.schedule(state.machine.next_warm_look(now));
        }
    }

    /// The token published last, whether or not it is usable still.
    pub(crate) fn last_token(&self) -> Option<AccessToken> {
        self.published
            .load()
            .as_ref()
            .map(|published| published.token.clone())
    }

    pub(crate) fn status(&self) -> Status {
        let now = self.clock.now();
        let status = self.lock().machine.status(now);
        status.with_store_failures(self.fleet().map_or(0, |fleet| fleet.failures()))
    }

    pub(crate) fn fleet(&self) -> Option<&Arc<Fleet>> {
        self.extras.as_ref()?.fleet.as_ref()
    }

    fn kept_warm(&self) -> Option<&Place> {
        self.extras.as_ref()?.kept_warm.as_ref()
    }

    pub(crate) fn observer(&self) -> &Observer {
        let extras = self.extras.as_ref();
        extras.map_or(&Observer::NAMELESS, |extras| &extras.observer)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that a flight ends in the state, whether it is done or dropped.
struct Landing<S: TokenSource + 'static> {
    cache: Arc<Cache<S>>,
    id: FlightId,
    landed: bool,
    observed: ObservedFlight,
}

impl<S: TokenSource + 'static> Landing<S> {
    async fn fly(self, waiters: Waiters) -> Outcome {
        let cache = &self.cache;
        let timeout = cache.lock().machine.policy().acquire_timeout;
        let deadline = cache.clock.now() + timeout;
        let mut last_error = None;
        let work = cache.attempts(&waiters, deadline, &self.observed, &mut last_error);
        let work: BoxFuture<'_, _> = Box::pin(work);
        let outcome = match select(work, cache.clock.sleep(timeout)).await {
            Either::Left((outcome, _)) => Some(outcome),
            Either::Right(_) => None,
        };
        let outcome = outcome.unwrap_or_else(|| Err(cache.lock().machine.timed_out(last_error)));
        self.land(outcome)
    }

    fn land(mut self, outcome: Result<(AccessToken, Instant), Error>) -> Outcome {
        self.landed = true;
        let now = self.cache.clock.now();
        let mut state = self.cache.lock();
        let draw = state.draw();
        let before = state.machine.status(now);
        let outcome = state.machine.end_flight(self.id, now, outcome, draw);
        let after = state.machine.status(now);
        state.flight.take_if(|flight| flight.id() == self.id);
        self.cache.publish(&state, now);
        drop(state);
        let moment = (now, self.cache.clock.wall());
        self.observed.ended(&outcome, (&before, &after), moment);
        outcome
    }
}

impl<S: TokenSource + 'static> Drop for Landing<S> {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        let now = self.cache.clock.now();
        self.observed.dropped(now);
        let mut state = self.cache.lock();
        let draw = state.draw();
        state.machine.drop_flight(self.id, now, draw);
        self.cache.set_next_look(&state, now);
    }
}
