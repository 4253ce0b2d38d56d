#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! Start with [`RedisStore::open`].
//!
//! # What it asks of the engine
//!
//! Redis 6 or newer, or any Valkey. Under the prefix `oauth:` a token key has three keys: `oauth:{KEY}:token` (a hash,
//! which goes when the token dies), `oauth:{KEY}:lease` and `oauth:{KEY}:fencing`. Each call is one Lua script, and takes
//! one answer; a save after a minute of silence asks for the time before. A user with these rights is enough:
//!
//! ```text
//! ACL SETUSER oauth on >PASSWORD ~oauth:* &oauth:* +evalsha +script|load
//!     +hget +hset +del +pexpire +pttl +get +set +time +publish +psubscribe
//! ```
//!
//! The last two, and `&oauth:*`, are for [notifications](RedisStoreBuilder::notifications) only. That pattern is what is
//! subscribed to, and has to be the prefix and `*`.
//!
//! # One server
//!
//! The store talks to the one server that it is given, or whatever stands for it: a proxy, or the address that a
//! failover moves. It does not follow a Cluster of several nodes: the other nodes answer `MOVED`, which counts as a failure
//! of the store, so that each process fetches for itself. The three keys share a slot, so a Cluster of one node works, and
//! so does a proxy in front of many.
//!
//! # TLS
//!
//! With the feature `rustls` URLs may begin with `rediss://`. Certificates of your own go into a
//! [`redis::Client`], built with its `build_with_tls`, for [`RedisStore::builder`].

mod connection;
mod engine_time;
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
