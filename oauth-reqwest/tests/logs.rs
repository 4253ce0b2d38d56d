//! P9: no secret in anything that is logged, at any level, by whichever crate.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use oauth_core::{ClientAuthMethod, ClientCredentials, TokenSource};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::{CapturedLog, FakeTokenServer};
use tracing_subscriber::filter::LevelFilter;

fn http_client() -> ReqwestHttpClient {
    ReqwestHttpClient::new().unwrap()
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
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
        let api = oauth_reqwest::client(source.clone(), [server.api_url()]).unwrap();
        runtime.block_on(async {
            assert_eq!(
                api.get(server.api_url()).send().await.unwrap().status(),
                200
            );
            secrets.push(source.ready().unwrap().secret().to_owned());
            server.revoke_all();
            assert_eq!(
                api.get(server.api_url()).send().await.unwrap().status(),
                200
            );
            secrets.push(source.ready().unwrap().secret().to_owned());
        });
    }

    assert!(
        log.text().contains("a token came"),
        "the log is on: {}",
        log.text()
    );
    log.assert_free_of(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
}
