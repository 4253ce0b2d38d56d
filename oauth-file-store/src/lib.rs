#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! Start with [`FileStore::open`].
//!
//! This is a crate of its own because `oauth-core` touches no file: its users should not have to wonder whether
//! their tokens are written somewhere, and it builds where there are no files.

mod files;
mod lease;
mod observe;
mod private;
mod store;
mod sweep;
mod worker;

pub use store::FileStore;
