//! The store around a store.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_core::{AccessToken, Lease, StoreError, StoredToken, TokenKey, TokenStore, async_trait};

use crate::key_ring::KeyRing;
use crate::observe;

const VERSION: &str = "sealed-1";

/// Encrypts tokens before another [`TokenStore`] gets to see them.
///
/// The store inside is given a token whose secret is the sealed record of the real one: `sealed-1.KEY.BASE64`. What
/// it sees beside that is what it needs to do its part: the token key, the fencing number, and the moments of the
/// request and the end.
///
/// # Contract
///
/// - A record opens only under the [`TokenKey`] it was sealed for: copied to another tenant's key it is none.
/// - A record that does not open, because its key is not in the ring, or because it is damaged, not encrypted or of a
///   version to come, is taken for no token, and logged. It is never an error.
/// - A token is removed by comparing what the sealed record there holds, and then removing that very record:
///   every sealing is different, so that one written in between stays.
/// - Whoever may write to the store inside can put an older record of the same token key back, or move the end of
///   its life. A token's life is never longer than it was when sealed, and a server refuses what is dead.
/// - Private keys, such as those of DPoP, are not part of a token and are never stored.
///
/// # Errors
///
/// Those of the store inside, and [`StoreError`] if the system has no random numbers to give.
///
/// # Examples
///
/// ```
/// use oauth_core::{AccessToken, Clock, MemoryStore, StoredToken, SystemClock, TokenKey, TokenStore};
/// use oauth_encrypted_store::{EncryptedStore, KeyRing};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// # futures_executor::block_on(async {
/// let clock = SystemClock::new();
/// let inside = Arc::new(MemoryStore::new(clock));
/// let store = EncryptedStore::new(Arc::clone(&inside), KeyRing::from_bytes([7; 32]));
///
/// let key = TokenKey::builder("example").field("tenant", "a").build();
/// let token = AccessToken::builder("secret").build()?;
/// let token = StoredToken::new(token, clock.wall(), clock.wall() + Duration::from_secs(60));
/// store.save(&key, &token).await?;
///
/// assert_eq!(store.load(&key).await?.unwrap().token().secret(), "secret");
/// assert!(inside.load(&key).await?.unwrap().token().secret().starts_with("sealed-1."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct EncryptedStore<S> {
    inside: S,
    keys: KeyRing,
}

impl<S> EncryptedStore<S> {
    /// Wraps a store.
    pub fn new(inside: S, keys: KeyRing) -> Self {
        Self { inside, keys }
    }

    fn seal(&self, key: &TokenKey, token: &StoredToken) -> Result<StoredToken, StoreError> {
        let impossible = || StoreError::new("the system gives no random numbers to encrypt with");
        let cipher = self.keys.first().ok_or_else(impossible)?;
        let sealed = cipher.seal(&token.encode(), key).ok_or_else(impossible)?;
        let sealed = format!(
            "{VERSION}.{}.{}",
            cipher.id(),
            URL_SAFE_NO_PAD.encode(sealed)
        );
        let sealed = AccessToken::builder(sealed).build().map_err(|error| {
            StoreError::new("the sealed token cannot be kept").with_source(error)
        })?;
        let sealed = StoredToken::new(sealed, token.requested_at(), token.expires_at());
        Ok(sealed.with_fencing(token.fencing()))
    }

    fn open(&self, key: &TokenKey, sealed: &StoredToken) -> Option<StoredToken> {
        match self.try_open(key, sealed) {
            Ok(token) => Some(token),
            Err(why) => {
                observe::unreadable(key, why);
                None
            }
        }
    }

    fn try_open(&self, key: &TokenKey, sealed: &StoredToken) -> Result<StoredToken, &'static str> {
        let mut parts = sealed.token().secret().splitn(3, '.');
        if parts.next() != Some(VERSION) {
            return Err("it is not encrypted, or by a later version");
        }
        let (id, text) = parts.next().zip(parts.next()).ok_or("it is cut off")?;
        let cipher = self.keys.by_id(id).ok_or("its key is not in the ring")?;
        let bytes = URL_SAFE_NO_PAD.decode(text);
        let bytes = bytes.map_err(|_| "it is damaged")?;
        let record = cipher.open(&bytes, key);
        let record = record.ok_or("it is damaged, or of another token key")?;
        let token = StoredToken::decode(&record).map_err(|_| "it is of a later version")?;
        // The store inside may have placed the life on another clock, but cannot make it longer.
        let requested_at = sealed.requested_at();
        let longest = requested_at.checked_add(token.lifetime());
        let expires_at = longest.map_or(sealed.expires_at(), |end| end.min(sealed.expires_at()));
        let placed = StoredToken::new(token.token().clone(), requested_at, expires_at);
        Ok(placed.with_fencing(token.fencing()))
    }
}

#[async_trait]
impl<S: TokenStore> TokenStore for EncryptedStore<S> {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let sealed = self.inside.load(key).await?;
        Ok(sealed.and_then(|sealed| self.open(key, &sealed)))
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        self.inside.save(key, &self.seal(key, token)?).await
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let Some(sealed) = self.inside.load(key).await? else {
            return Ok(());
        };
        match self.open(key, &sealed) {
            Some(there) if there.token().secret() == token.token().secret() => {
                self.inside.remove(key, &sealed).await
            }
            _ => Ok(()),
        }
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        self.inside.lease(key, ttl).await
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        self.inside.release(key, lease).await
    }

    async fn changed(&self, key: &TokenKey) {
        self.inside.changed(key).await;
    }
}

impl<S: fmt::Debug> fmt::Debug for EncryptedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedStore")
            .field("inside", &self.inside)
            .field("keys", &self.keys)
            .finish()
    }
}
