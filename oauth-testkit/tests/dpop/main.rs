//! DPoP (RFC 9449): proofs, bound tokens and nonces, right and wrong in each way there is.
#![cfg(feature = "jose")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../support/jose.rs"]
mod jose;
mod nonces;
mod proofs;
mod setup;
#[path = "../support/mod.rs"]
mod support;
