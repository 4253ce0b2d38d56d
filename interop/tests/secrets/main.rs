//! P9 over everything: all crates, each way to authenticate and each grant, while things go well and while they fail,
//! with all that is logged at level TRACE and all that is measured searched for every secret.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod clients;
mod grants;
mod library;
mod measured;
mod redis;
mod stores;
mod tap;
mod tenants;
mod tower;
mod world;

use library::Library;
use measured::{measured_in_all, snapshotter};
use oauth_testkit::Recording;
use world::World;

fn p09(library: Library) {
    snapshotter();
    let world = World::new(library);
    let log = Recording::start();
    clients::methods(&world);
    clients::changing_secret(&world);
    clients::assertions(&world);
    clients::dpop(&world);
    clients::certificate(&world);
    grants::grants(&world);
    stores::stores(&world);
    redis::redis(&world);
    tenants::tenants(&world);
    tower::http(&world);
    tower::grpc(&world);
    let log = log.finish();
    world.check(&log);

    // It was not silence that was searched.
    let text = log.text();
    for said in [
        "oauth_core token_request",
        "oauth_core token_came",
        "oauth_core attempt_failed",
        "oauth_core renewal_failed",
        "oauth_core no_token_came",
        "oauth_core token_rejected",
        "oauth_core resent",
        "oauth_core dpop_nonce_wanted",
        "oauth_core client_secret_changed",
        "oauth_core token_response_odd",
        "oauth_core store_failed",
        "oauth_grants refresh_token_store_failed",
        "oauth_encrypted_store stored_token_unreadable",
        "oauth_file_store stored_token_unreadable",
        "h2::codec",
        "hyper_util::client",
    ] {
        assert!(text.contains(said), "{said}");
    }
    let measured = measured_in_all();
    for metric in [
        "oauth_token_requests_total",
        "oauth_resends_total",
        "the-service",
    ] {
        assert!(measured.contains(metric), "{metric}");
    }
}

#[test]
fn p09_no_secret_is_logged_or_measured_with_reqwest() {
    p09(Library::Reqwest);
}

#[test]
fn p09_no_secret_is_logged_or_measured_with_isahc() {
    p09(Library::Isahc);
}
