//! Every error as its reader gets to see it: what was wrong, with which value (never a secret), what to do next.
//!
//! `INSTA_UPDATE=always cargo test -p oauth-core --all-features --test messages` takes new texts over into the
//! snapshot. Read them aloud.

// With every feature there are all of them, and Unix says what is wrong with files in its own words.
#![cfg(all(unix, feature = "jwt"))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "messages/cache.rs"]
mod cache;
#[path = "messages/configuration.rs"]
mod configuration;
#[path = "messages/discovery.rs"]
mod discovery;
#[path = "messages/responses.rs"]
mod responses;
#[path = "messages/signing_keys.rs"]
mod signing_keys;

use bytes::Bytes;
use http::Response;
use oauth_core::{ClientCredentials, ClientCredentialsBuilder, HttpClient, HttpError, async_trait};

use oauth_testkit::Messages;

const URL: &str = "https://id.example.com/token";
/// What no message may hold.
const SECRETS: [&str; 2] = ["hunter2", "t0p-s3cret"];

/// Answers every request with what the function gives.
struct Answer<F>(F);

#[async_trait]
impl<F: Fn() -> Result<Response<Bytes>, HttpError> + Send + Sync> HttpClient for Answer<F> {
    async fn send(&self, _: http::Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        (self.0)()
    }
}

/// An answer with this status, content type and body.
fn answer(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let response = Response::builder().status(status);
    let response = response.header("content-type", content_type);
    response.body(body.into()).unwrap()
}

fn json(status: u16, body: &str) -> Response<Bytes> {
    answer(status, "application/json", body.to_owned())
}

/// A client with a secret, whose server answers so.
fn client(
    answer: impl Fn() -> Result<Response<Bytes>, HttpError> + Send + Sync + 'static,
) -> ClientCredentialsBuilder {
    ClientCredentials::builder(URL, "my-client")
        .client_secret("hunter2")
        .http_client(Answer(answer))
}

/// Nothing but what is set is wrong with it.
fn sound() -> ClientCredentialsBuilder {
    client(|| Err(HttpError::connect("it is not asked")))
}

#[test]
fn p09_each_message_is_the_one_on_record_and_shows_no_secret() {
    let mut messages = Messages::new();
    configuration::of_a_client_that_is_set_up_wrongly(&mut messages);
    configuration::of_secrets_that_cannot_be_read(&mut messages);
    configuration::of_origins_and_targets(&mut messages);
    configuration::of_values(&mut messages);
    configuration::of_keys_that_adapters_cannot_prove(&mut messages);
    signing_keys::of_private_keys(&mut messages);
    discovery::of_metadata(&mut messages);
    discovery::of_a_request_that_another_caller_lost(&mut messages);
    responses::of_answers_that_are_no_token(&mut messages);
    responses::of_requests_without_an_answer(&mut messages);
    responses::of_a_token_that_is_not_bound(&mut messages);
    cache::of_the_cache(&mut messages);
    cache::of_tokens_that_live_too_short(&mut messages);
    cache::of_stores(&mut messages);
    messages.assert_free_of(&SECRETS);
    insta::assert_snapshot!("core", messages);
}
