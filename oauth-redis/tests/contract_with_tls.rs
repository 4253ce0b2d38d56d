//! The contract of a store, kept by a server with TLS for a user of few rights, with notifications.

#![cfg(feature = "rustls")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use oauth_testkit::conformance::token_store::{Capabilities, StoreUnderTest};
use support::Server;

oauth_testkit::token_store_conformance! {
    store: || {
        let server = Server::start_with_tls_and_acl();
        StoreUnderTest::new(move || {
            let builder = server.tls_builder("oauth:pa55word").notifications();
            builder.build().unwrap()
        })
        .capable_of(Capabilities::new().tells_changes())
    },
}
