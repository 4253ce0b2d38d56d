//! The cache that makes any source fit for use at every request.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;

use crate::cache::{Cache, Extras};
use crate::clock::Clock;
use crate::default_spawner::DefaultSpawner;
use crate::dpop::Dpop;
use crate::error::Error;
use crate::fleet::{Fleet, LEASE_TTL, STORE_TIMEOUT};
use crate::observe::Observer;
use crate::refresh::policy::RefreshPolicy;
use crate::refresh::status::Status;
use crate::source::TokenSource;
use crate::spawner::Spawner;
use crate::store::TokenStore;
use crate::system_clock::SystemClock;
use crate::token::AccessToken;
use crate::token_key::TokenKey;
use crate::warm::Place;

/// Makes any [`TokenSource`] fit for use at every request.
///
/// - A token is never handed out at or past the moment it stops being usable, which is up to 30 s before it expires
///   ([`RefreshPolicy`]). A hit reads the [coarse clock](Clock::now_coarse), so that it may notice that moment a few
///   milliseconds late, far inside the margin.
/// - While a usable token is in hand no caller waits: it is renewed ahead of time in the background, by
///   whichever call notices first. A renewal that fails costs nothing: the token goes on being used.
/// - Any number of concurrent callers cause one request, and share its success or its error.
/// - After a failure, requests are spaced out, and `Retry-After` is obeyed; callers in between get the
///   last error at once.
/// - A [rejected](TokenSource::reject) token is not handed out again, and no request that was under way at the
///   time can bring it back. If the server issues the very same token once more to a later request, that is its
///   word: the token is used, and further rejections space out the requests.
///
/// Clones share one cache. With a [`store`](CachedTokenSourceBuilder::store), so do the processes of a fleet, and a
/// process that starts anew finds what its predecessor had.
///
/// # Cancellation
///
/// The future of [`token`](TokenSource::token) can be dropped at any time: the request goes on for the
/// others and its result is kept. A caller's own time limit does not shorten the request.
///
/// # Examples
///
/// ```
/// use oauth_core::{AccessToken, CachedTokenSource, Error, TokenSource, async_trait};
/// use std::time::Duration;
///
/// struct Costly;
///
/// #[async_trait]
/// impl TokenSource for Costly {
///     async fn token(&self) -> Result<AccessToken, Error> {
///         Ok(AccessToken::builder("secret").expires_in(Duration::from_secs(3600)).build()?)
///     }
/// }
///
/// # futures_executor::block_on(async {
/// let source = CachedTokenSource::new(Costly);
/// assert!(source.ready().is_none(), "nothing is fetched before it is needed");
/// let first = source.token().await?;
/// let second = source.token().await?;
/// assert_eq!(first.generation(), second.generation(), "asked for once");
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
pub struct CachedTokenSource<S> {
    cache: Arc<Cache<S>>,
}

impl<S: TokenSource + 'static> CachedTokenSource<S> {
    /// A cache with the default policy, on the clock of the machine.
    pub fn new(source: S) -> Self {
        Self::builder(source).build()
    }

    /// Starts a cache with something other than the defaults.
    pub fn builder(source: S) -> CachedTokenSourceBuilder<S> {
        CachedTokenSourceBuilder {
            source,
            name: None,
            store: None,
            store_timeout: STORE_TIMEOUT,
            lease_ttl: LEASE_TTL,
            policy: RefreshPolicy::default(),
            clock: SystemClock::shared(),
            spawner: DefaultSpawner::shared(),
            keep_warm: false,
        }
    }

    /// Fetches a token before the first caller needs one, at the start of a program say. Does nothing if a usable
    /// token is in hand; else it is as any other caller, and shares its request with them.
    ///
    /// # Cancellation
    ///
    /// May be dropped at any time; the request goes on.
    ///
    /// # Errors
    ///
    /// Why there is no token. A program may start all the same: the next caller is not worse off than without, and a
    /// source that is [kept warm](CachedTokenSourceBuilder::keep_warm) goes on asking.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.token().await.map(drop)
    }

    /// As [`warm_up`](Self::warm_up), for synchronous code: blocks as
    /// [`token_blocking`](TokenSource::token_blocking) does.
    ///
    /// # Errors
    ///
    /// As `warm_up`.
    pub fn warm_up_blocking(&self) -> Result<(), Error> {
        self.token_blocking().map(drop)
    }

    /// A snapshot for health pages. It starts nothing, waits for nothing but a lock held for moments, and holds
    /// no secret.
    #[must_use]
    pub fn status(&self) -> Status {
        self.cache.status()
    }

    /// The source behind the cache.
    pub fn source(&self) -> &S {
        &self.cache.source
    }
}

#[async_trait]
impl<S: TokenSource + 'static> TokenSource for CachedTokenSource<S> {
    async fn token(&self) -> Result<AccessToken, Error> {
        if let Some(token) = self.ready() {
            return Ok(token);
        }
        self.cache.token().await
    }

    fn ready(&self) -> Option<AccessToken> {
        let mut ready = None;
        self.with_ready(&mut |token| ready = Some(token.clone()));
        ready
    }

    fn with_ready(&self, look: &mut dyn FnMut(&AccessToken)) -> bool {
        self.cache.with_ready(look)
    }

    async fn token_lasting(&self, at_least: Duration) -> Result<AccessToken, Error> {
        if let Some(token) = self.ready_lasting(at_least) {
            return Ok(token);
        }
        self.cache.token_lasting(at_least).await
    }

    fn ready_lasting(&self, at_least: Duration) -> Option<AccessToken> {
        self.cache.ready_lasting(at_least)
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.cache.source.dpop()
    }

    fn reject(&self, token: &AccessToken) {
        self.cache.reject(token);
    }
}

