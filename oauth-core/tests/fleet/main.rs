//! Caches that share a store: who asks the source, who waits, and what a broken store costs.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod broken_store;
mod leases;
mod processes;
mod rejections;
mod restarts;
mod store_failures;
