//! A process of its own, whose threads can be counted.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::thread;
use std::time::Duration;

use oauth_core::{AccessToken, CachedTokenSource, Error, TokenSource, async_trait};

struct Fixed;

#[async_trait]
impl TokenSource for Fixed {
    async fn token(&self) -> Result<AccessToken, Error> {
        let token = AccessToken::builder("t1").expires_in(Duration::from_secs(3600));
        Ok(token.build()?)
    }
}

/// How many threads of this process are the library's.
fn alive() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "oauth-core").count()
}

fn await_that(is_so: impl Fn() -> bool) {
    for _ in 0..1_000_000 {
        if is_so() {
            return;
        }
        thread::yield_now();
    }
    assert!(is_so(), "waited in vain");
}

#[test]
fn no_thread_outlives_the_last_source_that_is_kept_warm() {
    for _ in 0..2 {
        let cached = CachedTokenSource::builder(Fixed).keep_warm().build();
        cached.warm_up_blocking().unwrap();
        let other = cached.clone();
        await_that(|| alive() == 1);
        drop(cached);
        assert_eq!(alive(), 1, "it has a timer to serve");
        drop(other);
        await_that(|| alive() == 0);
    }
}