impl<S> Clone for CachedTokenSource<S> {
    fn clone(&self) -> Self {
        Self {
            cache: Arc::clone(&self.cache),
        }
    }
}

impl<S> fmt::Debug for CachedTokenSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedTokenSource")
            .field("token", &self.cache.last_token())
            .finish_non_exhaustive()
    }
}

/// Builds a [`CachedTokenSource`]; made by [`CachedTokenSource::builder`].
#[must_use]
pub struct CachedTokenSourceBuilder<S> {
    source: S,
    name: Option<Arc<str>>,
    store: Option<(Arc<dyn TokenStore>, TokenKey)>,
    store_timeout: Duration,
    lease_ttl: Duration,
    policy: RefreshPolicy,
    clock: Arc<dyn Clock>,
    spawner: Arc<dyn Spawner>,
    keep_warm: bool,
}

impl<S: TokenSource + 'static> CachedTokenSourceBuilder<S> {
    /// When to renew, and how to behave when that fails.
    pub fn policy(mut self, policy: RefreshPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The clock to judge by. The source must stamp its tokens on the same.
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.shared_clock(Arc::new(clock))
    }

    pub(crate) fn shared_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What to call this source in logs and metrics (their field or label `source`): `billing`. Default: nothing. Each
    /// name is a series of its own in every metric, for ever, so that a program should have a few of them. All tenants of
    /// a kind may share one, never one each: what is counted adds up then, but when a token expires is told only of the
    /// source that got its own last.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Who runs renewals in the background.
    pub fn spawner(mut self, spawner: impl Spawner + 'static) -> Self {
        self.spawner = Arc::new(spawner);
        self
    }

    /// Renews the token also while nobody asks for it, so that the first call after a quiet night waits for nothing.
    /// The default is to renew a token when it is used.
    ///
    /// - It begins with the first request for a token, which it does not make: see
    ///   [`warm_up`](CachedTokenSource::warm_up).
    /// - After a failure, also of the first request, it tries again as others may: spaced out, and as `Retry-After`
    ///   says; also once the token has expired. A second after a rejection it asks for another token, if nobody has by then. It looks at
    ///   the token once a second at most, and each minute
    ///   (the cap of the [`backoff`](crate::RefreshPolicyBuilder::backoff)) while tokens come too old to be kept.
    /// - It ends when the last clone of the source is dropped, and leaves no timer, task or thread behind. A request
    ///   that is under way goes on to its end.
    ///
    /// All sources on one clock ([`Clock::identity`]) share one timer and one task, which runs on the background thread
    /// of the process; requests run where the [spawner](Self::spawner) runs them. Of many that are due at once, 5,000 are
    /// begun in a second. While the machine sleeps nothing is renewed: on the [`SystemClock`] what has become due is
    /// noticed within 5 s after it woke.
    pub fn keep_warm(mut self) -> Self {
        self.keep_warm = true;
        self
    }

    /// Renews the token only when it is used, as is the default.
    pub fn no_keep_warm(mut self) -> Self {
        self.keep_warm = false;
        self
    }

    /// Shares tokens with every cache that uses the same store and key, in this process or another: one of them at a
    /// time asks its source. `key` must differ wherever the source would ask for another token, as
    /// [`ClientCredentials::key`](crate::ClientCredentials::key) does.
    ///
    /// The store is not asked on a hit. If it fails or is slow, it is left alone for a while, and the source is
    /// asked directly ([`Status::store_failures`] counts that).
    pub fn store(mut self, store: impl TokenStore + 'static, key: TokenKey) -> Self {
        self.store = Some((Arc::new(store), key));
        self
    }

    /// How long a call of the store may take, but at most an eighth of
    /// [`acquire_timeout`](crate::RefreshPolicyBuilder::acquire_timeout). Default: 500 ms.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// For how long one cache has the right to ask its source, unless it is done before. Should be longer than a
    /// token request takes, or another one starts. Default: 10 s.
    ///
    /// Half of [`acquire_timeout`](crate::RefreshPolicyBuilder::acquire_timeout) is taken if that is less, since when
    /// the one who has it dies another has to have time. A cache without a token that has waited for another's for three
    /// quarters of `acquire_timeout` asks its source all the same.
    pub fn lease_ttl(mut self, ttl: Duration) -> Self {
        self.lease_ttl = ttl;
        self
    }

    /// The cache, empty. Nothing is fetched before it is needed.
    pub fn build(self) -> CachedTokenSource<S> {
        let limits = (self.store_timeout, self.lease_ttl);
        let is_plain = self.store.is_none() && self.name.is_none() && !self.keep_warm;
        let observer = Observer::new(self.name);
        let fleet = self.store.map(|place| {
            let (clock, spawner) = (Arc::clone(&self.clock), Arc::clone(&self.spawner));
            let settings = self.policy.settings();
            Fleet::new(place, limits, settings, clock, spawner, observer.clone())
        });
        let cache = Arc::new_cyclic(|this: &Weak<Cache<S>>| {
            let place = || Place::new(Weak::<Cache<S>>::clone(this), &self.clock);
            let extras = (!is_plain).then(|| {
                Box::new(Extras {
                    fleet: fleet.map(Arc::new),
                    observer,
                    kept_warm: self.keep_warm.then(place),
                })
            });
            Cache::new(self.source, extras, self.policy, self.clock, self.spawner)
        });
        CachedTokenSource { cache }
    }
}

impl<S> fmt::Debug for CachedTokenSourceBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedTokenSourceBuilder")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
