//! What a store gets to see, and what becomes of records that do not open.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../../oauth-file-store/tests/rules/mod.rs"]
mod rules;

use std::sync::Arc;
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{
    AccessToken, Clock, MemoryStore, Scopes, StoredToken, SystemClock, TokenKey, TokenStore,
};
use oauth_encrypted_store::{EncryptedStore, InvalidKey, KeyRing};
use oauth_testkit::Recording;
use rules::{key, save, secret, token};

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(SystemClock::new()))
}

fn around(inside: &Arc<MemoryStore>, keys: KeyRing) -> EncryptedStore<Arc<MemoryStore>> {
    EncryptedStore::new(Arc::clone(inside), keys)
}

fn ring(byte: u8) -> KeyRing {
    KeyRing::from_bytes([byte; 32])
}

fn record(inside: &MemoryStore, key: &TokenKey) -> StoredToken {
    block_on(inside.load(key)).unwrap().unwrap()
}

/// The same record with another secret, as somebody puts it there who may write to the store inside.
fn put(inside: &MemoryStore, key: &TokenKey, record: &StoredToken, secret: &str) {
    let token = AccessToken::builder(secret.to_owned()).build().unwrap();
    let changed = StoredToken::new(token, record.requested_at(), record.expires_at());
    save(inside, key, &changed.with_fencing(record.fencing()));
}

#[test]
fn p09_the_store_inside_sees_nothing_of_the_token() {
    let (inside, key) = (memory(), key());
    let now = SystemClock::new().wall();
    let built = AccessToken::builder("the-secret")
        .scopes("the-scope".parse::<Scopes>().unwrap())
        .extra("the-extra", serde_json::json!("the-value"))
        .build()
        .unwrap();
    let saved = StoredToken::new(built, now, now + Duration::from_secs(60)).with_fencing(5);
    save(&around(&inside, ring(1)), &key, &saved);

    let seen = record(&inside, &key);
    let text = String::from_utf8(seen.encode().to_vec()).unwrap();
    for hidden in ["the-secret", "the-scope", "the-extra", "the-value"] {
        assert!(!text.contains(hidden), "{text}");
    }
    assert_eq!(seen.fencing(), 5);
    assert_eq!(seen.requested_at(), saved.requested_at());
    assert_eq!(seen.expires_at(), saved.expires_at());
}

#[test]
fn every_sealing_is_different() {
    let (inside, key) = (memory(), key());
    let store = around(&inside, ring(1));
    let token = token("t", 1);
    save(&store, &key, &token);
    let first = record(&inside, &key);
    save(&store, &key, &token);
    assert_ne!(
        first.token().secret(),
        record(&inside, &key).token().secret()
    );
}

#[test]
fn p13_a_record_copied_to_the_key_of_another_tenant_does_not_open() {
    let inside = memory();
    let store = around(&inside, ring(1));
    let (mine, yours) = (key(), key());
    save(&store, &mine, &token("mine", 1));
    save(&*inside, &yours, &record(&inside, &mine));
    assert_eq!(secret(&store, &yours), None);
    assert_eq!(secret(&store, &mine).as_deref(), Some("mine"));
}

#[test]
fn p11_a_record_that_was_tampered_with_at_any_character_or_cut_off_is_none() {
    let (inside, key) = (memory(), key());
    let store = around(&inside, ring(1));
    save(&store, &key, &token("t", 1));
    let sound = record(&inside, &key);
    let text = sound.token().secret();
    for position in 0..text.len() {
        let mut changed = text.to_owned();
        let other = if &text[position..=position] == "A" {
            "B"
        } else {
            "A"
        };
        changed.replace_range(position..=position, other);
        put(&inside, &key, &sound, &changed);
        assert_eq!(secret(&store, &key), None, "at {position}");
        if position > 0 {
            put(&inside, &key, &sound, &text[..position]);
            assert_eq!(secret(&store, &key), None, "up to {position}");
        }
    }
    put(&inside, &key, &sound, text);
    assert_eq!(secret(&store, &key).as_deref(), Some("t"));
}

#[test]
fn p11_a_record_that_is_not_encrypted_or_of_a_version_to_come_is_none_and_replaced() {
    let (inside, key) = (memory(), key());
    let store = around(&inside, ring(1));
    save(&*inside, &key, &token("plain", 1));
    assert_eq!(secret(&store, &key), None);
    save(&store, &key, &token("t", 1));
    let sound = record(&inside, &key);
    let later = sound.token().secret().replace("sealed-1.", "sealed-2.");
    put(&inside, &key, &sound, &later);
    assert_eq!(secret(&store, &key), None);
    save(&store, &key, &token("t", 1));
    assert_eq!(secret(&store, &key).as_deref(), Some("t"));
}

