//! The store.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oauth_core::{
    Clock, Lease, StoreError, StoredToken, SystemClock, TokenKey, TokenStore, async_trait,
};

use crate::files::{Files, Locked};
use crate::private::{check_directory, make_directory};
use crate::worker;

/// While another process has the lock, which takes it no longer than a write.
const PAUSE: Duration = Duration::from_millis(5);

/// A [`TokenStore`] in a directory of a local file system. Clones are one store. It needs no async runtime: its calls
/// wait for the disk on a thread of this crate.
///
/// # Contract
///
/// - The directory has mode 0700 and the files have 0600. What others can get at, or what belongs to
///   somebody else, is refused and left as it is: the error names the path and the mode. (On Windows the rights are
///   those that the directory hands down, and are not checked.)
/// - A file is replaced as a whole: whenever a process is killed, or the machine loses power, the old token or the new
///   one is there. A file that holds no token of this version is taken for none.
/// - Processes exclude each other by advisory locks, which end with the process that holds them.
/// - A lease ends when its process does, at once, also by `kill -9`; when the last clone of the store is dropped; and
///   after its time, also if its process hangs.
/// - A token that has expired is removed when it is next looked at. Once a day [`open`](Self::open) looks through the
///   directory, and removes what is left of keys whose token has been dead, and which nobody has used, for a day.
///
/// Network file systems are not suited: some of them ignore locks, or keep those of the dead.
///
/// # Errors
///
/// [`StoreError`] with the path and the cause.
///
/// # Examples
///
/// ```
/// use oauth_core::{AccessToken, Clock, StoredToken, SystemClock, TokenKey, TokenStore};
/// use oauth_file_store::FileStore;
/// use std::time::Duration;
///
/// # let home = tempfile::tempdir()?;
/// # let directory = home.path().join("tokens");
/// # futures_executor::block_on(async {
/// let store = FileStore::open(directory)?;
/// let key = TokenKey::builder("example").field("tenant", "a").build();
/// let now = SystemClock::new().wall();
/// let token = AccessToken::builder("secret").build()?;
///
/// store.save(&key, &StoredToken::new(token, now, now + Duration::from_secs(60))).await?;
/// assert_eq!(store.load(&key).await?.unwrap().token().secret(), "secret");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileStore {
    files: Arc<Files>,
    clock: Arc<dyn Clock>,
    /// The files of the leases in hand, which are locked as long as they are open.
    held: Arc<Mutex<HashMap<TokenKey, (Lease, File)>>>,
}

impl FileStore {
    /// A store in this directory, which is made, with those above it, if it is not there. Touches the disk.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made, is none, is not ours, or can be got at by others.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let directory = directory.into();
        make_directory(&directory)?;
        check_directory(&directory)?;
        let (files, clock) = (Files { directory }, SystemClock::new());
        files.sweep(clock.wall());
        Ok(Self {
            files: Arc::new(files),
            clock: Arc::new(clock),
            held: Arc::default(),
        })
    }

    /// The same store, judging by the wall clock of `clock`. Default: the machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Does `work` on the thread for files while it has the lock of the key.
    async fn locked<T: Send + 'static>(
        &self,
        key: &TokenKey,
        work: impl Fn(&Self, &Locked<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let work = Arc::new(work);
        loop {
            let (this, name, work) = (self.clone(), key.to_string(), Arc::clone(&work));
            let attempt = move || match this.files.lock(&name)? {
                Some(locked) => work(&this, &locked).map(Some),
                None => Ok(None),
            };
            if let Some(outcome) = worker::run(attempt).await? {
                return Ok(outcome);
            }
            SystemClock::new().sleep(PAUSE).await;
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<TokenKey, (Lease, File)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenStore for FileStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let (files, key, wall) = (Arc::clone(&self.files), *key, self.clock.wall());
        worker::run(move || files.load(&key, wall)).await
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let token = token.clone();
        self.locked(key, move |this, files| {
            files.save(&token, this.clock.wall())
        })
        .await
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let token = token.token().clone();
        self.locked(key, move |_, files| files.remove(token.secret()))
            .await
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let leased = self
            .locked(key, move |this, files| files.lease(this.clock.wall(), ttl))
            .await?;
        // If nobody waits for it any more, the file is closed and the lease has ended.
        Ok(leased.map(|(lease, file)| {
            self.held().insert(*key, (lease, file));
            lease
        }))
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        let of = *key;
        self.locked(key, move |this, files| {
            files.release(lease)?;
            let mut held = this.held();
            if held.get(&of).is_some_and(|(held, _)| *held == lease) {
                held.remove(&of);
            }
            Ok(())
        })
        .await
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("directory", &self.files.directory)
            .finish_non_exhaustive()
    }
}
