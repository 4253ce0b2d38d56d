//! Mocks of the traits of `oauth-core`, made with [`mockall`].
//!
//! # Examples
//!
//! ```
//! use oauth_core::{AccessToken, CachedTokenSource, TokenSource};
//! use oauth_testkit::mock::MockTokenSource;
//!
//! let mut source = MockTokenSource::new();
//! source
//!     .expect_token()
//!     .times(1)
//!     .returning(|| Ok(AccessToken::builder("secret").build()?));
//! let cached = CachedTokenSource::new(source);
//! # futures_executor::block_on(async {
//! for _ in 0..3 {
//!     assert_eq!(cached.token().await?.secret(), "secret");
//! }
//! # Ok::<(), oauth_core::Error>(())
//! # }).unwrap();
//! ```

#![allow(missing_docs, reason = "what mockall writes has no documentation")]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use oauth_core::{
    AccessToken, BoxFuture, Clock, Error, HttpClient, HttpError, Instant, Lease, Spawner,
    StoreError, StoredToken, TokenKey, TokenSource, TokenStore, async_trait,
};

mockall::mock! {
    /// A [`TokenSource`] that does what it is told to expect. Tell it about `ready` too where it is asked for that.
    #[derive(Debug)]
    pub TokenSource {}

    #[async_trait]
    impl TokenSource for TokenSource {
        async fn token(&self) -> Result<AccessToken, Error>;
        fn ready(&self) -> Option<AccessToken>;
        fn reject(&self, token: &AccessToken);
    }
}

mockall::mock! {
    /// A [`TokenStore`] that does what it is told to expect.
    #[derive(Debug)]
    pub TokenStore {}

    #[async_trait]
    impl TokenStore for TokenStore {
        async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError>;
        async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError>;
        async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError>;
        async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError>;
        async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError>;
    }
}

mockall::mock! {
    /// An [`HttpClient`] that does what it is told to expect.
    #[derive(Debug)]
    pub HttpClient {}

    #[async_trait]
    impl HttpClient for HttpClient {
        async fn send(
            &self,
            request: http::Request<Bytes>,
        ) -> Result<http::Response<Bytes>, HttpError>;
    }
}

mockall::mock! {
    /// A [`Clock`] that does what it is told to expect. [`ManualClock`](crate::ManualClock) is easier to use.
    #[derive(Debug)]
    pub Clock {}

    impl Clock for Clock {
        fn now(&self) -> Instant;
        fn wall(&self) -> SystemTime;
        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
    }
}

mockall::mock! {
    /// A [`Spawner`] that does what it is told to expect.
    #[derive(Debug)]
    pub Spawner {}

    impl Spawner for Spawner {
        fn spawn(&self, work: BoxFuture<'static, ()>);
    }
}
