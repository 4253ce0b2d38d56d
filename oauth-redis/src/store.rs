//! The store.

use std::fmt::{self, Write as _};
use std::future::{pending, ready};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use oauth_core::{
    Clock, Lease, StoreError, StoredToken, SystemClock, TokenKey, TokenStore, async_trait,
};
use redis::{Client, IntoConnectionInfo};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::connection::{Connection, Timeouts};
use crate::engine_time::EngineTime;
use crate::error::store_error;
use crate::keys::Names;
use crate::observe;
use crate::runtime;
use crate::scripts::Scripts;
use crate::wakeups::Wakeups;

/// The engine keeps no key longer than this.
const LONGEST_LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);
/// For so long after the end of a token or lease the fencing number is kept: a late holder may still come.
const LATE: Duration = Duration::from_secs(86_400);

/// A [`TokenStore`] on Redis or Valkey. Clones share one connection, which is made when it is first needed and made
/// anew when it breaks. It works inside of any async runtime and outside of one: the connection lives on a
/// thread of this crate.
///
/// # Contract
///
/// - The engine's clock alone decides when a lease ends and how much of a token's life is left: the machines need not
///   agree about the time.
/// - Fencing numbers go on growing when the engine is flushed, or replaced by a replica that lags behind.
/// - A record that cannot be read is taken for no token, and logged.
/// - A lease that is granted after its caller has gone is given back at once.
///
/// # Errors
///
/// [`StoreError`] when the engine cannot be reached, does not answer in time, or refuses. Its text names what was
/// asked and the code of the engine's error, and quotes no more of it than is certain to hold no token.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), oauth_core::StoreError> {
/// use oauth_redis::RedisStore;
///
/// let store = RedisStore::open("redis://localhost")?;
/// // Only if the program should not start without it.
/// store.connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Arc<Connection>,
    names: Names,
    scripts: Scripts,
    wakeups: Option<Wakeups>,
    clock: Arc<dyn Clock>,
    time: EngineTime,
}

/// What an error about a URL begins with. The URL itself may hold a password.
const URL: &str =
    "the URL cannot be used; write it like redis://HOST:PORT/DATABASE, or rediss:// for TLS";

impl RedisStore {
    /// A store at this URL, with the default settings: `redis://[USER]:[PASSWORD]@HOST:PORT/DATABASE`, `rediss://…`
    /// for TLS, `unix:///PATH`, or connection information. It does not connect yet.
    ///
    /// # Errors
    ///
    /// If the URL cannot be understood. Nothing of it is quoted, since it may hold a password.
    pub fn open(url: impl IntoConnectionInfo) -> Result<Self, StoreError> {
        let client = Client::open(url).map_err(|error| store_error(URL, &error))?;
        Self::builder(client).build()
    }

    /// Starts a store with a client of yours: with certificates, credentials, or TCP settings.
    pub fn builder(client: Client) -> RedisStoreBuilder {
        RedisStoreBuilder {
            client,
            prefix: "oauth:".into(),
            timeouts: Timeouts {
                connection: Duration::from_secs(5),
                response: Duration::from_secs(10),
            },
            notifications: false,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Connects, and looks for a token that is not there. Nobody has to call this: the first call of the store
    /// connects too.
    ///
    /// # Errors
    ///
    /// If the engine cannot be reached, or refuses.
    pub async fn connect(&self) -> Result<(), StoreError> {
        let nowhere = TokenKey::builder("oauth-redis: connect").build();
        self.load(&nowhere).await.map(drop)
    }

    /// Runs `work` on the thread of the connections.
    async fn run<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        runtime::run(work(Arc::clone(&self.inner)), |_| ready(())).await
    }
}

#[async_trait]
impl TokenStore for RedisStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let key = *key;
        self.run(move |inner| async move { inner.load(&key).await })
            .await
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let (key, token) = (*key, token.clone());
        self.run(move |inner| async move { inner.save(&key, &token).await })
            .await
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let (key, digest) = (*key, digest(token));
        self.run(move |inner| async move { inner.remove(&key, &digest).await })
            .await
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let (key, inner) = (*key, Arc::clone(&self.inner));
        let giver_back = Arc::clone(&self.inner);
        runtime::run(
            async move { inner.lease(&key, ttl).await },
            move |unwanted| async move {
                if let Some(lease) = unwanted {
                    // If it fails, the lease ends by itself.
                    let _ = giver_back.release(&key, lease).await;
                }
            },
        )
        .await
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        let key = *key;
        self.run(move |inner| async move { inner.release(&key, lease).await })
            .await
    }

    async fn changed(&self, key: &TokenKey) {
        match &self.inner.wakeups {
            Some(wakeups) => wakeups.changed(key).await,
            None => pending().await,
        }
    }
}

