//! A store for one process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::clock::Clock;
use crate::store::{Lease, StoreError, TokenStore};
use crate::stored_token::StoredToken;
use crate::time::Instant;
use crate::token_key::TokenKey;

/// A [`TokenStore`] in the memory of this process: several caches share tokens through it. It holds one
/// token a key; a token that has expired is dropped when it is next looked at, or when many other keys have come.
///
/// # Examples
///
/// ```
/// use oauth_core::{AccessToken, Clock, MemoryStore, StoredToken, SystemClock, TokenKey, TokenStore};
/// use std::time::Duration;
///
/// # futures_executor::block_on(async {
/// let clock = SystemClock::new();
/// let store = MemoryStore::new(clock.clone());
/// let key = TokenKey::builder("example").field("tenant", "a").build();
/// let token = AccessToken::builder("secret").build()?;
/// let stored = StoredToken::new(token, clock.wall(), clock.wall() + Duration::from_secs(60));
///
/// store.save(&key, &stored).await?;
/// assert_eq!(store.load(&key).await?.unwrap().token().secret(), "secret");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    by_key: HashMap<TokenKey, Slot>,
    /// Leases given so far, of all keys: their fencing numbers go on though a slot is dropped.
    leases: u64,
    /// With so many slots it is time to drop those that are empty.
    sweep_at: usize,
}

#[derive(Default)]
struct Slot {
    token: Option<StoredToken>,
    lease: Option<(Lease, Instant)>,
}

impl MemoryStore {
    /// An empty store that judges expiry and leases by `clock`.
    pub fn new(clock: impl Clock + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            slots: Mutex::default(),
        }
    }
}

impl Slots {
    /// The slot of a key, which is made if need be. However many keys come and go, at most twice as many slots are kept
    /// as there is something in.
    fn slot(&mut self, key: &TokenKey, clock: &dyn Clock) -> &mut Slot {
        const FEW: usize = 64;
        if self.by_key.len() >= self.sweep_at.max(FEW) {
            let (now, wall) = (clock.now(), clock.wall());
            self.by_key.retain(|_, slot| slot.has_something(now, wall));
            self.sweep_at = self.by_key.len() * 2;
        }
        self.by_key.entry(*key).or_default()
    }
}

impl Slot {
    fn has_something(&mut self, now: Instant, wall: SystemTime) -> bool {
        self.token.take_if(|token| token.expires_at() <= wall);
        self.token.is_some() || self.lease.is_some_and(|(_, until)| now < until)
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let wall = self.clock.wall();
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.by_key.get_mut(key) else {
            return Ok(None);
        };
        slot.token.take_if(|token| token.expires_at() <= wall);
        Ok(slot.token.clone())
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let mut slots = lock(&self.slots);
        let slot = slots.slot(key, &*self.clock);
        if slot
            .token
            .as_ref()
            .is_none_or(|there| token.replaces(there))
        {
            slot.token = Some(token.clone());
        }
        Ok(())
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        if let Some(slot) = lock(&self.slots).by_key.get_mut(key) {
            slot.token
                .take_if(|there| there.token().secret() == token.token().secret());
        }
        Ok(())
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let now = self.clock.now();
        let mut slots = lock(&self.slots);
        let next = Lease::new(slots.leases + 1);
        let slot = slots.slot(key, &*self.clock);
        if slot.lease.is_some_and(|(_, until)| now < until) {
            return Ok(None);
        }
        slot.lease = Some((next, now + ttl));
        slots.leases += 1;
        Ok(Some(next))
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.by_key.get_mut(key) {
            slot.lease
                .take_if(|(held, _)| held.fencing() == lease.fencing());
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("keys", &lock(&self.slots).by_key.len())
            .finish()
    }
}

fn lock(slots: &Mutex<Slots>) -> MutexGuard<'_, Slots> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}
