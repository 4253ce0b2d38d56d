//! The set of sources.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oauth_core::{
    CachedTokenSource, Clock, Error, ErrorKind, Instant, Status, SystemClock, TokenSource,
};
use quick_cache::sync::{Cache, GuardResult};
use quick_cache::{DefaultHashBuilder, Equivalent, UnitWeighter};

use crate::kept::{InUseStays, Kept, TenantSource, is_held};

const MAX_ENTRIES: usize = 10_000;
const TIME_TO_IDLE: Duration = Duration::from_secs(3600);
/// So many times in the time to idle does the set look for idle sources.
const SWEEPS: u32 = 8;

type Build<K, S> = dyn Fn(&K) -> Result<S, Error> + Send + Sync;
type Entries<K, S> = Cache<K, Kept<S>, UnitWeighter, DefaultHashBuilder, InUseStays>;

/// One source of tokens for each key, made by a function when the key is first asked for.
///
/// `S` is usually a [`CachedTokenSource`]: a source that makes a request at each call is no good here.
///
/// - A lookup of a source that is there allocates nothing, and waits for no other key: neither while one is made
///   nor while its token is fetched. Concurrent callers of a key that is not there have one source made.
/// - An error of the function is its caller's and is not kept. A token request that fails concerns the source of its
///   key alone.
/// - The set is bounded: beyond [`max_entries`](TokenSourcesBuilder::max_entries) it drops sources
///   that are seldom asked for, and after [`time_to_idle`](TokenSourcesBuilder::time_to_idle) those that nobody asked
///   for. It looks for them a few times in that time, when it is asked for a source: the caller whose turn it is goes
///   over the whole set, which takes some milliseconds for a hundred thousand.
/// - A source in somebody's hands is neither idle nor dropped, and so it is while a caller waits for its token. For as
///   long there is one source a key, and a token rejected by one caller is not handed to another.
///
/// A source that was dropped starts cold when its key is asked for again; one with a
/// [store](oauth_core::CachedTokenSourceBuilder::store) finds its token there. A renewal in the background that was
/// under way when its source was dropped runs to its end, for nobody.
///
/// A source that is [kept warm](oauth_core::CachedTokenSourceBuilder::keep_warm) is renewed for as long as the set has it,
/// and its renewals are no use of it: after the time to idle it is dropped all the same, and the first call after a quiet
/// night waits. To keep sources warm for good, give the set a [`time_to_idle`](TokenSourcesBuilder::time_to_idle) of
/// [`Duration::MAX`] and [`remove`](Self::remove) the tenants that leave.
///
/// # Examples
///
/// See the [crate](crate).
pub struct TokenSources<K, S> {
    entries: Entries<K, S>,
    build: Box<Build<K, S>>,
    clock: Arc<dyn Clock>,
    time_to_idle: Duration,
    max_entries: usize,
    /// In seconds of the clock.
    next_sweep: AtomicU64,
}

