//! Every error of this crate as its reader gets to see it. `INSTA_UPDATE=always` takes new texts over.

// Rights, in the words of the system.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{AccessToken, Clock, StoredToken, SystemClock, TokenKey, TokenStore};
use oauth_file_store::FileStore;
use oauth_testkit::Messages;

#[test]
fn p09_each_message_is_the_one_on_record_and_shows_no_secret() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let mut messages = Messages::new();

    fs::write(path("file"), "").unwrap();
    messages.add_err("a file for a directory", FileStore::open(path("file")));
    messages.add_err(
        "a directory below a file",
        FileStore::open(path("file/tokens")),
    );
    fs::create_dir(path("open")).unwrap();
    fs::set_permissions(path("open"), Permissions::from_mode(0o755)).unwrap();
    messages.add_err(
        "a directory that others can read",
        FileStore::open(path("open")),
    );
    let (other, us) = directory_of_another(&path("others"));
    let others = FileStore::open(&other);
    messages.add_err("a directory of somebody else", others);

    let store = FileStore::open(path("tokens")).unwrap();
    let key = TokenKey::builder("messages").build();
    let now = SystemClock::new().wall();
    let token = AccessToken::builder("t0p-s3cret").build().unwrap();
    let token = StoredToken::new(token, now, now + Duration::from_secs(3600));
    block_on(store.save(&key, &token)).unwrap();
    let file = path("tokens").join(format!("{key}.token"));
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    messages.add_err("a file that others can read", block_on(store.load(&key)));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    messages.add_err("a directory for a file", block_on(store.load(&key)));
    fs::remove_dir(&file).unwrap();
    symlink("/etc/hostname", &file).unwrap();
    messages.add_err("a link for a file", block_on(store.load(&key)));
    fs::remove_dir_all(path("tokens")).unwrap();
    messages.add_err(
        "a directory that has gone",
        block_on(store.save(&key, &token)),
    );

    messages.assert_free_of(&["t0p-s3cret"]);
    let text = messages.to_string();
    let text = text
        .replace(other.to_str().unwrap(), "<other>")
        .replace("belongs to user 0,", "belongs to user <other>,")
        .replace("belongs to user 1,", "belongs to user <other>,")
        .replace(&format!("runs as user {us}"), "runs as user <us>");
    let text = text.replace(home.path().to_str().unwrap(), "<home>");
    insta::assert_snapshot!("file_store", text.replace(&key.to_string(), "<key>"));
}

/// A directory of user 0, or for user 0 one of another, and who we are.
fn directory_of_another(path: &Path) -> (PathBuf, u32) {
    fs::create_dir(path).unwrap();
    let us = fs::metadata(path).unwrap().uid();
    if us != 0 {
        return ("/usr".into(), us);
    }
    chown(path, Some(1), None).unwrap();
    (path.to_owned(), us)
}
