//! A store that fails the way stores do.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_core::{
    AccessToken, Clock, Lease, StoreError, StoredToken, TokenKey, TokenStore, async_trait,
};

use crate::fault::strikes;
use crate::gate::Gate;
use crate::sync::lock;

/// Something that goes wrong with a call of a [`FaultyStore`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreFault {
    /// The call fails, and does nothing.
    Error,
    /// The call fails, and has done what it should.
    ErrorAfterwards,
    /// The call waits until the gate opens.
    Hang {
        /// Releases it.
        until: Gate,
    },
    /// The call takes so long, on the clock of the store.
    Slow {
        /// How much longer than usual.
        by: Duration,
    },
    /// A write is acknowledged and lost: `save`, `remove` and `release` do nothing. Other calls are spared.
    LostWrite,
    /// `load` gives back a token with another secret. Other calls are spared.
    Corrupt,
}

/// A [`TokenStore`] in front of another, some of whose calls go wrong: those of certain numbers, or with a probability
/// and a seed.
///
/// # Contract
///
/// - Calls of all kinds are counted together, from 1, except [`changed`](TokenStore::changed), which is passed on.
/// - The same seed strikes the same calls, on every machine and in every version.
///
/// # Examples
///
/// ```
/// use oauth_core::{MemoryStore, TokenKey, TokenStore};
/// use oauth_testkit::{FaultyStore, ManualClock, StoreFault};
///
/// # futures_executor::block_on(async {
/// let clock = ManualClock::new();
/// let store = FaultyStore::new(MemoryStore::new(clock.clone()), clock)
///     .at(1, StoreFault::Error)
///     .seeded(42)
///     .with(0.2, StoreFault::LostWrite);
/// let key = TokenKey::builder("example").build();
/// assert!(store.load(&key).await.is_err());
/// assert!(store.load(&key).await?.is_none());
/// # Ok::<(), oauth_core::StoreError>(())
/// # }).unwrap();
/// ```
pub struct FaultyStore<S> {
    store: S,
    clock: Arc<dyn Clock>,
    seed: u64,
    by_chance: Vec<(f64, StoreFault)>,
    by_number: Vec<(usize, StoreFault)>,
    calls: Mutex<usize>,
}

impl<S: TokenStore> FaultyStore<S> {
    /// A store that does what `store` does, and is slow by `clock`.
    pub fn new(store: S, clock: impl Clock + 'static) -> Self {
        Self {
            store,
            clock: Arc::new(clock),
            seed: 0,
            by_chance: Vec::new(),
            by_number: Vec::new(),
            calls: Mutex::default(),
        }
    }

    /// Draws with this seed; 0 unless said otherwise.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// A call suffers this with the given probability.
    ///
    /// # Panics
    ///
    /// If the probability is not in 0 to 1.
    #[must_use]
    pub fn with(mut self, probability: f64, fault: StoreFault) -> Self {
        assert!(
            (0.0..=1.0).contains(&probability),
            "{probability} is not a probability: it has to be in 0 to 1"
        );
        self.by_chance.push((probability, fault));
        self
    }

    /// The call with this number, counted from 1, suffers this.
    #[must_use]
    pub fn at(mut self, call: usize, fault: StoreFault) -> Self {
        self.by_number.push((call, fault));
        self
    }

    /// The store behind.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> usize {
        *lock(&self.calls)
    }

    /// Counts a call and waits for what it has to wait for.
    async fn begin(&self) -> Result<Suffers, StoreError> {
        let faults = self.next_faults();
        for fault in &faults {
            match fault {
                StoreFault::Hang { until } => until.opened().await,
                StoreFault::Slow { by } => self.clock.sleep(*by).await,
                _ => {}
            }
        }
        let suffers = |is: fn(&StoreFault) -> bool| faults.iter().any(is);
        if suffers(|fault| matches!(fault, StoreFault::Error)) {
            return Err(failure());
        }
        Ok(Suffers {
            error_afterwards: suffers(|fault| matches!(fault, StoreFault::ErrorAfterwards)),
            lost_write: suffers(|fault| matches!(fault, StoreFault::LostWrite)),
            corrupt: suffers(|fault| matches!(fault, StoreFault::Corrupt)),
        })
    }

    fn next_faults(&self) -> Vec<StoreFault> {
        let call = {
            let mut calls = lock(&self.calls);
            *calls += 1;
            *calls
        };
        let by_number = self.by_number.iter().filter(|(number, _)| *number == call);
        let by_chance = self
            .by_chance
            .iter()
            .zip(0..)
            .filter(|((probability, _), place)| {
                strikes(self.seed, call, *place, *probability).is_some()
            });
        by_number
            .map(|(_, fault)| fault.clone())
            .chain(by_chance.map(|((_, fault), _)| fault.clone()))
            .collect()
    }
}

/// What is left to suffer once a call has begun.
struct Suffers {
    error_afterwards: bool,
    lost_write: bool,
    corrupt: bool,
}

impl Suffers {
    fn end<T>(&self, outcome: T) -> Result<T, StoreError> {
        if self.error_afterwards {
            Err(failure())
        } else {
            Ok(outcome)
        }
    }
}

#[async_trait]
impl<S: TokenStore> TokenStore for FaultyStore<S> {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let suffers = self.begin().await?;
        let loaded = self.store.load(key).await?;
        let loaded = match loaded {
            Some(stored) if suffers.corrupt => Some(corrupt(&stored)?),
            other => other,
        };
        suffers.end(loaded)
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let suffers = self.begin().await?;
        if !suffers.lost_write {
            self.store.save(key, token).await?;
        }
        suffers.end(())
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let suffers = self.begin().await?;
        if !suffers.lost_write {
            self.store.remove(key, token).await?;
        }
        suffers.end(())
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let suffers = self.begin().await?;
        let lease = self.store.lease(key, ttl).await?;
        suffers.end(lease)
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        let suffers = self.begin().await?;
        if !suffers.lost_write {
            self.store.release(key, lease).await?;
        }
        suffers.end(())
    }

    async fn changed(&self, key: &TokenKey) {
        self.store.changed(key).await;
    }
}

fn failure() -> StoreError {
    StoreError::new("it was told to fail")
}

/// The secret turned round.
fn corrupt(stored: &StoredToken) -> Result<StoredToken, StoreError> {
    let token = stored.token();
    let secret: String = token.secret().chars().rev().chain("~".chars()).collect();
    let mut corrupted = AccessToken::builder(secret).token_type(token.token_type());
    if let Some(lifetime) = token.lifetime() {
        corrupted = corrupted.expires_in(lifetime);
    }
    let token = corrupted
        .build()
        .map_err(|error| StoreError::new("no token is left").with_source(error))?;
    let (requested_at, expires_at) = (stored.requested_at(), stored.expires_at());
    Ok(StoredToken::new(token, requested_at, expires_at).with_fencing(stored.fencing()))
}

impl<S> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("seed", &self.seed)
            .field("by_chance", &self.by_chance)
            .field("by_number", &self.by_number)
            .field("calls", &*lock(&self.calls))
            .finish_non_exhaustive()
    }
}