impl Inner {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        // Before the engine looks: what the answer takes is then counted as part of the life.
        let asked_at = self.clock.wall();
        let mut script = self.scripts.load.prepare_invoke();
        script.key(self.names.token(key));
        let (record, left, time): (Option<Vec<u8>>, i64, u64) =
            self.connection.run("load", &script).await?;
        self.time.told(time, self.clock.now());
        let Some(record) = record.map(Zeroizing::new) else {
            return Ok(None);
        };
        let found = match StoredToken::decode(&record) {
            Ok(found) => found,
            Err(error) => {
                observe::unreadable(key, &error);
                return Ok(None);
            }
        };
        let Ok(left) = u64::try_from(left) else {
            // Somebody took the end of its life away: what it says of itself still holds.
            return Ok(Some(found));
        };
        let lifetime = found.lifetime();
        let left = Duration::from_millis(left).min(lifetime);
        let expires_at = asked_at.checked_add(left).unwrap_or(asked_at);
        let requested_at = expires_at.checked_sub(lifetime).unwrap_or(UNIX_EPOCH);
        let placed = StoredToken::new(found.token().clone(), requested_at, expires_at);
        Ok(Some(placed.with_fencing(found.fencing())))
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let time = self.engine_time("save").await?;
        let left = token.remaining_life(self.clock.wall()).min(LONGEST_LIFE);
        if left < Duration::from_millis(1) {
            return Ok(());
        }
        let requested_at = token.requested_at().duration_since(UNIX_EPOCH);
        let rank = format!(
            "{:020}{:020}",
            token.fencing(),
            millis(requested_at.unwrap_or_default())
        );
        let record = token.encode();
        let mut script = self.scripts.save.prepare_invoke();
        script
            .key(self.names.token(key))
            .key(self.names.fencing(key))
            .arg(record.as_ref())
            .arg(rank)
            .arg(digest(token))
            .arg(millis(time + left))
            .arg(millis(left))
            .arg(millis(left + LATE))
            .arg(self.channel(key));
        self.connection.run("save", &script).await
    }

    /// What the engine told with the last answer, as a rule: to ask costs the time of an answer.
    async fn engine_time(&self, what: &str) -> Result<Duration, StoreError> {
        if let Some(time) = self.time.at(self.clock.now()) {
            return Ok(time);
        }
        let now = self.scripts.now.prepare_invoke();
        let time = self.connection.run(what, &now).await?;
        self.time.told(time, self.clock.now());
        Ok(Duration::from_millis(time))
    }

    async fn remove(&self, key: &TokenKey, digest: &str) -> Result<(), StoreError> {
        let mut script = self.scripts.remove.prepare_invoke();
        script.key(self.names.token(key)).arg(digest);
        self.connection.run("remove", &script).await
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        // A key lasts until its last millisecond is over, and a lease no longer than it may.
        let tick = Duration::from_millis(1);
        let ttl = ttl.saturating_sub(tick).clamp(tick, LONGEST_LIFE);
        let mut script = self.scripts.lease.prepare_invoke();
        script
            .key(self.names.lease(key))
            .key(self.names.fencing(key))
            .arg(millis(ttl))
            .arg(millis(ttl + LATE));
        let fencing: Option<u64> = self.connection.run("lease", &script).await?;
        Ok(fencing.map(Lease::new))
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        let mut script = self.scripts.release.prepare_invoke();
        script
            .key(self.names.lease(key))
            .arg(lease.fencing())
            .arg(self.channel(key));
        self.connection.run("release", &script).await
    }

    /// Where to tell of changes; nothing if nobody is to be told.
    fn channel(&self, key: &TokenKey) -> String {
        match self.wakeups {
            Some(_) => self.names.channel(key),
            None => String::new(),
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("connection", &self.connection)
            .field("names", &self.names)
            .field("notifications", &self.wakeups.is_some())
            .finish_non_exhaustive()
    }
}

/// Builds a [`RedisStore`]; made by [`RedisStore::builder`].
#[must_use]
pub struct RedisStoreBuilder {
    client: Client,
    prefix: String,
    timeouts: Timeouts,
    notifications: bool,
    clock: Arc<dyn Clock>,
}

impl RedisStoreBuilder {
    /// What the names of all keys and channels begin with, without braces. Default: `oauth:`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long the engine may take to be connected to, with TLS and login. Default: 5 s.
    ///
    /// Nobody has to wait that long: a cache gives a call up after its own
    /// [`store_timeout`](oauth_core::CachedTokenSourceBuilder::store_timeout), and the connection is there for the next.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.connection = timeout;
        self
    }

    /// How long the engine may take to answer before the connection is given up. Default: 10 s. An answer that
    /// comes within it, after the caller has gone, is still of use: it tells of a lease to be given back.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.response = timeout;
        self
    }

    /// Tells those who wait for a token when one is saved or a lease given back, by publish/subscribe, on a second
    /// connection that is made when somebody first waits. All processes must have it to tell each other. Without it
    /// they look from time to time, at most half a second apart.
    pub fn notifications(mut self) -> Self {
        self.notifications = true;
        self
    }

    /// The wall clock on which lives are placed: that of the cache. Default: the machine's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store. It does not connect yet.
    ///
    /// # Errors
    ///
    /// If the prefix holds a brace.
    pub fn build(self) -> Result<RedisStore, StoreError> {
        let names = Names::new(self.prefix)?;
        let connection = Arc::new(Connection::new(self.client, self.timeouts));
        let wakeups = self
            .notifications
            .then(|| Wakeups::new(Arc::clone(&connection), names.clone()));
        Ok(RedisStore {
            inner: Arc::new(Inner {
                connection,
                names,
                scripts: Scripts::new(),
                wakeups,
                clock: self.clock,
                time: EngineTime::default(),
            }),
        })
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("timeouts", &self.timeouts)
            .field("notifications", &self.notifications)
            .finish_non_exhaustive()
    }
}

/// Tells a token by its secret without telling the secret.
fn digest(token: &StoredToken) -> String {
    let digest = Sha256::digest(token.token().secret());
    let mut hex = String::with_capacity(64);
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
