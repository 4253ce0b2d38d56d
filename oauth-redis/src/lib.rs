//! One OAuth 2.0 token for a whole fleet: a [`TokenStore`](oauth_core::TokenStore) on Redis or Valkey.
//!
//! Processes that give the same store and key to their caches make one token request a lifetime between them. If the
//! engine is gone, each fetches for itself, and comes back to the store by itself.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # async fn example(source: oauth_core::ClientCredentials) -> Result<(), Box<dyn std::error::Error>> {
//! use oauth_core::CachedTokenSource;
//! use oauth_redis::RedisStore;
//!
//! let key = source.key();
//! let store = RedisStore::open("redis://user:password@redis.example.com/0")?;
//! let source = CachedTokenSource::builder(source).store(store, key).build();
//! # Ok(())
//! # }
//! ```
//!
//! Whoever may read the engine may read the tokens: wrap the store in `EncryptedStore` of the crate
//! `oauth-encrypted-store` unless the engine is yours alone.
//!
//! # What it asks of the engine
//!
//! Redis 6 or newer, or any Valkey. Under the prefix `oauth:` a token key has three keys, which share a slot of a
//! Cluster: `oauth:{KEY}:token` (a hash, which goes when the token dies), `oauth:{KEY}:lease` and
//! `oauth:{KEY}:fencing`. Each call is one Lua script, and to save is two. A user with these rights is enough:
//!
//! ```text
//! ACL SETUSER oauth on >PASSWORD ~oauth:* &oauth:* +evalsha +script|load
//!     +hget +hset +del +pexpire +pttl +get +set +time +publish +psubscribe
//! ```
//!
//! The last two, and `&oauth:*`, are for [notifications](RedisStoreBuilder::notifications) only. That pattern is what is
//! subscribed to, and has to be the prefix and `*`.
//!
//! # TLS
//!
//! With the feature `rustls` URLs may begin with `rediss://`. Certificates of your own go into a
//! [`redis::Client`], built with its `build_with_tls`, for [`RedisStore::builder`].

mod connection;
mod error;
mod keys;
mod observe;
mod runtime;
mod scripts;
mod store;
#[cfg(feature = "rustls-no-provider")]
mod tls;
mod wakeups;

pub use redis;

pub use store::{RedisStore, RedisStoreBuilder};
