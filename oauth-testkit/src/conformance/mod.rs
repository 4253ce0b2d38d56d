//! Suites that any implementation of a trait of `oauth-core` can run: one function a rule of the contract.
//! A macro a suite makes them named tests of yours.

#![allow(clippy::panic, reason = "a broken rule fails a test")]

pub mod adapter;
pub mod clock;
mod drive;
pub mod http_client;
pub mod token_source;
pub mod token_store;
