//! A user grants access again, after the refresh token in the store has died.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use futures_executor::block_on;
use oauth_core::{
    ClientCredentials, Error, MemoryStore, OAuthErrorCode, SecretSource, SystemClock, TokenSource,
};
use oauth_grants::RefreshToken;
use oauth_isahc::IsahcHttpClient;
use oauth_testkit::{FakeTokenServer, Reply};

struct World {
    server: FakeTokenServer,
    store: Arc<MemoryStore>,
    /// What the user granted at first.
    first: String,
}

impl World {
    fn new(server: FakeTokenServer) -> Self {
        Self {
            store: Arc::new(MemoryStore::new(SystemClock::new())),
            first: server.issue_refresh_token(FakeTokenServer::CLIENT_ID, None),
            server,
        }
    }

    /// A store with a refresh token that the server has revoked with all of its family (RFC 9700 §4.14.2).
    fn with_a_dead_one() -> Self {
        let world = Self::new(FakeTokenServer::start().unwrap());
        block_on(world.process(&world.first).token()).unwrap();
        let thief = RefreshToken::new(world.client(), world.first.as_str());
        block_on(thief.token()).unwrap_err();
        world
    }

    fn client(&self) -> ClientCredentials {
        ClientCredentials::builder(self.server.token_url(), FakeTokenServer::CLIENT_ID)
            .client_secret(FakeTokenServer::CLIENT_SECRET)
            .http_client(IsahcHttpClient::new().unwrap())
            .build()
            .unwrap()
    }

    /// One that starts with this refresh token.
    fn process(&self, refresh_token: &str) -> RefreshToken {
        RefreshToken::new(self.client(), refresh_token).kept_in(Arc::clone(&self.store), "ada")
    }

    fn granted_again(&self) -> String {
        self.server
            .issue_refresh_token(FakeTokenServer::CLIENT_ID, None)
    }

    fn requests(&self) -> usize {
        self.server.token_requests().len()
    }

    fn assert_requests_since(&self, before: usize, expected: usize) {
        assert_eq!(self.requests() - before, expected, "token requests");
    }
}

fn code(source: &RefreshToken) -> OAuthErrorCode {
    let error = block_on(source.token()).unwrap_err();
    error.oauth_error().unwrap().code().clone()
}

#[test]
fn the_one_that_was_granted_takes_the_place_of_the_one_that_is_refused() {
    let world = World::with_a_dead_one();
    let (before, again) = (world.requests(), world.granted_again());
    let source = world.process(&again);
    block_on(source.token()).unwrap();
    world.assert_requests_since(before, 2);
    block_on(source.token()).unwrap();
    block_on(world.process(&again).token()).unwrap();
    world.assert_requests_since(before, 4);
}

#[test]
fn it_is_kept_also_if_the_server_sends_no_other() {
    let server = FakeTokenServer::builder().keep_refresh_tokens();
    let world = World::new(server.start().unwrap());
    let reply = Reply::token().field("refresh_token", "long-revoked");
    world.server.next_token_reply(reply);
    block_on(world.process(&world.first).token()).unwrap();

    let (before, again) = (world.requests(), world.granted_again());
    block_on(world.process(&again).token()).unwrap();
    world.assert_requests_since(before, 2);
    block_on(world.process("long used").token()).unwrap();
    world.assert_requests_since(before, 3);
}

#[test]
fn p12_processes_that_start_with_it_at_once_use_it_once() {
    let world = World::with_a_dead_one();
    let (before, again) = (world.requests(), world.granted_again());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| world.process(&again).token_blocking().unwrap());
        }
    });
    // The first has the store's refused. Nobody is taken for a thief.
    world.assert_requests_since(before, 5);
    assert_eq!(world.server.max_concurrent_token_requests(), 1);
}

#[test]
fn p12_the_one_in_the_store_outlives_a_change_of_the_clients_credentials() {
    let world = World::new(FakeTokenServer::start().unwrap());
    block_on(world.process(&world.first).token()).unwrap();
    let vault = SecretSource::function("vault", || async {
        Ok::<_, Error>(FakeTokenServer::CLIENT_SECRET.into())
    });
    let client = ClientCredentials::builder(world.server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(vault)
        .http_client(IsahcHttpClient::new().unwrap())
        .build()
        .unwrap();
    assert_ne!(client.key(), world.client().key());
    let source = RefreshToken::new(client, world.first.as_str());
    let source = source.kept_in(Arc::clone(&world.store), "ada");
    block_on(source.token()).unwrap();
}

#[test]
fn one_that_is_refused_too_is_tried_once_and_the_store_keeps_what_it_has() {
    let world = World::with_a_dead_one();
    let before = world.requests();
    let source = world.process("never issued");
    assert_eq!(code(&source), OAuthErrorCode::InvalidGrant);
    world.assert_requests_since(before, 2);
    assert_eq!(code(&source), OAuthErrorCode::InvalidGrant);
    world.assert_requests_since(before, 3);
}

#[test]
fn a_refusal_by_mistake_loses_no_grant() {
    let world = World::new(FakeTokenServer::start().unwrap());
    block_on(world.process(&world.first).token()).unwrap();
    for _ in 0..2 {
        let reply = Reply::oauth_error("invalid_grant");
        world.server.next_token_reply(reply);
    }
    let source = world.process("never issued");
    assert_eq!(code(&source), OAuthErrorCode::InvalidGrant);
    block_on(world.process("never issued").token()).unwrap();
    block_on(source.token()).unwrap();
}

/// RFC 9700 §4.14.2: to use it again would have the server revoke what descends from it.
#[test]
fn the_one_that_the_kept_one_descends_from_is_not_used_again() {
    let world = World::new(FakeTokenServer::start().unwrap());
    block_on(world.process(&world.first).token()).unwrap();
    // Started anew, as ever, and refused by mistake.
    let source = world.process(&world.first);
    let reply = Reply::oauth_error("invalid_grant");
    world.server.next_token_reply(reply);
    assert_eq!(code(&source), OAuthErrorCode::InvalidGrant);
    block_on(source.token()).unwrap();
}

#[test]
fn it_is_tried_again_if_the_server_was_out_of_order() {
    let world = World::with_a_dead_one();
    world
        .server
        .next_token_reply(Reply::oauth_error("invalid_grant"));
    world.server.next_token_reply(Reply::status(503));
    let source = world.process(&world.granted_again());
    assert!(block_on(source.token()).unwrap_err().is_retryable());
    block_on(source.token()).unwrap();
}
