//! Where the token goes: to its origins and nowhere else (RFC 9700 §2.3).

use http::Method;
use oauth_core::ErrorKind;

use super::world::{World, ok, request, start, token_error};
use super::{Body, Factory, Failure};

/// A request to another port, host or scheme, or to a URL that only looks like the origin, is refused before
/// anything is sent, and before a token is asked for (RFC 6454 §4).
pub fn p10_a_request_to_a_foreign_origin_is_not_sent(make: &Factory<'_>) {
    let world = World::new();
    let foreign = start();
    let adapter = world.adapter(make);
    let home = world.api.api_url();
    let elsewhere = foreign.api_url();
    let host_of = |url: &str| url.replace("http://", "");
    for url in [
        elsewhere.clone(),
        home.replace("127.0.0.1", "localhost"),
        home.replace("http://", "https://"),
        // User information that looks like the origin.
        format!("{home}@{}/", host_of(&elsewhere)),
        format!("{elsewhere}/{home}"),
        format!("{elsewhere}/?{home}#{home}"),
    ] {
        let error = token_error(adapter.send(request(Method::GET, &url, Body::Empty)));
        assert_eq!(error.kind(), ErrorKind::ForeignOrigin, "{url}: {error}");
    }
    foreign.assert_api_requests(0);
    world.api.assert_api_requests(0);
    assert_eq!(world.mint.requests(), 0, "a token was asked for");
}

/// A URL with user information is refused, or the user information taken for credentials of the caller's own
/// (RFC 7617). The token does not go with it.
pub fn p10_user_information_in_a_url_keeps_the_token_away(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    let url = world.api.api_url().replace("http://", "http://me:own@");
    match adapter.send(request(Method::GET, &url, Body::Empty)) {
        Err(Failure::Token(error)) => assert_eq!(error.kind(), ErrorKind::ForeignOrigin),
        other => assert_eq!(ok(other).status(), 401, "as the API knows no such user"),
    }
    for sent in world.api.api_requests() {
        assert_eq!(sent.token_ordinal(), None, "{sent}");
        assert_eq!(sent.header("authorization"), Some("Basic <redacted>"));
    }
    assert_eq!(world.mint.requests(), 0, "a token was asked for");
}
