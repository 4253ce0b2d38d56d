//! The port to a place where tokens outlive a process or are shared by many.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::token::AccessToken;
use crate::token_key::TokenKey;

/// Keeps tokens outside the cache: across restarts, or for a fleet of processes.
///
/// # Contract
///
/// - A store is never asked on the hit path, and a store that fails never fails a token call.
/// - [`load`](Self::load) gives back what was saved last under that key, or `None`. A token whose
///   [`expires_at`](StoredToken::expires_at) is past need not be given back.
/// - [`save`](Self::save) replaces what is there, unless that was requested later than the token given: a
///   late write never replaces a newer token.
/// - [`remove`](Self::remove) removes only the token it is given.
/// - [`lease`](Self::lease) has at most one holder at a time across every process that shares the store.
///   It ends when the [`Lease`] is dropped, or by itself after `ttl`. Its fencing number grows with
///   every lease of the key.
/// - Keys never share anything: a store must compare them whole.
///
/// # Cancellation
///
/// A dropped future leaves the store with either the old or the new token, never with a part of one.
///
/// # Errors
///
/// [`StoreError`], whose text must not hold a token.
///
/// # Examples
///
/// A store that remembers nothing is a valid one:
///
/// ```
/// use oauth_core::{Lease, StoreError, StoredToken, TokenKey, TokenStore, async_trait};
/// use std::time::Duration;
///
/// struct Forgetful;
///
/// #[async_trait]
/// impl TokenStore for Forgetful {
///     async fn load(&self, _: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
///         Ok(None)
///     }
///     async fn save(&self, _: &TokenKey, _: &StoredToken) -> Result<(), StoreError> {
///         Ok(())
///     }
///     async fn remove(&self, _: &TokenKey, _: &StoredToken) -> Result<(), StoreError> {
///         Ok(())
///     }
///     async fn lease(&self, _: &TokenKey, _: Duration) -> Result<Option<Lease>, StoreError> {
///         Ok(Some(Lease::new(1)))
///     }
/// }
/// # let _: &dyn TokenStore = &Forgetful;
/// ```
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token saved last under `key`.
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError>;

    /// Keeps `token` under `key`, unless a newer one is there.
    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError>;

    /// Removes `token` from under `key`, if it is still that one which is there.
    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError>;

    /// Tries to become the one that renews the token under `key`, for at most `ttl`. `None`: somebody
    /// else is.
    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError>;
}

#[async_trait]
impl<T: TokenStore + ?Sized> TokenStore for Arc<T> {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        (**self).load(key).await
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        (**self).save(key, token).await
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        (**self).remove(key, token).await
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        (**self).lease(key, ttl).await
    }
}

/// A token with its life in wall time, since machines share no other clock.
#[derive(Debug, Clone)]
pub struct StoredToken {
    token: AccessToken,
    requested_at: SystemTime,
    expires_at: SystemTime,
}

impl StoredToken {
    /// A token that was asked for at `requested_at` and dies at `expires_at`, on the wall clock.
    #[must_use]
    pub fn new(token: AccessToken, requested_at: SystemTime, expires_at: SystemTime) -> Self {
        Self {
            token,
            requested_at,
            expires_at,
        }
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    /// When the request for it was sent.
    #[must_use]
    pub fn requested_at(&self) -> SystemTime {
        self.requested_at
    }

    /// When the server stops accepting it.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

/// The right to renew a token; given back when dropped.
#[must_use = "a lease that is dropped is given back"]
pub struct Lease {
    fencing: u64,
    release: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Lease {
    /// A lease with this fencing number that ends by itself only.
    pub fn new(fencing: u64) -> Self {
        Self {
            fencing,
            release: None,
        }
    }

    /// A lease that calls `release` when it is dropped. `release` must not block.
    pub fn with_release(fencing: u64, release: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self {
            fencing,
            release: Some(Box::new(release)),
        }
    }

    /// Grows with every lease of a key: tells a late holder from the present one.
    #[must_use]
    pub fn fencing(&self) -> u64 {
        self.fencing
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release();
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("fencing", &self.fencing)
            .finish_non_exhaustive()
    }
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the token store failed: {message}")]
pub struct StoreError {
    message: String,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl StoreError {
    /// An error with this message, which must not hold a token.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// Adds the cause, whose texts must not hold a token.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}
