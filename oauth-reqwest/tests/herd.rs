//! Many callers at once, over real sockets.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use futures_util::future::join_all;
use oauth_core::{ClientCredentials, ErrorKind, RefreshPolicy, TokenSource};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::{FakeTokenServer, Reply};

fn source(server: &FakeTokenServer) -> impl TokenSource + Clone + 'static {
    ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached_with(RefreshPolicy::builder().attempts(1).build().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p04_a_thousand_first_callers_cause_one_request() {
    let server = FakeTokenServer::start().unwrap();
    server.always_token_reply(Reply::token().after(Duration::from_millis(200)));
    let source = source(&server);
    let callers = (0..1000).map(|_| {
        let source = source.clone();
        tokio::spawn(async move { source.token().await.unwrap().generation() })
    });
    let generations = join_all(callers).await;
    assert!(
        generations
            .into_iter()
            .all(|generation| generation.unwrap() == 1)
    );
    server.assert_token_requests(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p04_fifty_callers_share_one_failure() {
    let server = FakeTokenServer::start().unwrap();
    server.always_token_reply(
        Reply::status(503)
            .header("retry-after", "60")
            .after(Duration::from_millis(50)),
    );
    let source = source(&server);
    let callers = (0..50).map(|_| {
        let source = source.clone();
        tokio::spawn(async move { source.token().await.unwrap_err().kind() })
    });
    let kinds = join_all(callers).await;
    assert!(
        kinds
            .into_iter()
            .all(|kind| kind.unwrap() == ErrorKind::ServerUnavailable)
    );
    server.assert_token_requests(1);
}

#[tokio::test]
async fn p05_callers_who_give_up_early_still_get_a_token_in_the_end() {
    let server = FakeTokenServer::start().unwrap();
    server.always_token_reply(Reply::token().after(Duration::from_millis(500)));
    let source = source(&server);
    let mut gave_up = 0;
    let token = loop {
        match tokio::time::timeout(Duration::from_millis(50), source.token()).await {
            Ok(token) => break token.unwrap(),
            Err(_) => gave_up += 1,
        }
    };
    assert_eq!(token.generation(), 1);
    assert!(gave_up > 0, "the endpoint is slower than the callers");
    server.assert_token_requests(1);
}
