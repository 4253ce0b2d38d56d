//! What a cache shares with other processes through a store.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::{Either, join, select};

use crate::clock::Clock;
use crate::error::Error;
use crate::observe::Observer;
use crate::refresh::backoff::exponential;
use crate::refresh::policy::Settings;
use crate::source::TokenSource;
use crate::spawner::Spawner;
use crate::store::{Lease, StoreError, TokenStore};
use crate::stored_token::StoredToken;
use crate::sync::{Mutex, MutexGuard};
use crate::time::Instant;
use crate::token::AccessToken;
use crate::token_key::TokenKey;

/// How long a store may take for one call.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long one process has the right to renew.
pub(crate) const LEASE_TTL: Duration = Duration::from_secs(10);
/// While another process has that right, this one looks for its token after pauses that grow between these.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_millis(500);
/// Between two looks at least, however often the store says that something has changed.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);
/// A store that fails is left alone for a time that grows between these.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// No wall clock counts further.
const LONGEST_LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);
/// So many rejected tokens are not taken from the store again.
const REMEMBERED_REJECTIONS: usize = 8;

/// The place of one cache in a fleet: it takes tokens from the store that others have put there, and sees to it
/// that one of them at a time asks the source for a new one. A store that fails is done without.
pub(crate) struct Fleet {
    store: Arc<dyn TokenStore>,
    key: TokenKey,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    lease_ttl: Duration,
    /// Who has no token waits no longer for that of another process.
    patience: Duration,
    safety_margin: Duration,
    assumed_lifetime: Duration,
    state: Mutex<State>,
    spawner: Arc<dyn Spawner>,
    observer: Observer,
}

#[derive(Default)]
struct State {
    /// The token that the cache has from here, and when it expires.
    given: Option<(AccessToken, Instant)>,
    /// The latest last.
    rejected: Vec<Rejected>,
    /// The lease in hand, and when it is over. It outlives a flight that was dropped.
    lease: Option<(Lease, Instant)>,
    /// Failures of the store in a row.
    failures: u32,
    failures_in_all: u64,
    rests_until: Option<Instant>,
}

#[derive(Clone)]
struct Rejected {
    token: AccessToken,
    removed: bool,
}

impl State {
    fn has_rejected(&self, token: &AccessToken) -> bool {
        let mut rejected = self.rejected.iter();
        rejected.any(|rejected| rejected.token.secret() == token.secret())
    }
}

/// What an attempt to get the lease came to.
enum Turn {
    Ours(Lease),
    Theirs,
    StoreFailed,
}

impl Fleet {
    pub(crate) fn new(
        (store, key): (Arc<dyn TokenStore>, TokenKey),
        (timeout, lease_ttl): (Duration, Duration),
        policy: &Settings,
        clock: Arc<dyn Clock>,
        spawner: Arc<dyn Spawner>,
        observer: Observer,
    ) -> Self {
        Self {
            store,
            key,
            clock,
            // A flight asks the store a few times, and must end in time although each answer comes late.
            timeout: timeout.min(policy.acquire_timeout / 8),
            // If the one who has it dies, there has to be time for another.
            lease_ttl: lease_ttl.min(policy.acquire_timeout / 2),
            patience: policy.acquire_timeout / 4 * 3,
            safety_margin: policy.safety_margin,
            assumed_lifetime: policy.assumed_lifetime,
            state: Mutex::new(State::default()),
            spawner,
            observer,
        }
    }

    /// A token from the store that is newer than the one given last, or else from `source`. It waits while another
    /// process is at it: without end if the token given last is good still.
    pub(crate) async fn token(
        self: &Arc<Self>,
        source: &dyn TokenSource,
    ) -> Result<AccessToken, Error> {
        let begin = self.clock.now();
        let mut pause = FIRST_LOOK;
        loop {
            self.remove_rejected().await;
            match self.look().await {
                Some(Some(token)) => return Ok(token),
                Some(None) => {}
                None => return self.fetch(source, None).await,
            }
            match self.turn().await {
                Turn::Ours(lease) => return self.fetch_under(lease, source).await,
                Turn::StoreFailed => return self.fetch(source, None).await,
                Turn::Theirs if self.is_tired_of_waiting(begin) => {
                    return self.fetch(source, None).await;
                }
                Turn::Theirs => {
                    if pause == FIRST_LOOK {
                        self.observer.lease_lost();
                    }
                    self.wait(pause).await;
                    pause = (pause * 2).min(LONGEST_LOOK);
                }
            }
        }
    }

