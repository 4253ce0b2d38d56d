//! P9: no secret in anything that is logged, at any level, by whichever crate.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use futures_executor::block_on;
use oauth_core::{ClientAuthMethod, ClientCredentials, TokenSource};
use oauth_isahc::IsahcHttpClient;
use oauth_testkit::{CapturedLog, FakeTokenServer};
use tracing_subscriber::filter::LevelFilter;

fn http_client() -> IsahcHttpClient {
    IsahcHttpClient::new().unwrap()
}

#[test]
fn p09_no_log_line_holds_a_secret() {
    let log = CapturedLog::new();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .init();

    let server = FakeTokenServer::start().unwrap();
    let mut secrets = vec![FakeTokenServer::CLIENT_SECRET.to_owned()];
    for method in [
        ClientAuthMethod::ClientSecretBasic,
        ClientAuthMethod::ClientSecretPost,
    ] {
        let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
            .client_secret(FakeTokenServer::CLIENT_SECRET)
            .auth_method(method)
            .http_client(http_client())
            .build()
            .unwrap()
            .cached();
        let token = block_on(source.token()).unwrap();
        secrets.push(token.secret().to_owned());
        source.reject(&token);
        secrets.push(block_on(source.token()).unwrap().secret().to_owned());
    }

    assert!(
        log.text().contains("a token came"),
        "the log is on: {}",
        log.text()
    );
    log.assert_free_of(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
}