#[test]
fn p11_with_a_wrong_key_there_is_no_token_and_the_log_says_why() {
    let (inside, key) = (memory(), key());
    save(&around(&inside, ring(1)), &key, &token("t0ken", 1));
    let recording = Recording::start();
    assert_eq!(secret(&around(&inside, ring(2)), &key), None);
    let log = recording.finish();
    assert!(log.text().contains("its key is not in the ring"));
    assert!(!log.text().contains("t0ken"));
}

#[test]
fn keys_are_rotated_without_losing_a_token() {
    let (inside, key) = (memory(), key());
    let old = around(&inside, ring(1));
    let both = around(&inside, ring(1).and(ring(2)));
    let moved = around(&inside, ring(2).and(ring(1)));
    let new = around(&inside, ring(2));

    save(&old, &key, &token("a", 1));
    assert_eq!(secret(&both, &key).as_deref(), Some("a"));
    save(&both, &key, &token("b", 2));
    assert_eq!(secret(&old, &key).as_deref(), Some("b"));
    assert_eq!(secret(&moved, &key).as_deref(), Some("b"));
    save(&moved, &key, &token("c", 3));
    assert_eq!(secret(&both, &key).as_deref(), Some("c"));
    assert_eq!(secret(&new, &key).as_deref(), Some("c"));
    assert_eq!(secret(&old, &key), None);
}

#[test]
fn p07_a_token_is_removed_by_whoever_can_open_its_record() {
    let (inside, key) = (memory(), key());
    save(&around(&inside, ring(1)), &key, &token("t", 1));
    let stranger = around(&inside, ring(2));
    block_on(stranger.remove(&key, &token("t", 1))).unwrap();
    let heir = around(&inside, ring(2).and(ring(1)));
    assert_eq!(secret(&heir, &key).as_deref(), Some("t"));
    block_on(heir.remove(&key, &token("t", 1))).unwrap();
    assert_eq!(secret(&heir, &key), None);
}

#[test]
fn p01_the_store_inside_cannot_lengthen_the_life_of_a_token() {
    let (inside, key) = (memory(), key());
    let store = around(&inside, ring(1));
    let saved = token("t", 1);
    save(&store, &key, &saved);
    let seen = record(&inside, &key);
    let year = Duration::from_secs(365 * 86_400);
    let longer = StoredToken::new(
        seen.token().clone(),
        seen.requested_at(),
        seen.expires_at() + year,
    );
    save(&*inside, &key, &longer.with_fencing(1));
    let found = block_on(store.load(&key)).unwrap().unwrap();
    assert_eq!(found.lifetime(), saved.lifetime());
}

#[test]
fn keys_are_read_from_text_environment_and_file() {
    let (inside, key) = (memory(), key());
    let bytes: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    save(
        &around(&inside, KeyRing::from_bytes(bytes)),
        &key,
        &token("t", 1),
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, format!("{HEX}\n{}\n", "ff".repeat(32))).unwrap();
    let rings = [
        KeyRing::parse(HEX).unwrap(),
        KeyRing::parse(&HEX.to_lowercase()).unwrap(),
        KeyRing::parse(BASE64).unwrap(),
        KeyRing::parse(BASE64.trim_end_matches('=')).unwrap(),
        KeyRing::from_file(file.path()).unwrap(),
    ];
    assert_eq!(rings[4].len(), 2);
    for keys in rings {
        assert_eq!(secret(&around(&inside, keys), &key).as_deref(), Some("t"));
    }
    let both = "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8, ".to_owned() + BASE64;
    assert_eq!(KeyRing::parse(&both).unwrap().len(), 2);
}

#[test]
fn p09_an_unusable_key_is_told_without_being_shown() {
    let told = |outcome: Result<KeyRing, InvalidKey>| outcome.unwrap_err().to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "hunter2 hunter2!").unwrap();
    let path = file.path().to_str().unwrap();
    for (error, hint) in [
        (told(KeyRing::parse("")), "there is no key in the text"),
        (
            told(KeyRing::parse("hunter2!")),
            "key 1 of the text is neither",
        ),
        (
            told(KeyRing::parse("hunter22")),
            "key 1 of the text has 6 bytes",
        ),
        (told(KeyRing::parse(&format!("{HEX},hunter2!"))), "key 2 of"),
        (told(KeyRing::parse(&HEX[..62])), "(62 characters)"),
        (
            told(KeyRing::from_env("OAUTH_TEST_NO_SUCH_VARIABLE")),
            "OAUTH_TEST_NO_SUCH_VARIABLE is not set",
        ),
        (
            told(KeyRing::from_env("PATH")),
            "key 1 of the environment variable PATH",
        ),
        (told(KeyRing::from_file(path)), path),
        (told(KeyRing::from_file("/no/such/file")), "cannot be read"),
    ] {
        assert!(error.contains(hint), "{error}");
        assert!(!error.contains("hunter"), "{error}");
    }
    let shown = format!("{:?}", KeyRing::parse(HEX).unwrap());
    assert!(!shown.contains("0001020304"), "{shown}");
}
