//! The files of a store, and what is done with them while one has the lock.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use oauth_core::{Lease, StoreError, StoredToken, TokenKey};

use crate::lease::LeaseRecord;
use crate::observe;
use crate::private::{How, check_directory, is_there, read, remove, replace, try_lock};

/// For each key: `KEY.token`; `KEY.lock`, which is held while something is changed; `KEY.lease`, which the holder of
/// the lease keeps locked, so that its death is noticed at once; and `KEY.new`, which is to become one of them. Beside them
/// there is `swept`, see `sweep.rs`.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) directory: PathBuf,
}

impl Files {
    pub(crate) fn load(
        &self,
        key: &TokenKey,
        wall: SystemTime,
    ) -> Result<Option<StoredToken>, StoreError> {
        check_directory(&self.directory)?;
        let name = key.to_string();
        match self.token(&name)? {
            Some(found) if found.expires_at() <= wall => {
                // It may have been replaced meanwhile. If it cannot be removed, it is dead all the same.
                if let Ok(Some(locked)) = self.lock(&name) {
                    let _ = locked.remove_dead_token(wall);
                }
                Ok(None)
            }
            found => Ok(found),
        }
    }

    /// `None`: somebody else is at it.
    pub(crate) fn lock(&self, name: &str) -> Result<Option<Locked<'_>>, StoreError> {
        check_directory(&self.directory)?;
        let lock = try_lock(&self.path(name, "lock"))?;
        // One that was cleared away before it was locked is not the one that others lock.
        Ok(lock.filter(is_there).map(|lock| Locked {
            files: self,
            name: name.to_owned(),
            _lock: lock,
        }))
    }

    fn token(&self, name: &str) -> Result<Option<StoredToken>, StoreError> {
        let path = self.path(name, "token");
        let Some(record) = read(&path)? else {
            return Ok(None);
        };
        match StoredToken::decode(&record) {
            Ok(found) => Ok(Some(found)),
            Err(error) => {
                observe::unreadable(&path, &error);
                Ok(None)
            }
        }
    }

    pub(crate) fn path(&self, name: &str, what: &str) -> PathBuf {
        self.directory.join(format!("{name}.{what}"))
    }
}

/// The files of one key, while nobody else changes them.
pub(crate) struct Locked<'a> {
    files: &'a Files,
    name: String,
    _lock: File,
}

impl Locked<'_> {
    pub(crate) fn save(&self, token: &StoredToken, wall: SystemTime) -> Result<(), StoreError> {
        let there = self.files.token(&self.name)?;
        let stays = |there: &StoredToken| there.expires_at() > wall && !token.replaces(there);
        if there.as_ref().is_some_and(stays) {
            return Ok(());
        }
        self.replace("token", &token.encode(), How::Durable)?;
        Ok(())
    }

    pub(crate) fn remove(&self, secret: &str) -> Result<(), StoreError> {
        self.remove_token_if(|there| there.token().secret() == secret)
    }

    fn remove_dead_token(&self, wall: SystemTime) -> Result<(), StoreError> {
        self.remove_token_if(|there| there.expires_at() <= wall)
    }

    fn remove_token_if(&self, is_it: impl Fn(&StoredToken) -> bool) -> Result<(), StoreError> {
        match self.files.token(&self.name)? {
            Some(there) if is_it(&there) => remove(&self.path("token")),
            _ => Ok(()),
        }
    }

    /// The lease, and the file that is locked as long as it is open.
    pub(crate) fn lease(
        &self,
        wall: SystemTime,
        ttl: Duration,
    ) -> Result<Option<(Lease, File)>, StoreError> {
        if self.is_leased(wall)? && self.is_held()? {
            return Ok(None);
        }
        let last = self.last_lease()?.map_or(0, |last| last.fencing);
        // The file may have been lost.
        let of_token = self.files.token(&self.name)?;
        let of_token = of_token.map_or(0, |token| token.fencing());
        let fencing = last.max(of_token).saturating_add(1);
        let record = LeaseRecord::new(fencing, wall, ttl);
        let file = self.replace("lease", record.encode().as_bytes(), How::Locked)?;
        Ok(Some((Lease::new(fencing), file)))
    }

    pub(crate) fn release(&self, lease: Lease) -> Result<(), StoreError> {
        let last = self.last_lease()?;
        if let Some(last) = last.filter(|last| last.fencing == lease.fencing()) {
            self.replace("lease", last.ended().encode().as_bytes(), How::Plain)?;
        }
        Ok(())
    }

    /// Whether the time of the last lease is not over.
    pub(crate) fn is_leased(&self, wall: SystemTime) -> Result<bool, StoreError> {
        Ok(self.last_lease()?.is_some_and(|last| last.is_current(wall)))
    }

    fn last_lease(&self) -> Result<Option<LeaseRecord>, StoreError> {
        let record = read(&self.path("lease"))?;
        Ok(record.and_then(|record| LeaseRecord::decode(&record)))
    }

    /// Whether the holder lives: the lock goes with its process.
    fn is_held(&self) -> Result<bool, StoreError> {
        Ok(try_lock(&self.path("lease"))?.is_none())
    }

    fn replace(&self, what: &str, content: &[u8], how: How) -> Result<File, StoreError> {
        replace(&self.path(what), &self.path("new"), content, how)
    }

    pub(crate) fn path(&self, what: &str) -> PathBuf {
        self.files.path(&self.name, what)
    }
}
