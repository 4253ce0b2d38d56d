//! What the set keeps for each key.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use oauth_core::{AccessToken, Dpop, Error, Instant, TokenSource};
use quick_cache::Lifecycle;

/// The source of one key, in an [`Arc`]: a [`TokenSource`] that coerces into a
/// [`SharedTokenSource`](oauth_core::SharedTokenSource), and dereferences to what the user's function made.
///
/// It works for as long as it is held, whatever the set does. While it is held, the set does not make a second source
/// for its key unless [`remove`](crate::TokenSources::remove) was called.
pub struct TenantSource<S> {
    source: S,
    /// In seconds of the clock of the set.
    last_used: AtomicU32,
}

impl<S> TenantSource<S> {
    pub(crate) fn new(source: S, now: Instant) -> Self {
        Self {
            source,
            last_used: AtomicU32::new(seconds(now)),
        }
    }

    /// Looks before it writes: callers of one key on many cores share the line.
    pub(crate) fn touch(&self, now: Instant) {
        let now = seconds(now);
        if self.last_used.load(Ordering::Relaxed) != now {
            self.last_used.store(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn idle_seconds(&self, now: Instant) -> u32 {
        seconds(now).saturating_sub(self.last_used.load(Ordering::Relaxed))
    }
}

/// Enough for 136 years.
fn seconds(instant: Instant) -> u32 {
    u32::try_from(instant.since_origin().as_secs()).unwrap_or(u32::MAX)
}

impl<S> Deref for TenantSource<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.source
    }
}

#[async_trait]
impl<S: TokenSource> TokenSource for TenantSource<S> {
    async fn token(&self) -> Result<AccessToken, Error> {
        self.source.token().await
    }

    fn token_blocking(&self) -> Result<AccessToken, Error> {
        self.source.token_blocking()
    }

    fn ready(&self) -> Option<AccessToken> {
        self.source.ready()
    }

    fn with_ready(&self, look: &mut dyn FnMut(&AccessToken)) -> bool {
        self.source.with_ready(look)
    }

    async fn token_lasting(&self, at_least: Duration) -> Result<AccessToken, Error> {
        self.source.token_lasting(at_least).await
    }

    fn token_lasting_blocking(&self, at_least: Duration) -> Result<AccessToken, Error> {
        self.source.token_lasting_blocking(at_least)
    }

    fn ready_lasting(&self, at_least: Duration) -> Option<AccessToken> {
        self.source.ready_lasting(at_least)
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.source.dpop()
    }

    fn reject(&self, token: &AccessToken) {
        self.source.reject(token);
    }
}

impl<S> fmt::Debug for TenantSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantSource").finish_non_exhaustive()
    }
}

pub(crate) type Kept<S> = Arc<TenantSource<S>>;

/// Whether anybody besides the set has it. Nobody can take it while the set's lock is held for writing, as it is
/// wherever this decides.
pub(crate) fn is_held<S>(kept: &Kept<S>) -> bool {
    Arc::strong_count(kept) > 1
}

/// What is in use stays: evicting it would free no memory, and its key would have two sources.
#[derive(Debug, Clone)]
pub(crate) struct InUseStays;

impl<K, S> Lifecycle<K, Kept<S>> for InUseStays {
    /// What was evicted is dropped with it, when no lock is held: a source's drop is somebody else's code.
    type RequestState = Vec<(K, Kept<S>)>;

    fn is_pinned(&self, _: &K, kept: &Kept<S>) -> bool {
        is_held(kept)
    }

    fn on_evict(&self, evicted: &mut Self::RequestState, key: K, kept: Kept<S>) {
        evicted.push((key, kept));
    }
}
