//! The program `fake-token-server`, as a program in another language sees it.
#![cfg(feature = "program")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod life;
mod orders;
#[path = "../support/program.rs"]
mod program;
mod replies;
#[path = "../support/mod.rs"]
mod support;
