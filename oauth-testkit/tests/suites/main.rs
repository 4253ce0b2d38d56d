//! The conformance suites: what is sound keeps them, and each rule finds what breaks it. A rule that nothing can break
//! proves nothing.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod bare_http_client;
mod broken_adapters;
mod broken_http_clients;
mod broken_sources;
mod clocks;
mod honest_adapter;
mod honest_adapters;
mod rules;
mod side_by_side;
mod stores;
