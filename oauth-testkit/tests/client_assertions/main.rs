//! Client assertions (RFC 7521 §4.2, RFC 7523 §2.2), right and wrong in each way there is.
#![cfg(feature = "jose")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod claims;
#[path = "../support/jose.rs"]
mod jose;
mod keys;
mod setup;
#[path = "../support/mod.rs"]
mod support;
