//! The port to a place where tokens outlive a process or are shared by many.

use std::error::Error as StdError;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::stored_token::StoredToken;
use crate::token_key::TokenKey;

/// Keeps tokens outside the cache: across restarts, or for a fleet of processes.
///
/// # Contract
///
/// - A store is never asked on the hit path, and a store that fails never fails a token call.
/// - [`load`](Self::load) gives back what was saved last under that key, or `None`. A token whose
///   [`expires_at`](StoredToken::expires_at) is past need not be given back. A record that cannot be read is `None`.
/// - [`save`](Self::save) keeps the token if it [`replaces`](StoredToken::replaces) what is there: a late write never
///   replaces a newer token.
/// - [`remove`](Self::remove) removes only the token it is given, told by its secret.
/// - [`lease`](Self::lease) has at most one holder at a time across every process that shares the store.
///   It ends when it is [given back](Self::release), or by itself after `ttl`. Its fencing number grows with
///   every lease of the key, for as long as a token obtained under one is there.
/// - [`release`](Self::release) ends only the lease it is given.
/// - Keys never share anything: a store must compare them whole.
/// - A call that takes long is given up by the caller; it needs no limit on time of its own, if it does not block its
///   thread. What blocks belongs on a thread of yours, or has a limit below
///   [`store_timeout`](crate::CachedTokenSourceBuilder::store_timeout).
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
///     async fn release(&self, _: &TokenKey, _: Lease) -> Result<(), StoreError> {
///         Ok(())
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

    /// Gives a lease back before its time.
    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError>;

    /// Is ready when it is worth while to look under `key` again, because a token was saved or a lease given back.
    /// A store that is not told of such things leaves this as it is, never ready; those who wait look from time to
    /// time in any case, and a hundred times a second at most.
    async fn changed(&self, key: &TokenKey) {
        let _ = key;
        pending().await
    }
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

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        (**self).release(key, lease).await
    }

    async fn changed(&self, key: &TokenKey) {
        (**self).changed(key).await;
    }
}

/// The right to renew a token, until it is [given back](TokenStore::release) or over. Dropping it does neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    fencing: u64,
}

impl Lease {
    /// A lease with this fencing number.
    #[must_use]
    pub const fn new(fencing: u64) -> Self {
        Self { fencing }
    }

    /// Grows with every lease of a key, and is at least 1: tells a late holder from the present one.
    #[must_use]
    pub const fn fencing(&self) -> u64 {
        self.fencing
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