    /// A server refused the token: it is not taken from the store again, and is removed there in the background,
    /// since nobody may ask this process for a token again.
    pub(crate) fn reject(self: &Arc<Self>, token: &AccessToken) {
        let mut state = self.lock();
        let rejected = &mut state.rejected;
        rejected.retain(|known| known.token.secret() != token.secret());
        rejected.push(Rejected {
            token: token.clone(),
            removed: false,
        });
        if rejected.len() > REMEMBERED_REJECTIONS {
            rejected.remove(0);
        }
        drop(state);
        let this = Arc::clone(self);
        self.spawner
            .spawn(Box::pin(async move { this.remove_rejected().await }));
    }

    /// How often the store has failed.
    pub(crate) fn failures(&self) -> u64 {
        self.lock().failures_in_all
    }

    /// Removes what was rejected from the store; if that fails, what is left is for the next time.
    async fn remove_rejected(&self) {
        loop {
            let next = {
                let state = self.lock();
                let mut rejected = state.rejected.iter();
                rejected.find(|rejected| !rejected.removed).cloned()
            };
            let Some(Rejected { token, .. }) = next else {
                return;
            };
            let stored = StoredToken::new(
                token.clone(),
                SystemTime::UNIX_EPOCH,
                SystemTime::UNIX_EPOCH,
            );
            let removed = self.ask("remove", self.store.remove(&self.key, &stored));
            if removed.await.is_none() {
                return;
            }
            let mut state = self.lock();
            let is_it = |rejected: &&mut Rejected| rejected.token.secret() == token.secret();
            for rejected in state.rejected.iter_mut().filter(is_it) {
                rejected.removed = true;
            }
        }
    }

    /// The token in the store, if it is better than what the cache has. `None`: the store failed.
    async fn look(&self) -> Option<Option<AccessToken>> {
        let found = self.ask("load", self.store.load(&self.key)).await?;
        Some(found.and_then(|found| self.take(&found)))
    }

    fn take(&self, found: &StoredToken) -> Option<AccessToken> {
        let (now, lifetime) = (self.clock.now(), found.lifetime());
        let left = found.remaining_life(self.clock.wall());
        if left <= self.safety_margin.min(lifetime / 10) {
            return None;
        }
        let expires = now + left;
        let mut state = self.lock();
        let is = |token: &AccessToken| token.secret() == found.token().secret();
        if state.has_rejected(found.token()) {
            return None;
        }
        if let Some((given, until)) = &state.given
            && (is(given) || *until >= expires && !state.has_rejected(given))
        {
            return None;
        }
        let age = lifetime.saturating_sub(left);
        let token = found.token().clone();
        // A clock that counts from the start of the machine may be younger than the token, whose life seems to begin
        // with it then.
        let sent = now - age;
        let token = token.with_life(sent, expires.saturating_duration_since(sent));
        state.given = Some((token.clone(), expires));
        drop(state);
        self.observer.token_from_store();
        Some(token)
    }

    async fn turn(&self) -> Turn {
        let now = self.clock.now();
        if let Some((lease, until)) = self.lock().lease
            && now < until
        {
            return Turn::Ours(lease);
        }
        let lease = self.store.lease(&self.key, self.lease_ttl);
        match self.ask("lease", lease).await {
            Some(Some(lease)) => {
                self.lock().lease = Some((lease, now + self.lease_ttl));
                self.observer.lease_won();
                Turn::Ours(lease)
            }
            Some(None) => Turn::Theirs,
            None => Turn::StoreFailed,
        }
    }

    /// Until it is worth while to look again: the store says so, or `pause` is over.
    async fn wait(&self, pause: Duration) {
        let changed = AssertUnwindSafe(self.store.changed(&self.key)).catch_unwind();
        let told = pin!(join(changed, self.clock.sleep(SHORTEST_LOOK)));
        if let Either::Right(((Err(_), ()), _)) = select(self.clock.sleep(pause), told).await {
            self.failed("changed", &panicked());
        }
    }

