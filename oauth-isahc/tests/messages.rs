//! Every error of this crate as its reader gets to see it. `INSTA_UPDATE=always` takes new texts over.

// The causes are in the words of the system.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use futures_executor::block_on;
use isahc::config::Configurable as _;
use oauth_core::{ClientCredentials, TokenSource};
use oauth_isahc::{IsahcHttpClient, client};
use oauth_testkit::{FakeTokenServer, Messages, Reply};

#[test]
fn p09_each_message_is_the_one_on_record_and_shows_no_secret() {
    let server = FakeTokenServer::start().unwrap();
    let with = |http: IsahcHttpClient| {
        ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
            .client_secret(FakeTokenServer::CLIENT_SECRET)
            .http_client(http)
            .build()
            .unwrap()
    };
    let source = || with(IsahcHttpClient::new().unwrap());
    let mut messages = Messages::new();
    let impossible = IsahcHttpClient::configured(|http| http.default_header("x", "\n"));
    messages.add_err("a setting that is impossible", impossible);
    for (when, reply) in [
        ("the server resets the connection", Reply::reset()),
        ("the server breaks off", Reply::truncated(10)),
        (
            "the server answers nonsense",
            Reply::raw("nonsense\r\n\r\n"),
        ),
    ] {
        server.next_token_reply(reply);
        messages.add_err(when, block_on(source().token()));
    }
    // Short for this one alone: on a busy machine the others may take as long.
    let hasty = IsahcHttpClient::configured(|http| http.timeout(Duration::from_millis(200)));
    server.next_token_reply(Reply::hang());
    let unanswered = block_on(with(hasty.unwrap()).token());
    messages.add_err("the server does not answer", unanswered);
    let outage = server.refuse_token_connections();
    messages.add_err("nobody listens", block_on(source().token()));
    outage.end();

    let api = client(source(), [server.api_url()]).unwrap();
    messages.add_err(
        "a foreign origin",
        api.get("https://evil.example.com/users/23"),
    );
    messages.add_err("an API URL that is none", api.get("no URL"));
    let outage = server.refuse_api_connections();
    messages.add_err("no API", api.get(server.api_url_for("/users/23")));
    outage.end();
    server.next_token_reply(Reply::oauth_error("invalid_scope").description("no such scope"));
    let fresh = client(source(), [server.api_url()]).unwrap();
    messages.add_err("no token", fresh.get(server.api_url()));
    messages.add_err("no origin", client(source(), [""; 0]));

    messages.assert_free_of(&[FakeTokenServer::CLIENT_SECRET]);
    insta::assert_snapshot!("isahc", without_numbers(&messages.to_string(), &server));
}

/// Ports and milliseconds are others in each run.
fn without_numbers(text: &str, server: &FakeTokenServer) -> String {
    let mut text = text.to_owned();
    for (url, name) in [(server.token_url(), "server"), (server.api_url(), "api")] {
        let origin = url.trim_end_matches("/oauth/token");
        let port = origin.rsplit(':').next().unwrap();
        text = text.replace(origin, &format!("<{name}>"));
        text = text.replace(&format!("port {port}"), &format!("port <{name}>"));
    }
    let words = text.split(' ').collect::<Vec<_>>();
    let is_time = |at: usize| {
        at > 0
            && words
                .get(at + 1)
                .is_some_and(|next| next.starts_with("ms") || next.starts_with("milliseconds"))
    };
    let words = words.iter().enumerate();
    let words = words.map(|(at, word)| if is_time(at) { "<n>" } else { *word });
    words.collect::<Vec<_>>().join(" ")
}
