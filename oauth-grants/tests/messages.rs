//! What the grants add to the errors of the core. `INSTA_UPDATE=always` takes new texts over.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use futures_executor::block_on;
use oauth_core::{ClientCredentials, Error, ErrorKind, TokenSource};
use oauth_grants::{JwtBearer, RefreshToken, TokenExchange};
use oauth_isahc::IsahcHttpClient;
use oauth_testkit::{FakeTokenServer, Messages, ScriptedSource};

#[test]
fn p09_each_message_is_the_one_on_record_and_shows_no_secret() {
    let server = FakeTokenServer::start().unwrap();
    let client = || {
        ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
            .client_secret(FakeTokenServer::CLIENT_SECRET)
            .http_client(IsahcHttpClient::new().unwrap())
            .build()
            .unwrap()
    };
    let mut messages = Messages::new();

    let unsigned = JwtBearer::with(client(), || async {
        let error = Error::builder(
            ErrorKind::ServerUnavailable,
            "the key service does not sign",
        );
        Err(error.source("connection refused").build())
    });
    messages.add_err("a key that does not sign", block_on(unsigned.token()));
    let nonsense = JwtBearer::with(client(), || async { Ok("t0p-s3cret".into()) });
    messages.add_err("an assertion that is none", block_on(nonsense.token()));

    let subject = ScriptedSource::new();
    subject.always(Err(Error::new(
        ErrorKind::Configuration,
        "the user has no token",
    )));
    let exchange = TokenExchange::new(client(), subject);
    messages.add_err("nothing to exchange", block_on(exchange.token()));
    let exchange = TokenExchange::new(client(), ScriptedSource::new());
    messages.add_err(
        "a token that the server does not know",
        block_on(exchange.token()),
    );

    let used = RefreshToken::new(client(), "t0p-s3cret");
    messages.add_err("a refresh token that is none", block_on(used.token()));

    messages.assert_free_of(&["t0p-s3cret", FakeTokenServer::CLIENT_SECRET, "token-1"]);
    let text = messages.to_string();
    let origin = server.token_url();
    let text = text.replace(origin.trim_end_matches("/oauth/token"), "<server>");
    insta::assert_snapshot!("grants", text);
}
