//! The HTTP client port, with no async runtime in the process.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use futures_executor::block_on;
use isahc::config::{Configurable, RedirectPolicy};
use oauth_core::{ClientCredentials, ErrorKind, TokenSource};
use oauth_isahc::IsahcHttpClient;
use oauth_testkit::{FakeTokenServer, Reply};

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

#[test]
fn p10_redirects_stay_off_whatever_the_settings_say() {
    let server = FakeTokenServer::start().unwrap();
    let elsewhere = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::redirect(307, elsewhere.token_url()));
    let client =
        IsahcHttpClient::configured(|builder| builder.redirect_policy(RedirectPolicy::Follow))
            .unwrap();
    let error = block_on(source(&server, client).token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse);
    assert!(error.to_string().contains("redirect"), "{error}");
    elsewhere.assert_token_requests(0);
}
