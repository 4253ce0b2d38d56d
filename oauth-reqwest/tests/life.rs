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
    for (night, generation) in [(2, 2), (3, 3), (4, 4)] {
        pass_until_asked(&clock, &source);
        server.await_token_requests(night);
        // Waits for the flight under way, and starts none.
        let token = source.token_lasting_blocking(Duration::from_secs(3500));
        assert_eq!(token.unwrap().generation(), generation);
    }
    server.assert_token_requests(4);
}

/// Moves the clock from one timer to the next until a token is being asked for.
fn pass_until_asked(clock: &ManualClock, source: &CachedTokenSource<ClientCredentials>) {
    let flights = source.status().flights();
    for _ in 0..20_000_000 {
        // In this order, or the timer may be that of a flight that has begun in between.
        let deadline = clock.next_deadline();
        if source.status().flights() > flights {
            return;
        }
        match deadline {
            Some(deadline) => clock.advance_to(deadline),
            None => thread::yield_now(),
        }
    }
    panic!("nobody asks");
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
