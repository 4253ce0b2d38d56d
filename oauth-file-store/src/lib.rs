//! OAuth 2.0 tokens in files: a [`TokenStore`](oauth_core::TokenStore) for command line programs and cron jobs.
//!
//! A program that runs for a second every minute need not ask for a token every minute: the next run finds the token
//! of the last. Processes that run at the same time share it too, and one of them at a time asks for a new one.
//!
//! ```no_run
//! # fn example(source: oauth_core::ClientCredentials) -> Result<(), Box<dyn std::error::Error>> {
//! use oauth_core::CachedTokenSource;
//! use oauth_file_store::FileStore;
//!
//! let key = source.key();
//! let store = FileStore::open("/home/me/.cache/my-program/tokens")?;
//! let source = CachedTokenSource::builder(source).store(store, key).build();
//! # Ok(())
//! # }
//! ```
//!
//! Whoever may read the files may use the tokens, and so may whoever reads a backup of them: wrap the store in
//! `EncryptedStore` of the crate `oauth-encrypted-store` where the key can be kept elsewhere.
//!
//! This is a crate of its own because `oauth-core` touches no file: its users should not have to wonder whether
//! their tokens are written somewhere, and it builds where there are no files.

mod files;
mod lease;
mod observe;
mod private;
mod store;
mod worker;

pub use store::FileStore;
