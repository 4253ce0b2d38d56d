//! The HTTP client port, with no async runtime in the process.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use futures_executor::block_on;
use isahc::config::Configurable;
use oauth_core::{ClientCredentials, TokenSource};
use oauth_isahc::IsahcHttpClient;
use oauth_testkit::{FakeTokenServer, Gate, ManualClock, Reply};

mod conformance {
    oauth_testkit::http_client_conformance! {
        client: super::client,
        block_on: futures_executor::block_on,
    }
}

fn client(limit: Duration) -> IsahcHttpClient {
    IsahcHttpClient::configured(|builder| builder.timeout(limit)).unwrap()
}

fn source(server: &FakeTokenServer, client: IsahcHttpClient) -> impl TokenSource + 'static {
    ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(client)
        .build()
        .unwrap()
        .cached()
}

#[test]
fn a_token_is_fetched_shared_renewed_and_replaced_without_any_runtime() {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder()
        .clock(clock.clone())
        .start()
        .unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(IsahcHttpClient::new().unwrap())
        .clock(clock.clone())
        .build()
        .unwrap()
        .cached();

    assert_eq!(block_on(source.token()).unwrap().generation(), 1);
    assert_eq!(block_on(source.token()).unwrap().generation(), 1);
    server.assert_token_requests(1);

    let gate = Gate::new();
    server.next_token_reply(Reply::token().gated(&gate));
    clock.advance(Duration::from_secs(3300));
    assert_eq!(source.ready().unwrap().generation(), 1);
    server.await_token_requests(2);
    assert_eq!(
        block_on(source.token()).unwrap().generation(),
        1,
        "nobody waits"
    );
    gate.open();
    while source.ready().unwrap().generation() == 1 {
        std::thread::yield_now();
    }

    source.reject(&source.ready().unwrap());
    assert!(source.ready().is_none());
    assert_eq!(block_on(source.token()).unwrap().generation(), 3);
    server.assert_token_requests(3);
}

#[test]
fn p04_a_hundred_threads_cause_one_request() {
    let server = FakeTokenServer::start().unwrap();
    server.always_token_reply(Reply::token().after(Duration::from_millis(100)));
    let source = source(&server, IsahcHttpClient::new().unwrap());
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| assert_eq!(block_on(source.token()).unwrap().generation(), 1));
        }
    });
    server.assert_token_requests(1);
}

#[test]
fn p10_plain_http_to_this_machine_goes_through_no_proxy() {
    let server = FakeTokenServer::start().unwrap();
    let proxy = FakeTokenServer::start().unwrap();
    let client = IsahcHttpClient::configured(|builder| {
        builder.proxy(Some(proxy.api_url().parse().unwrap()))
    })
    .unwrap();
    let token = block_on(source(&server, client).token()).unwrap();
    assert_eq!(token.generation(), 1);
    proxy.assert_api_requests(0);
    server.assert_token_requests(1);
}