impl<K, S> TokenSources<K, S>
where
    K: Hash + Eq,
    S: TokenSource,
{
    /// A set with the default limits. `build` makes the source of a key; it must tell apart all that the keys do.
    ///
    /// `build` runs in the caller's thread, while callers of the same key wait for it: it should not block for long,
    /// and must not ask the set for the same key.
    pub fn new(build: impl Fn(&K) -> Result<S, Error> + Send + Sync + 'static) -> Self {
        Self::builder(build).build()
    }

    /// Starts a set with something other than the defaults.
    pub fn builder(
        build: impl Fn(&K) -> Result<S, Error> + Send + Sync + 'static,
    ) -> TokenSourcesBuilder<K, S> {
        TokenSourcesBuilder {
            build: Box::new(build),
            clock: Arc::new(SystemClock::new()),
            time_to_idle: TIME_TO_IDLE,
            max_entries: MAX_ENTRIES,
        }
    }

    /// The source of `key`, made now if it is not there.
    ///
    /// Keep it for a request rather than for good: who holds a source has it count as in use.
    ///
    /// # Errors
    ///
    /// What the function said that makes the sources. The next caller has it try again.
    pub fn get<Q>(&self, key: &Q) -> Result<Arc<TenantSource<S>>, Error>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let now = self.clock.now_coarse();
        if let Some(kept) = self.find(key, now) {
            return Ok(kept);
        }
        self.make(key, now)
    }

    /// As [`get`](Self::get), for keys of several parts: `key` holds borrows of them, and `to_key` makes the key that is
    /// kept if the source is not there. A hit allocates nothing.
    ///
    /// `Q` and `K` have to feed a hasher the same: two structs or tuples do that whose parts, in the same order, are
    /// the same but for who owns them.
    ///
    /// # Errors
    ///
    /// As `get`. [`ErrorKind::Configuration`] if what `to_key` made is not equivalent to `key`.
    ///
    /// # Examples
    ///
    /// ```
    /// use oauth_core::{CachedTokenSource, ClientCredentials, Error};
    /// use oauth_tenants::{Equivalent, TokenSources};
    ///
    /// #[derive(Clone, PartialEq, Eq, Hash)]
    /// struct Key {
    ///     tenant: String,
    ///     scopes: Vec<String>,
    /// }
    ///
    /// #[derive(Hash)]
    /// struct KeyRef<'a> {
    ///     tenant: &'a str,
    ///     scopes: &'a [String],
    /// }
    ///
    /// impl Equivalent<Key> for KeyRef<'_> {
    ///     fn equivalent(&self, key: &Key) -> bool {
    ///         self.tenant == key.tenant && self.scopes == key.scopes
    ///     }
    /// }
    ///
    /// fn example(
    ///     sources: &TokenSources<Key, CachedTokenSource<ClientCredentials>>,
    ///     tenant: &str,
    ///     scopes: &[String],
    /// ) -> Result<(), Error> {
    ///     let source = sources.get_equivalent(&KeyRef { tenant, scopes }, |key| Key {
    ///         tenant: key.tenant.to_owned(),
    ///         scopes: key.scopes.to_owned(),
    ///     })?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// [`ErrorKind::Configuration`]: oauth_core::ErrorKind::Configuration
    pub fn get_equivalent<Q>(
        &self,
        key: &Q,
        to_key: impl FnOnce(&Q) -> K,
    ) -> Result<Arc<TenantSource<S>>, Error>
    where
        K: Clone,
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let now = self.clock.now_coarse();
        if let Some(kept) = self.find(key, now) {
            return Ok(kept);
        }
        let made = to_key(key);
        if key.equivalent(&made) {
            return self.make(&made, now);
        }
        Err(Error::new(
            ErrorKind::Configuration,
            "the key that was made for a lookup is not equivalent to what was looked up; compare `to_key` with the \
             implementation of `Equivalent`",
        ))
    }

    fn find<Q>(&self, key: &Q, now: Instant) -> Option<Arc<TenantSource<S>>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let kept = self.entries.get(key)?;
        kept.touch(now);
        // Tenants may leave and none come: nobody would make a source then.
        self.sweep_if_due(now);
        Some(kept)
    }

    #[cold]
    fn make<Q>(&self, key: &Q, now: Instant) -> Result<Arc<TenantSource<S>>, Error>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.sweep_if_due(now);
        match self.entries.get_value_or_guard(key, None) {
            GuardResult::Value(kept) => {
                kept.touch(now);
                Ok(kept)
            }
            GuardResult::Guard(place) => {
                let source = (self.build)(&key.to_owned())?;
                let made = Arc::new(TenantSource::new(source, now));
                // Somebody removed the key meanwhile: this source is its caller's only.
                let _ = place.insert(Arc::clone(&made));
                Ok(made)
            }
            GuardResult::Timeout => Err(Error::new(
                ErrorKind::Timeout,
                "the source of this key was not made in time",
            )),
        }
    }

    /// The source of `key` if it is there. That does not count as a use.
    pub fn peek<Q>(&self, key: &Q) -> Option<Arc<TenantSource<S>>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.entries.peek(key)
    }

    /// Forgets the source of `key`, for a tenant that has left or has new credentials, and says whether there was
    /// one. Who holds it goes on with it; the next caller has a new one made.
    pub fn remove<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.entries.remove(key).is_some()
    }

    /// Drops the sources that are idle. The set does so by itself, a few times in the time to idle, but only when it
    /// is asked for a source; this is for a program that wants the memory back although nobody asks.
    pub fn evict_idle(&self) {
        self.sweep(self.clock.now());
    }

    fn sweep_if_due(&self, now: Instant) {
        let due = self.next_sweep.load(Ordering::Relaxed);
        let seconds = now.since_origin().as_secs();
        if seconds >= due {
            self.sweep_once(now, due, seconds);
        }
    }

    /// Of all callers who find that it is due, one does it.
    #[cold]
    fn sweep_once(&self, now: Instant, due: u64, seconds: u64) {
        let next = now + self.time_to_idle / SWEEPS;
        let next = next.since_origin().as_secs().max(seconds + 1);
        let claim =
            self.next_sweep
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        if claim.is_ok() {
            self.sweep(now);
        }
    }

    fn sweep(&self, now: Instant) {
        let limit = self.time_to_idle.as_secs();
        // They are dropped when no lock is held: a source's drop is somebody else's code.
        let idle = RefCell::new(Vec::new());
        self.entries.retain(|_, kept| {
            let stays = is_held(kept) || u64::from(kept.idle_seconds(now)) < limit;
            if !stays {
                idle.borrow_mut().push(Arc::clone(kept));
            }
            stays
        });
    }
}

