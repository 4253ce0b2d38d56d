#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
//!
//! # Why this is not in oauth-core
//!
//! It builds on a concurrent cache, [`quick_cache`](https://docs.rs/quick_cache), that a program with one source has no
//! use for.

mod kept;
mod sources;

pub use kept::TenantSource;
pub use quick_cache::Equivalent;
pub use sources::{TokenSources, TokenSourcesBuilder};
