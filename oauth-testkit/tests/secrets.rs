//! Nothing the server shows holds a secret.

mod support;

use std::panic::catch_unwind;

use oauth_core::{Error, ErrorKind};
use oauth_testkit::{FakeTokenServer, Messages, Reply};
use support::{BASIC, Client, GRANT, ask, call, form, get};

#[test]
fn no_debug_display_or_panic_message_holds_a_secret() {
    let builder = FakeTokenServer::builder().client("test-client", "test-secret");
    let of_builder = format!("{builder:?}");
    let server = builder.start().unwrap();
    let reply = Reply::token().field("access_token", "scripted-token");
    let of_replies = format!(
        "{reply:?} {:?} {:?}",
        Reply::raw("scripted-token"),
        Reply::status(200).header("X", "scripted-token")
    );
    server.next_token_reply(reply);
    ask(&server, form(BASIC, GRANT)).token();
    let in_body =
        format!("{GRANT}&client_id=test-client&client_secret=test-secret&assertion=test-secret");
    let token = ask(&server, form("Cookie: test-secret\r\n", &in_body)).token();
    ask(&server, form(BASIC, r#"{"client_secret":"test-secret"}"#));
    let astray = form(BASIC, GRANT).replace("/token", "/token?client_secret=test-secret");
    ask(&server, astray);
    let mut client = Client::to(&server.api_url());
    client.exchange(get("/", "scripted-token"));
    client.exchange(get(&format!("/?access_token={token}"), &token));
    call(&server, get("/", "a").replace("Bearer a", &token));

    let panics = [
        catch_unwind(|| server.assert_token_requests(99)).unwrap_err(),
        catch_unwind(|| server.assert_api_requests(99)).unwrap_err(),
    ];
    let panics = panics.map(|panic| panic.downcast::<String>().unwrap());
    assert!(panics[0].contains("#1 POST /oauth/token grant_type=\"client_credentials\""));
    assert!(panics[0].contains("Basic(test-client) -> 200"));
    assert!(panics[1].contains("#2 GET /?access_token=<redacted> with token 2 -> 200"));
    let shown = format!(
        "{of_builder} {of_replies} {server:?} {:?} {:?} {panics:?}",
        server.token_requests(),
        server.api_requests(),
    );
    for secret in [
        "test-secret",
        "dGVzdC1jbGllbnQ6",
        "scripted-token",
        token.as_str(),
    ] {
        assert!(!shown.contains(secret), "a secret shows in {shown}");
    }
    let first = &server.token_requests()[0];
    assert_eq!(first.header("authorization"), Some("Basic <redacted>"));
    assert_eq!(first.grant_type(), Some("client_credentials"));
}

#[test]
fn messages_that_show_a_secret_do_not_show_it_once_more() {
    let mut messages = Messages::new();
    messages.add(
        "asked",
        &Error::new(ErrorKind::Connect, "the key is t0p-s3cret"),
    );
    let panic = catch_unwind(|| messages.assert_free_of(&["other", "t0p-s3cret"])).unwrap_err();
    let told = panic.downcast::<String>().unwrap();
    assert_eq!(*told, "an error shows secret number 2 of those given");
}
