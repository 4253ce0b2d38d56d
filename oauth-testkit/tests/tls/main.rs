//! TLS and client certificates, with rustls itself as the client.
#![cfg(feature = "tls")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod certificates;
mod connection;
mod handshakes;
#[path = "../support/mod.rs"]
mod support;
