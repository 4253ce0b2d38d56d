//! What isahc writes to its log of a program's own requests, and not of those that bear secrets.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use futures_executor::block_on;
use oauth_core::{Authorizer, ClientAuthMethod, ClientCredentials, TokenSource};
use oauth_isahc::{Client, IsahcHttpClient};
use oauth_testkit::{FakeTokenServer, Recording};

fn source(server: &FakeTokenServer) -> impl TokenSource + 'static {
    ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .auth_method(ClientAuthMethod::ClientSecretPost)
        .http_client(IsahcHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached()
}

/// One test, since the order matters: the first request of isahc decides what `tracing` asks a subscriber about.
#[test]
fn p09_a_program_that_logs_its_own_requests_logs_no_secret() {
    let server = FakeTokenServer::start().unwrap();
    let url = |path: &str| format!("{}/{path}", server.api_url());
    let recording = Recording::start();
    let own = isahc::HttpClient::new().unwrap();
    own.get(url("first")).unwrap();

    let source = source(&server);
    let token = block_on(source.token()).unwrap();
    let authorizer = Authorizer::new(source, [server.api_url()]).unwrap();
    let client = Client::new(own.clone(), authorizer);
    assert_eq!(client.get(url("api")).unwrap().status(), 200);
    let response = block_on(client.get_async(url("api"))).unwrap();
    assert_eq!(response.status(), 200);

    own.get(url("last")).unwrap();
    let log = recording.finish();
    for own in ["GET /first", "GET /last"] {
        let is_logged = |line: &str| line.starts_with("isahc::wire") && line.contains(own);
        assert!(log.text().lines().any(is_logged), "{own} should be logged");
    }
    let secrets = [
        "client_secret=",
        FakeTokenServer::CLIENT_SECRET,
        token.secret(),
    ];
    log.assert_free_of(&secrets);
}
