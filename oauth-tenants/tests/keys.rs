//! Keys of several parts, looked up by borrows of them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allocation_counter::measure;
use common::{Named, Source};
use futures_executor::block_on;
use oauth_core::{CachedTokenSource, ErrorKind, TokenSource};
use oauth_tenants::{Equivalent, TokenSources};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: String,
    scopes: Vec<String>,
}

#[derive(Hash)]
struct KeyRef<'a> {
    tenant: &'a str,
    scopes: &'a [&'a str],
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.tenant == key.tenant && self.scopes == key.scopes
    }
}

impl KeyRef<'_> {
    fn to_key(&self) -> Key {
        Key {
            tenant: self.tenant.to_owned(),
            scopes: self
                .scopes
                .iter()
                .map(|scope| (*scope).to_owned())
                .collect(),
        }
    }
}

fn sources() -> (TokenSources<Key, Source>, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let sources = TokenSources::new(move |key: &Key| {
        count.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}:{}", key.tenant, key.scopes.join("+"));
        Ok(CachedTokenSource::new(Named::new(&name)))
    });
    (sources, made)
}

const READ: KeyRef<'_> = KeyRef {
    tenant: "acme",
    scopes: &["read"],
};
const BOTH: KeyRef<'_> = KeyRef {
    tenant: "acme",
    scopes: &["read", "write"],
};

#[test]
fn p02_a_lookup_by_borrowed_parts_allocates_nothing_on_a_hit() {
    let (sources, made) = sources();
    let get = || sources.get_equivalent(&BOTH, KeyRef::to_key).unwrap();
    block_on(get().token()).unwrap();
    let counted = measure(|| {
        for _ in 0..100 {
            black_box(get().ready().unwrap());
        }
    });
    assert_eq!(counted.count_total, 0);
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn p13_keys_that_differ_in_a_part_have_sources_of_their_own() {
    let (sources, made) = sources();
    let secret = |key: &KeyRef<'_>| {
        let source = sources.get_equivalent(key, KeyRef::to_key).unwrap();
        block_on(source.token()).unwrap().secret().to_owned()
    };
    assert_eq!(secret(&READ), "acme:read-1");
    assert_eq!(secret(&BOTH), "acme:read+write-1");
    assert_eq!(secret(&READ), "acme:read-1");
    assert_eq!(made.load(Ordering::Relaxed), 2);
    // By the whole key too.
    assert!(sources.get(&READ.to_key()).unwrap().ready().is_some());
    assert!(sources.peek(&BOTH).is_some());
    assert!(sources.remove(&BOTH) && !sources.remove(&BOTH));
}

#[test]
fn p13_a_key_that_is_not_what_was_looked_up_gets_no_source() {
    let (sources, made) = sources();
    let error = sources
        .get_equivalent(&READ, |_| BOTH.to_key())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("not equivalent"), "{error}");
    assert_eq!(made.load(Ordering::Relaxed), 0);
    assert!(sources.is_empty());
}