impl<K: Hash + Eq, S> TokenSources<K, S> {
    /// How many sources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq + Clone, S> TokenSources<K, S> {
    /// Goes over the keys and their sources. No lock is held while the caller looks at one; what comes and goes
    /// meanwhile may be left out.
    pub fn iter(&self) -> impl Iterator<Item = (K, Arc<TenantSource<S>>)> + '_ {
        self.entries.iter()
    }
}

impl<K: Hash + Eq + Clone, S: TokenSource + 'static> TokenSources<K, CachedTokenSource<S>> {
    /// How each source is, for health pages. It starts nothing, holds no secret, and does not count as a use.
    pub fn statuses(&self) -> impl Iterator<Item = (K, Status)> + '_ {
        self.iter().map(|(key, source)| (key, source.status()))
    }
}

impl<K: Hash + Eq, S> fmt::Debug for TokenSources<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSources")
            .field("len", &self.len())
            .field("max_entries", &self.max_entries)
            .field("time_to_idle", &self.time_to_idle)
            .finish_non_exhaustive()
    }
}

/// Builds [`TokenSources`]; made by [`TokenSources::builder`].
#[must_use]
pub struct TokenSourcesBuilder<K, S> {
    build: Box<Build<K, S>>,
    clock: Arc<dyn Clock>,
    time_to_idle: Duration,
    max_entries: usize,
}

impl<K: Hash + Eq, S> TokenSourcesBuilder<K, S> {
    /// How many sources the set keeps that nobody holds; at least 1. Default: 10,000.
    ///
    /// It is split into equal parts by the hash of the key, which fill up unevenly: the set may drop sources when it is
    /// full but for a few per cent. Rounding up the parts may add a few.
    pub fn max_entries(mut self, max: usize) -> Self {
        self.max_entries = max.max(1);
        self
    }

    /// After how long without a [`get`](TokenSources::get) a source that nobody holds is dropped, in whole seconds.
    /// Default: 1 h. Longer than the time between two calls for most keys, or sources keep starting cold;
    /// [`Duration::MAX`] for sources that are to be [kept warm](oauth_core::CachedTokenSourceBuilder::keep_warm) though
    /// nobody asks for them.
    pub fn time_to_idle(mut self, time: Duration) -> Self {
        self.time_to_idle = time;
        self
    }

    /// The clock that tells idle sources. Give the sources the same.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The set, empty.
    pub fn build(self) -> TokenSources<K, S> {
        let entries = Cache::with(
            self.max_entries,
            self.max_entries as u64,
            UnitWeighter,
            DefaultHashBuilder::default(),
            InUseStays,
        );
        TokenSources {
            entries,
            next_sweep: AtomicU64::new(
                (self.clock.now() + self.time_to_idle / SWEEPS)
                    .since_origin()
                    .as_secs(),
            ),
            build: self.build,
            clock: self.clock,
            time_to_idle: self.time_to_idle,
            max_entries: self.max_entries,
        }
    }
}

impl<K, S> fmt::Debug for TokenSourcesBuilder<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSourcesBuilder")
            .field("max_entries", &self.max_entries)
            .field("time_to_idle", &self.time_to_idle)
            .finish_non_exhaustive()
    }
}
