//! Warm sources and tokens that last, over real sockets.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::thread;
use std::time::Duration;

use http::StatusCode;
use oauth_core::{
    Authorizer, CachedTokenSource, ClientCredentials, ErrorKind, RefreshPolicy, TokenSource,
};
use oauth_reqwest::{Client, ReqwestHttpClient};
use oauth_testkit::{FakeTokenServer, ManualClock, Reply};

fn world(
    keep_warm: bool,
) -> (
    ManualClock,
    FakeTokenServer,
    CachedTokenSource<ClientCredentials>,
) {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder()
        .clock(clock.clone())
        .start()
        .unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new().unwrap())
        .clock(clock.clone())
        .build()
        .unwrap();
    // On this clock no pause ends by itself.
    let policy = RefreshPolicy::builder().attempts(1).no_jitter();
    let mut cached = CachedTokenSource::builder(source)
        .clock(clock.clone())
        .policy(policy.build().unwrap());
    if keep_warm {
        cached = cached.keep_warm();
    }
    (clock, server, cached.build())
}

#[test]
fn p02_a_source_that_is_kept_warm_is_renewed_by_the_server_though_nobody_asks() {
    let (clock, server, source) = world(true);
    source.warm_up_blocking().unwrap();
    for night in 2..=4 {
        for _ in 0..1_000_000_u32 {
            let status = source.status();
            if status.generation() == night {
                break;
            }
            match clock.next_deadline() {
                Some(deadline) if !status.in_flight() => clock.advance_to(deadline),
                _ => thread::yield_now(),
            }
        }
        assert_eq!(source.ready().unwrap().generation(), night);
    }
    server.assert_token_requests(4);
}

#[tokio::test]
async fn p04_p06_an_api_gets_tokens_that_last_or_a_clear_error() {
    let (clock, server, source) = world(false);
    source.warm_up().await.unwrap();
    let authorizer = Authorizer::new(source.clone(), [server.api_url()]).unwrap();
    let authorizer = authorizer.minimum_life(Duration::from_secs(3000));
    let api = Client::new(reqwest::Client::new(), authorizer);
    let call = || async { api.get(server.api_url_for("/long")).send().await };

    assert_eq!(call().await.unwrap().status(), 200);
    clock.advance(Duration::from_secs(1000));
    let (first, second) = tokio::join!(call(), call());
    assert_eq!(
        (first.unwrap().status(), second.unwrap().status()),
        (StatusCode::OK, StatusCode::OK)
    );
    server.assert_token_requests(2);

    server.next_token_reply(Reply::token().expires_in(600));
    clock.advance(Duration::from_secs(1000));
    for _ in 0..10 {
        let error = source
            .token_lasting(Duration::from_secs(3000))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("live 600 s"), "{error}");
    }
    server.assert_token_requests(3);
}
