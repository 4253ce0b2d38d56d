//! Encrypts OAuth 2.0 tokens before a store gets to see them: [`EncryptedStore`] wraps any
//! [`TokenStore`](oauth_core::TokenStore).
//!
//! ```no_run
//! # fn example(store: oauth_core::MemoryStore) -> Result<(), Box<dyn std::error::Error>> {
//! use oauth_encrypted_store::{EncryptedStore, KeyRing};
//!
//! let keys = KeyRing::from_env("TOKEN_STORE_KEY")?;
//! let store = EncryptedStore::new(store, keys);
//! # Ok(())
//! # }
//! ```
//!
//! `openssl rand -base64 32` makes a key.
//!
//! This is a crate of its own because `oauth-core` holds no cryptography beyond a digest, and because it fits any
//! store, also one of yours.

mod cipher;
mod key_ring;
mod observe;
mod store;

pub use key_ring::{InvalidKey, KeyRing};
pub use store::EncryptedStore;
