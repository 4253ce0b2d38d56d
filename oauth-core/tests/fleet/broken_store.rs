//! A store that does to each call what the test says.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_core::{Lease, StoreError, StoredToken, TokenKey, TokenStore, async_trait};

use crate::processes::{World, world};

/// Does to each call what the test says.
#[derive(Clone)]
pub(crate) struct Broken {
    inner: Arc<dyn TokenStore>,
    how: Arc<Mutex<How>>,
    /// So many calls work in any case.
    works: usize,
    calls: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
pub(crate) enum How {
    Works,
    Fails,
    Hangs,
    Panics,
    FailsToSave,
    HangsWhenItSaves,
    GrantsNoLease,
    /// All the time.
    SaysThatItChanges,
    PanicsWhileItIsWaitedFor,
}

impl Broken {
    pub(crate) fn set(&self, how: How) {
        *self.how.lock().unwrap() = how;
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn go(&self, what: &str) -> Result<(), StoreError> {
        let calls_before = self.calls.fetch_add(1, Ordering::SeqCst);
        match self.how() {
            _ if calls_before < self.works => Ok(()),
            How::Fails => Err(StoreError::new("out of order")),
            How::Hangs => pending().await,
            How::Panics => panic!("a bug in a user's store"),
            How::FailsToSave if what == "save" => Err(StoreError::new("no right to do that")),
            How::HangsWhenItSaves if what == "save" => pending().await,
            _ => Ok(()),
        }
    }

    fn how(&self) -> How {
        *self.how.lock().unwrap()
    }
}

#[async_trait]
impl TokenStore for Broken {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        self.go("load").await?;
        self.inner.load(key).await
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        self.go("save").await?;
        self.inner.save(key, token).await
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        self.go("remove").await?;
        self.inner.remove(key, token).await
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        self.go("lease").await?;
        if matches!(self.how(), How::GrantsNoLease) {
            return Ok(None);
        }
        self.inner.lease(key, ttl).await
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        self.go("release").await?;
        self.inner.release(key, lease).await
    }

    async fn changed(&self, _: &TokenKey) {
        match self.how() {
            How::SaysThatItChanges if self.calls() < 1000 => {}
            How::PanicsWhileItIsWaitedFor => panic!("a bug in a user's store"),
            _ => pending().await,
        }
    }
}

pub(crate) fn broken_world(how: How) -> (World, Broken) {
    world_that_breaks_after(0, how)
}

pub(crate) fn world_that_breaks_after(works: usize, how: How) -> (World, Broken) {
    let mut world = world();
    let broken = Broken {
        inner: Arc::clone(&world.store),
        how: Arc::new(Mutex::new(how)),
        works,
        calls: Arc::default(),
    };
    world.store = Arc::new(broken.clone());
    (world, broken)
}
