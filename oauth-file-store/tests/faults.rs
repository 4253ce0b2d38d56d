//! Files that are damaged or not ours, and processes that are killed or hang.

#![cfg(unix)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod rules;

use std::env;
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _, stdin, stdout};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{AccessToken, Clock, Instant, StoredToken, SystemClock, TokenKey, TokenStore};
use oauth_file_store::FileStore;
use oauth_testkit::ManualClock;
use rules::{eventually, lease, save, secret, token, token_from};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(3600);

/// Tells a process what to do: the mode, and the directory of the store.
const MODE: &str = "FILE_STORE_TEST_MODE";
const DIRECTORY: &str = "FILE_STORE_TEST_DIRECTORY";

fn key() -> TokenKey {
    TokenKey::builder("faults").build()
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn directory(&self) -> PathBuf {
        self.0.path().join("tokens")
    }

    fn store(&self) -> FileStore {
        FileStore::open(self.directory()).unwrap()
    }

    fn file(&self, what: &str) -> PathBuf {
        self.directory().join(format!("{}.{what}", key()))
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn nobody_else_can_read_what_it_makes() {
    let place = Place::new();
    let store = place.store();
    save(&store, &key(), &token("t", 1));
    let held = lease(&store, &key(), LONG).unwrap();
    block_on(store.release(&key(), held)).unwrap();
    assert_eq!(mode(&place.directory()), 0o700);
    let files: Vec<_> = fs::read_dir(place.directory()).unwrap().collect();
    assert_eq!(files.len(), 4, "token, lock and lease, and `swept`");
    for file in files {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[test]
fn a_token_that_has_expired_is_removed_when_it_is_looked_at() {
    let place = Place::new();
    let store = place.store();
    save(&store, &key(), &token("t", 1));
    let clock = ManualClock::starting_at(Instant::ORIGIN, SystemClock::new().wall() + 2 * LONG);
    assert_eq!(secret(&store.clone().with_clock(clock), &key()), None);
    assert!(!place.file("token").exists());
    assert_eq!(secret(&store, &key()), None);
}

/// As if nothing had been written to the directory for so long.
fn age(directory: &Path, duration: Duration) {
    let then = SystemClock::new().wall() - duration;
    for entry in fs::read_dir(directory).unwrap() {
        let file = File::options().write(true).open(entry.unwrap().path());
        file.unwrap().set_modified(then).unwrap();
    }
}

#[test]
fn once_a_day_what_is_left_of_dead_keys_is_removed_and_nothing_else() {
    let place = Place::new();
    let store = place.store();
    let now = SystemClock::new().wall();
    let another = |name: &str| TokenKey::builder("faults").field("name", name).build();
    let (dead, unused, alive, later) = (
        another("dead"),
        another("unused"),
        another("alive"),
        another("later"),
    );
    let files = |key: &TokenKey| {
        let all = fs::read_dir(place.directory()).unwrap();
        let names = all.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains(&key.to_string())).count()
    };
    for key in [dead, alive, later] {
        let held = lease(&store, &key, LONG).unwrap();
        save(&store, &key, &token_from("t", 1, now - 50 * LONG));
        block_on(store.release(&key, held)).unwrap();
    }
    let built = AccessToken::builder("t").build().unwrap();
    save(&store, &alive, &StoredToken::new(built, now, now + LONG));
    let of_later = place.directory().join(format!("{later}.token"));
    let record = fs::read_to_string(&of_later).unwrap();
    fs::write(&of_later, record.replace("\"version\":1", "\"version\":2")).unwrap();
    fs::write(place.directory().join("notes.txt"), "not ours").unwrap();

    age(&place.directory(), 23 * LONG);
    let _ = place.store();
    assert_eq!(files(&dead), 3, "it may be used still");

    age(&place.directory(), 25 * LONG);
    save(&store, &unused, &token_from("t", 1, now - 50 * LONG));
    let _ = place.store();
    assert_eq!(files(&dead), 0);
    assert_eq!(files(&unused), 2, "it was used just now");
    assert_eq!(secret(&store, &alive).as_deref(), Some("t"));
    assert_eq!(files(&alive), 3);
    assert_eq!(files(&later), 3);
    assert!(place.directory().join("notes.txt").exists());
    // A key that was removed is as good as new.
    let held = lease(&store, &dead, LONG).unwrap();
    save(&store, &dead, &token("u", held.fencing()));
    assert_eq!(secret(&place.store(), &dead).as_deref(), Some("u"));
}

#[test]
fn a_directory_that_others_can_get_at_is_refused() {
    let place = Place::new();
    let store = place.store();
    set_mode(&place.directory(), 0o750);
    let errors = [
        FileStore::open(place.directory()).unwrap_err().to_string(),
        block_on(store.load(&key())).unwrap_err().to_string(),
        block_on(store.save(&key(), &token("t", 1)))
            .unwrap_err()
            .to_string(),
    ];
    for error in errors {
        assert!(
            error.contains(place.directory().to_str().unwrap()),
            "{error}"
        );
        assert!(error.contains("0750") && error.contains("0700"), "{error}");
    }
}

#[test]
fn a_file_that_others_can_read_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let store = place.store();
    save(&store, &key(), &token("t", 1));
    let file = place.file("token");
    set_mode(&file, 0o644);
    let errors = [
        block_on(store.load(&key())).unwrap_err().to_string(),
        block_on(store.save(&key(), &token("u", 2)))
            .unwrap_err()
            .to_string(),
        block_on(store.remove(&key(), &token("t", 1)))
            .unwrap_err()
            .to_string(),
    ];
    for error in errors {
        assert!(error.contains(file.to_str().unwrap()), "{error}");
        assert!(error.contains("0644") && error.contains("0600"), "{error}");
    }
    set_mode(&file, 0o600);
    assert_eq!(secret(&store, &key()).as_deref(), Some("t"));
}

#[test]
fn what_belongs_to_somebody_else_is_refused() {
    // `/` is root's; to root, whatever another user has.
    let theirs = if rustix::process::geteuid().is_root() {
        let place = Place::new();
        let directory = place.0.keep();
        std::os::unix::fs::chown(&directory, Some(65534), None).unwrap();
        set_mode(&directory, 0o700);
        directory
    } else {
        PathBuf::from("/")
    };
    let error = FileStore::open(&theirs).unwrap_err().to_string();
    assert!(error.contains("belongs to user"), "{error}");
    if theirs != Path::new("/") {
        fs::remove_dir(theirs).unwrap();
    }
}

#[test]
fn a_link_or_something_else_in_place_of_a_file_is_refused() {
    let place = Place::new();
    let store = place.store();
    let elsewhere = place.0.path().join("elsewhere");
    fs::write(&elsewhere, token("t", 1).encode()).unwrap();
    set_mode(&elsewhere, 0o600);
    symlink(&elsewhere, place.file("token")).unwrap();
    block_on(store.load(&key())).unwrap_err();
    fs::remove_file(place.file("token")).unwrap();
    fs::create_dir(place.file("token")).unwrap();
    block_on(store.load(&key())).unwrap_err();

    let file = place.0.path().join("file");
    fs::write(&file, "").unwrap();
    FileStore::open(&file).unwrap_err();
}

#[test]
fn p11_a_file_cut_off_at_any_byte_or_of_a_version_to_come_is_no_token() {
    let place = Place::new();
    let store = place.store();
    save(&store, &key(), &token("secret", 1));
    let record = fs::read(place.file("token")).unwrap();
    let put = |content: &[u8]| fs::write(place.file("token"), content).unwrap();
    for length in 0..record.len() {
        put(&record[..length]);
        assert_eq!(secret(&store, &key()), None, "{length}");
    }
    put(&[0xff; 4096]);
    assert_eq!(secret(&store, &key()), None);
    let later = String::from_utf8(record.clone()).unwrap();
    let later = later.replace("\"version\":1", "\"version\":2");
    assert_ne!(later.as_bytes(), record);
    put(later.as_bytes());
    assert_eq!(secret(&store, &key()), None);
    // The next token takes its place.
    save(&store, &key(), &token("next", 1));
    assert_eq!(secret(&store, &key()).as_deref(), Some("next"));
}

#[test]
fn a_damaged_file_of_a_lease_is_none_and_its_number_goes_on_from_the_token() {
    let place = Place::new();
    let store = place.store();
    save(&store, &key(), &token("t", 41));
    for garbage in ["", "oauth-lease-1 99", "oauth-lease-2 99 1 2 .\n"] {
        fs::write(place.file("lease"), garbage).unwrap();
        set_mode(&place.file("lease"), 0o600);
        assert_eq!(lease(&store, &key(), LONG).unwrap().fencing(), 42);
    }
}

#[test]
fn what_a_killed_process_left_behind_is_in_nobodys_way() {
    let place = Place::new();
    let store = place.store();
    fs::write(place.file("new"), "half of someth").unwrap();
    set_mode(&place.file("new"), 0o644);
    save(&store, &key(), &token("t", 1));
    assert_eq!(secret(&store, &key()).as_deref(), Some("t"));
    assert!(!place.file("new").exists());
}

#[test]
fn p12_a_process_killed_while_it_writes_leaves_a_whole_token_and_no_lock() {
    let place = Place::new();
    let store = place.store();
    let mut newest = 0;
    for round in 0..30 {
        let mut writer = Process::start("write", &place);
        // At another byte each time.
        for _ in 0..=round % 7 {
            writer.line();
        }
        writer.kill();
        let found = block_on(store.load(&key())).unwrap().expect("a token");
        let text = found.token().secret();
        assert_eq!(text.len(), text.find('-').unwrap() + 1 + LENGTH);
        assert!(found.fencing() > newest, "its writer was told it is there");
        newest = found.fencing() + 1;
        save(
            &store,
            &key(),
            &token(&format!("{newest}-{}", "y".repeat(LENGTH)), newest),
        );
        assert_eq!(
            block_on(store.load(&key())).unwrap().unwrap().fencing(),
            newest
        );
    }
}

#[test]
fn p12_the_lease_of_a_process_ends_when_it_is_killed() {
    let place = Place::new();
    let store = place.store();
    for _ in 0..5 {
        let mut holder = Process::start("hold", &place);
        let fencing: u64 = holder.line().parse().unwrap();
        assert_eq!(lease(&store, &key(), LONG), None);
        holder.kill();
        let next = lease(&store, &key(), LONG).expect("at once");
        assert!(next.fencing() > fencing);
        block_on(store.release(&key(), next)).unwrap();
    }
}

#[test]
fn p12_the_lease_of_a_process_that_hangs_ends_after_its_time() {
    let place = Place::new();
    let store = place.store();
    let mut holder = Process::start("hold-briefly", &place);
    let fencing: u64 = holder.line().parse().unwrap();
    holder.signal(Signal::STOP);
    let next = eventually("the end of the lease", || lease(&store, &key(), LONG));
    assert!(next.fencing() > fencing);
    holder.kill();
    assert_eq!(
        lease(&place.store(), &key(), LONG),
        None,
        "its death ends only its own"
    );
}

const LENGTH: usize = 20_000;

/// Does what it is told by the variables of its environment; among the tests, nothing.
#[test]
fn a_process_of_its_own() {
    let Ok(mode) = env::var(MODE) else {
        return;
    };
    let store = FileStore::open(env::var_os(DIRECTORY).unwrap()).unwrap();
    let say = |what: u64| {
        println!("\n>{what}");
        stdout().flush().unwrap();
    };
    let hold = |ttl| {
        say(lease(&store, &key(), ttl).unwrap().fencing());
        // Until it is killed, or whoever started it is.
        let _ = stdin().read(&mut [0]);
    };
    match mode.as_str() {
        "hold" => hold(LONG),
        "hold-briefly" => hold(Duration::from_millis(500)),
        "write" => {
            let found = block_on(store.load(&key())).unwrap();
            let first = found.map_or(1, |found| found.fencing() + 1);
            for fencing in first.. {
                let secret = format!("{fencing}-{}", "x".repeat(LENGTH));
                save(&store, &key(), &token(&secret, fencing));
                say(fencing);
            }
        }
        other => panic!("{other}"),
    }
}

struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    fn start(mode: &str, place: &Place) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "a_process_of_its_own", "--nocapture"])
            .env(MODE, mode)
            .env(DIRECTORY, place.directory())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing it says.
    fn line(&mut self) -> String {
        loop {
            let line = self.lines.next().expect("it has ended").unwrap();
            if let Some(said) = line.strip_prefix('>') {
                return said.to_owned();
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// As `kill -9` does.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
