//! A store for one process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Clock;
use crate::store::{Lease, StoreError, TokenStore};
use crate::stored_token::StoredToken;
use crate::time::Instant;
use crate::token_key::TokenKey;

/// A [`TokenStore`] in the memory of this process: several caches share tokens through it. It holds one
/// token a key; a token that has expired is dropped when it is next looked at.
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
    slots: Mutex<HashMap<TokenKey, Slot>>,
}

#[derive(Default)]
struct Slot {
    token: Option<StoredToken>,
    leases: u64,
    leased_until: Option<Instant>,
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

#[async_trait]
impl TokenStore for MemoryStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let wall = self.clock.wall();
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.get_mut(key) else {
            return Ok(None);
        };
        slot.token = slot.token.take().filter(|token| token.expires_at() > wall);
        Ok(slot.token.clone())
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let mut slots = lock(&self.slots);
        let slot = slots.entry(*key).or_default();
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
        if let Some(slot) = lock(&self.slots).get_mut(key) {
            slot.token = slot
                .token
                .take()
                .filter(|there| there.token().secret() != token.token().secret());
        }
        Ok(())
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let now = self.clock.now();
        let mut slots = lock(&self.slots);
        let slot = slots.entry(*key).or_default();
        if slot.leased_until.is_some_and(|until| now < until) {
            return Ok(None);
        }
        slot.leases += 1;
        slot.leased_until = Some(now + ttl);
        Ok(Some(Lease::new(slot.leases)))
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        let mut slots = lock(&self.slots);
        let slot = slots.get_mut(key);
        if let Some(slot) = slot.filter(|slot| slot.leases == lease.fencing()) {
            slot.leased_until = None;
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("keys", &lock(&self.slots).len())
            .finish()
    }
}

fn lock(slots: &Mutex<HashMap<TokenKey, Slot>>) -> MutexGuard<'_, HashMap<TokenKey, Slot>> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}
