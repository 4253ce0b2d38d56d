//! Clearing away what is left of keys that are dead.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use oauth_core::{StoreError, StoredToken};

use crate::files::{Files, Locked};
use crate::private::{read, remove, try_lock};

/// For so long a key has to be dead, since a late holder of a lease may still come; and the directory is looked
/// through no more often.
const DAY: Duration = Duration::from_secs(86_400);
/// The file whose age tells when that was.
const MARK: &str = "swept";

impl Files {
    /// Removes the files of keys that have been dead for a day, once a day. What cannot be looked at or removed stays
    /// as it is.
    pub(crate) fn sweep(&self, wall: SystemTime) {
        let Some(_mark) = self.begin_sweep(wall) else {
            return;
        };
        for name in self.old_keys(wall) {
            // Whoever has the lock uses the key.
            if let Ok(Some(locked)) = self.lock(&name) {
                let _ = locked.clear_away(wall);
            }
        }
    }

    /// `None`: it is not time, or another process is at it.
    fn begin_sweep(&self, wall: SystemTime) -> Option<File> {
        let path = self.directory.join(MARK);
        if path.exists() && !is_old(&path, wall) {
            return None;
        }
        let mark = try_lock(&path).ok()??;
        mark.set_modified(wall).ok()?;
        Some(mark)
    }

    fn old_keys(&self, wall: SystemTime) -> BTreeSet<String> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        let names = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (key, what) = name.split_once('.')?;
            let is_ours = key.len() == 64
                && key.bytes().all(|byte| byte.is_ascii_hexdigit())
                && matches!(what, "token" | "lock" | "lease" | "new");
            (is_ours && is_old(&entry.path(), wall)).then(|| key.to_owned())
        });
        names.collect()
    }
}

impl Locked<'_> {
    /// Whose lock this was has it no more.
    fn clear_away(self, wall: SystemTime) -> Result<(), StoreError> {
        let files = ["token", "lease", "new", "lock"].map(|what| self.path(what));
        let is_used = files
            .iter()
            .any(|path| path.exists() && !is_old(path, wall));
        if is_used || self.token_may_live(wall)? || self.is_leased(wall)? {
            return Ok(());
        }
        let [token, lease, scratch, lock] = &files;
        for path in [token, lease, scratch] {
            remove(path)?;
        }
        // The last, and under the lock: whoever is waiting for this very file notices that it is gone.
        if cfg!(unix) { remove(lock) } else { Ok(()) }
    }

    /// A record of a version to come may be that of a token which lives.
    fn token_may_live(&self, wall: SystemTime) -> Result<bool, StoreError> {
        let Some(record) = read(&self.path("token"))? else {
            return Ok(false);
        };
        let token = StoredToken::decode(&record);
        Ok(!token.is_ok_and(|token| is_past(token.expires_at(), wall)))
    }
}

/// Whether it was last written a day ago.
fn is_old(path: &Path, wall: SystemTime) -> bool {
    let written = fs::symlink_metadata(path).and_then(|found| found.modified());
    written.is_ok_and(|written| is_past(written, wall))
}

fn is_past(moment: SystemTime, wall: SystemTime) -> bool {
    wall.duration_since(moment).is_ok_and(|since| since >= DAY)
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(
        clippy::disallowed_methods,
        clippy::unwrap_used,
        reason = "a test fails by panicking, and may have threads"
    )]

    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use oauth_core::{Clock, SystemClock};

    use super::*;
    use crate::private::make_directory;

    #[test]
    fn p12_a_lock_that_is_cleared_away_is_nobodys_lock_any_more() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("tokens");
        make_directory(&directory).unwrap();
        let files = Files { directory };
        let name = "a".repeat(64);
        let later = SystemClock::new().wall() + 2 * DAY;
        let is_in = AtomicBool::new(false);
        let work = || {
            for _ in 0..5_000 {
                let Some(locked) = files.lock(&name).unwrap() else {
                    continue;
                };
                assert!(!is_in.swap(true, Ordering::SeqCst), "two have the lock");
                thread::yield_now();
                is_in.store(false, Ordering::SeqCst);
                locked.clear_away(later).unwrap();
            }
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().for_each(|each| each.join().unwrap());
        });
        assert!(!files.path(&name, "lock").exists());
    }
}
