#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! Start with [`KeyRing`] and [`EncryptedStore`].
//!
//! This is a crate of its own because `oauth-core` holds no cryptography beyond a digest, and because it fits any
//! store, also one of yours.

mod cipher;
mod key_ring;
mod observe;
mod store;

pub use key_ring::{InvalidKey, KeyRing};
pub use store::EncryptedStore;
