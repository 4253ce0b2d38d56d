//! Every error of this crate as its reader gets to see it. `INSTA_UPDATE=always` takes new texts over.

// The causes are in the words of the system.
#![cfg(all(target_os = "linux", feature = "blocking"))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{ClientCredentials, TokenSource};
use oauth_reqwest::{ReqwestHttpClient, blocking, client};
use oauth_testkit::{FakeTokenServer, Messages, Reply};

#[test]
fn p09_each_message_is_the_one_on_record_and_shows_no_secret() {
    let server = FakeTokenServer::start().unwrap();
    let with = |http: ReqwestHttpClient| {
        ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
            .client_secret(FakeTokenServer::CLIENT_SECRET)
            .http_client(http)
            .build()
            .unwrap()
    };
    let source = || with(ReqwestHttpClient::new().unwrap());
    let mut messages = Messages::new();
    let impossible = ReqwestHttpClient::configured(|http| http.user_agent("\n"));
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
    let hasty = ReqwestHttpClient::configured(|http| http.timeout(Duration::from_millis(200)));
    server.next_token_reply(Reply::hang());
    let unanswered = block_on(with(hasty.unwrap()).token());
    messages.add_err("the server does not answer", unanswered);
    let outage = server.refuse_token_connections();
    messages.add_err("nobody listens", block_on(source().token()));
    outage.end();

    let api = blocking::client(source(), [server.api_url()]).unwrap();
    let foreign = api.get("https://evil.example.com/users/23").send();
    messages.add_err("a foreign origin", foreign);
    messages.add_err("an API URL that is none", api.get("no URL").send());
    let outage = server.refuse_api_connections();
    messages.add_err("no API", api.get(server.api_url_for("/users/23")).send());
    outage.end();
    server.next_token_reply(Reply::oauth_error("invalid_scope").description("no such scope"));
    let fresh = blocking::client(source(), [server.api_url()]).unwrap();
    messages.add_err("no token", fresh.get(server.api_url()).send());
    messages.add_err("no origin", client(source(), [""; 0]));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let inside = runtime.block_on(async { api.get(server.api_url()).send() });
    messages.add_err("blocking inside a runtime", inside);

    messages.assert_free_of(&[FakeTokenServer::CLIENT_SECRET]);
    let text = messages.to_string();
    let text = text.replace(
        server.token_url().trim_end_matches("/oauth/token"),
        "<server>",
    );
    insta::assert_snapshot!("reqwest", text.replace(&server.api_url(), "<api>"));
}