    /// Whether another process has had time enough, and there is no token to go on with.
    fn is_tired_of_waiting(&self, begin: Instant) -> bool {
        let now = self.clock.now();
        let state = self.lock();
        let given = state.given.as_ref();
        now >= begin + self.patience
            && given.is_none_or(|(given, until)| now >= *until || state.has_rejected(given))
    }

    async fn fetch_under(
        self: &Arc<Self>,
        lease: Lease,
        source: &dyn TokenSource,
    ) -> Result<AccessToken, Error> {
        // Somebody may have saved one between our look and our lease.
        let outcome = match self.look().await.flatten() {
            Some(token) => Ok(token),
            None => self.fetch(source, Some(lease)).await,
        };
        if self.is_at_rest() {
            // Others wait for the lease, but nobody here should wait for a store that has just failed.
            if let Some(lease) = self.lock().lease.take() {
                self.spawner
                    .spawn(Box::pin(Arc::clone(self).give_back(lease)));
            }
        } else {
            let release = self.ask("release", self.store.release(&self.key, lease));
            if release.await.is_some() {
                self.lock().lease = None;
            }
        }
        outcome
    }

    /// Gives the lease in hand back, also to a store at rest: a save that failed says little of it. It may take as long
    /// as the lease lasts; if it fails, the lease stays in hand.
    async fn give_back(self: Arc<Self>, (lease, until): (Lease, Instant)) {
        let left = until.saturating_duration_since(self.clock.now());
        let release = AssertUnwindSafe(self.store.release(&self.key, lease)).catch_unwind();
        let outcome = select(release, self.clock.sleep(left)).await;
        // What the store has just failed at is known and counted.
        if let Either::Left((Err(_) | Ok(Err(_)), _)) = outcome {
            self.lock().lease.get_or_insert((lease, until));
        }
    }

    async fn fetch(
        &self,
        source: &dyn TokenSource,
        lease: Option<Lease>,
    ) -> Result<AccessToken, Error> {
        let asked = self.clock.now();
        let token = source.token().await?;
        // In this order: time asleep between the two makes the token older, and never younger.
        let wall = self.clock.wall();
        let now = self.clock.now();
        let (token, sent) = match token.requested_at() {
            Some(stamp) if stamp <= now => (token, stamp),
            // Not from before the wait for another's lease on.
            _ => (token.with_requested_at(asked), asked),
        };
        let lifetime = token.lifetime().unwrap_or(self.assumed_lifetime);
        self.lock().given = Some((token.clone(), sent + lifetime));
        if let Some(lease) = lease {
            let age = now.saturating_duration_since(sent);
            let requested_at = wall.checked_sub(age);
            let requested_at = requested_at.unwrap_or(SystemTime::UNIX_EPOCH);
            let expires_at = requested_at.checked_add(lifetime.min(LONGEST_LIFE));
            let expires_at = expires_at.unwrap_or(requested_at);
            let stored = StoredToken::new(token.clone(), requested_at, expires_at);
            let stored = stored.with_fencing(lease.fencing());
            self.ask("save", self.store.save(&self.key, &stored)).await;
        }
        Ok(token)
    }

    /// What the store answers, if it is not at rest, does so in time and does not fail.
    async fn ask<T>(
        &self,
        what: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Option<T> {
        if self.is_at_rest() {
            return None;
        }
        let call = Box::pin(AssertUnwindSafe(call).catch_unwind());
        let error = match select(call, self.clock.sleep(self.timeout)).await {
            Either::Left((Ok(Ok(answer)), _)) => {
                self.lock().failures = 0;
                return Some(answer);
            }
            Either::Left((Ok(Err(error)), _)) => error,
            Either::Left((Err(_), _)) => panicked(),
            Either::Right(_) => StoreError::new("it did not answer in time"),
        };
        self.failed(what, &error);
        None
    }

    fn failed(&self, what: &'static str, error: &StoreError) {
        let rest = self.rest();
        self.observer.store_failed(what, error, rest);
    }

    fn is_at_rest(&self) -> bool {
        let now = self.clock.now();
        self.lock().rests_until.is_some_and(|until| now < until)
    }

    fn rest(&self) -> Duration {
        let now = self.clock.now();
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        state.failures_in_all += 1;
        let rest = exponential(FIRST_REST, LONGEST_REST, state.failures);
        state.rests_until = Some(now + rest);
        rest
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn panicked() -> StoreError {
    StoreError::new("it panicked")
}
