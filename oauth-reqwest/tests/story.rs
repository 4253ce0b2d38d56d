//! The life of a token over real sockets: fetched, shared, renewed, healed.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use oauth_core::{ClientCredentials, RefreshPolicy, SharedTokenSource, TokenSource};
use oauth_reqwest::{Client, ReqwestHttpClient};
use oauth_testkit::{FakeTokenServer, Gate, ManualClock, Reply};
use reqwest::StatusCode;

struct Story {
    clock: ManualClock,
    server: FakeTokenServer,
    source: SharedTokenSource,
    api: Client,
}

fn story() -> Story {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder()
        .clock(clock.clone())
        .start()
        .unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .scopes(["read", "write"])
        .http_client(ReqwestHttpClient::new().unwrap())
        .clock(clock.clone())
        .build()
        .unwrap()
        // On this clock no pause ends by itself.
        .cached_with(
            RefreshPolicy::builder()
                .attempts(1)
                .no_jitter()
                .build()
                .unwrap(),
        );
    let source: SharedTokenSource = Arc::new(source);
    let api = oauth_reqwest::client(source.clone(), [server.api_url()]).unwrap();
    Story {
        clock,
        server,
        source,
        api,
    }
}

impl Story {
    async fn call(&self) -> StatusCode {
        self.api
            .get(self.server.api_url_for("/users/23"))
            .send()
            .await
            .unwrap()
            .status()
    }

    #[cfg(feature = "json")]
    fn ordinal_of_last_call(&self) -> Option<usize> {
        self.server.api_requests().last().unwrap().token_ordinal()
    }
}

#[tokio::test]
async fn a_token_is_fetched_shared_renewed_and_healed() {
    let story = story();

    assert_eq!(story.call().await, 200);
    story.server.assert_token_requests(1);
    assert_eq!(story.server.token_requests()[0].scope(), Some("read write"));

    for _ in 0..10 {
        assert_eq!(story.call().await, 200);
    }
    story.server.assert_token_requests(1);

    // The renewal is held back: calls go on with the token in hand.
    let gate = Gate::new();
    story.server.next_token_reply(Reply::token().gated(&gate));
    story.clock.advance(Duration::from_secs(3300));
    for _ in 0..10 {
        assert_eq!(story.call().await, 200);
    }
    assert_eq!(story.source.ready().unwrap().generation(), 1);
    gate.open();
    while story.source.ready().unwrap().generation() == 1 {
        assert_eq!(story.call().await, 200);
    }
    story.server.assert_token_requests(2);

    let token = story.source.ready().unwrap();
    assert!(story.server.revoke(token.secret()));
    assert_eq!(story.call().await, 200, "healed within the call");
    story.server.assert_token_requests(3);
    assert_eq!(story.source.ready().unwrap().generation(), 3);
}

#[tokio::test]
async fn p03_a_renewal_that_fails_costs_nothing_until_the_token_is_unusable() {
    let story = story();
    assert_eq!(story.call().await, 200);
    story.server.always_token_reply(Reply::status(503));
    story.clock.advance(Duration::from_secs(3300));
    assert_eq!(story.call().await, 200);
    story.server.await_token_requests(2);
    assert_eq!(story.call().await, 200);

    story.clock.advance(Duration::from_secs(270));
    let error = story
        .api
        .get(story.server.api_url())
        .send()
        .await
        .unwrap_err();
    let oauth_reqwest::Error::Token(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.kind(), oauth_core::ErrorKind::ServerUnavailable);
}

#[cfg(feature = "json")]
#[tokio::test]
async fn a_json_body_is_sent_again_after_a_401() {
    let story = story();
    assert_eq!(story.call().await, 200);
    story.server.revoke_all();
    let request = story
        .api
        .post(story.server.api_url_for("/users"))
        .json(&["a", "b"]);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let requests = story.server.api_requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[1].body(), requests[2].body());
    assert_eq!(requests[2].body(), &br#"["a","b"]"#[..]);
    assert_eq!(story.ordinal_of_last_call(), Some(2));
}
