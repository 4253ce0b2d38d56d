//! Sources whose tokens say whose they are.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oauth_core::{AccessToken, CachedTokenSource, Error, TokenSource, async_trait};
use oauth_tenants::TokenSources;

pub(crate) type Source = CachedTokenSource<Named>;

/// Gives `NAME-1`, `NAME-2`, ….
pub(crate) struct Named {
    name: String,
    asked: AtomicUsize,
}

impl Named {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            asked: AtomicUsize::new(0),
        }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl TokenSource for Named {
    async fn token(&self) -> Result<AccessToken, Error> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let secret = format!("{}-{number}", self.name);
        Ok(AccessToken::builder(secret)
            .expires_in(Duration::from_secs(3600))
            .build()?)
    }
}

pub(crate) fn sources() -> TokenSources<String, Source> {
    TokenSources::new(|key: &String| Ok(CachedTokenSource::new(Named::new(key))))
}
