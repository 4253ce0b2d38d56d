//! Many callers at once, over real sockets: how many requests they cause. On record for the best of the peers
//! (huskarl 0.11): 50 callers of a failing endpoint 50 requests, 20 calls in a failing window 20, 10 late
//! rejections 10.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use oauth_core::{
    CachedTokenSource, ClientCredentials, Clock, ErrorKind, RefreshPolicy, SystemClock, TokenSource,
};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::{FakeTokenServer, ManualClock, Reply};

fn source(server: &FakeTokenServer) -> CachedTokenSource<ClientCredentials> {
    source_on(server, SystemClock::new())
}

fn source_on(
    server: &FakeTokenServer,
    clock: impl Clock + 'static,
) -> CachedTokenSource<ClientCredentials> {
    ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new().unwrap())
        .clock(clock)
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
async fn p06_twenty_calls_in_a_failing_window_cause_at_most_two_requests() {
    let clock = ManualClock::new();
    let server = FakeTokenServer::start().unwrap();
    let source = source_on(&server, clock.clone());
    source.token().await.unwrap();
    server.always_token_reply(Reply::status(503));
    clock.advance(Duration::from_secs(3300));
    for _ in 0..20 {
        assert_eq!(source.token().await.unwrap().generation(), 1);
        clock.advance(Duration::from_millis(50));
    }
    assert!(source.status().flights() <= 3, "{:?}", source.status());
    assert!(server.token_request_count() <= 1 + 2);
}

#[tokio::test]
async fn p07_ten_late_rejections_cause_one_request() {
    let server = FakeTokenServer::start().unwrap();
    let source = source(&server);
    let rejected = source.token().await.unwrap();
    for _ in 0..10 {
        source.reject(&rejected);
        assert_eq!(source.token().await.unwrap().generation(), 2);
    }
    server.assert_token_requests(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p02_nobody_waits_for_a_renewal_that_hangs() {
    let clock = ManualClock::new();
    let server = FakeTokenServer::start().unwrap();
    let source = source_on(&server, clock.clone());
    source.token().await.unwrap();
    server.always_token_reply(Reply::hang());
    clock.advance(Duration::from_secs(3300));
    for _ in 0..1000 {
        let token = source
            .token()
            .now_or_never()
            .expect("a caller waited for the renewal");
        assert_eq!(token.unwrap().generation(), 1);
    }
    server.await_token_requests(2);
    server.assert_token_requests(2);
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
