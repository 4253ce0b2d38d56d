//! The header that bears the token.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};

use super::wire::Wire;
use super::world::{World, left_out, ok, request, token_error};
use super::{Body, Factory, Setup};
use crate::Reply;

/// A request of any method bears the token in exactly one `Authorization` header (RFC 6750 §2.1), and is
/// otherwise what it was.
pub fn every_method_bears_the_token_once(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    for method in &methods {
        let url = world.api.api_url_for("/things?tenant=a");
        let response = ok(adapter.send(request(method.clone(), &url, Body::Empty)));
        assert_eq!(response.status(), 200, "to {method}");
    }
    let requests = world.api.api_requests();
    let seen: Vec<_> = requests.iter().map(|request| request.method()).collect();
    assert_eq!(seen, methods.each_ref().map(Method::as_str));
    for request in &requests {
        let bears = (request.authorization_count(), request.token_ordinal());
        assert_eq!(bears, (1, Some(1)), "{request}");
        assert_eq!(request.path_and_query(), "/things?tenant=a");
    }
    assert_eq!(world.mint.requests(), 1);
}

/// The HTTP client is handed the token in one header, marked sensitive, so that neither its `Debug` nor the
/// compression of HTTP/2 (RFC 7541 §7.1.3) gives it away.
///
/// If the adapter does not [show the headers](super::Capabilities::shows_headers), only what arrives is checked, and
/// said so on the terminal.
pub fn p09_the_token_is_marked_sensitive(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    ok(adapter.send(world.get("/")));
    world.api.revoke_all();
    ok(adapter.send(world.get("/")));
    let requests = world.api.api_requests();
    let arrived: Vec<_> = requests
        .iter()
        .map(|request| (request.authorization_count(), request.token_ordinal()))
        .collect();
    assert_eq!(arrived, [(1, Some(1)), (1, Some(1)), (1, Some(2))]);
    let shown = world.shown.all();
    if !adapter.capabilities().shows_headers {
        assert!(shown.is_empty(), "it shows headers, and does not say so");
        left_out(
            "p09_the_token_is_marked_sensitive",
            "this adapter cannot show the headers that its HTTP client is handed; that the token arrives once holds",
        );
        return;
    }
    assert_eq!(shown.len(), 3, "each request, and the one sent again");
    for headers in &shown {
        let values: Vec<_> = headers.get_all(AUTHORIZATION).iter().collect();
        assert!(
            matches!(*values, [value] if value.is_sensitive()),
            "one sensitive header, not {values:?}"
        );
    }
}

/// An `Authorization` header of the caller's own is sent as it is, and alone; no token is asked for.
pub fn the_callers_own_authorization_is_kept(make: &Factory<'_>) {
    let world = World::new();
    let empty = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let wire = Wire::answering([empty; 2]);
    let adapter = make(Setup {
        origins: vec![wire.url()],
        ..world.setup()
    });
    let own = ["Basic bWU6b3du", "Bearer own"];
    for own in own {
        let mut request = request(Method::GET, &wire.url(), Body::Empty);
        let value = HeaderValue::from_static(own);
        request.headers_mut().insert(AUTHORIZATION, value);
        ok(adapter.send(request));
    }
    let seen: Vec<Vec<_>> = wire
        .requests()
        .iter()
        .map(|request| {
            request
                .headers
                .get_all(AUTHORIZATION)
                .iter()
                .cloned()
                .collect()
        })
        .collect();
    assert_eq!(seen, own.map(|own| vec![HeaderValue::from_static(own)]));
    assert_eq!(world.mint.requests(), 0);
}

/// What the API says about credentials of the caller's own is the caller's: no resend, and the token of the
/// source is not rejected.
pub fn p07_a_401_to_the_callers_own_authorization_is_not_healed(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    ok(adapter.send(world.get("/")));
    let mut request = world.get("/");
    let own = HeaderValue::from_static("Bearer own");
    request.headers_mut().insert(AUTHORIZATION, own);
    assert_eq!(ok(adapter.send(request)).status(), 401);
    world.api.assert_api_requests(2);
    world.assert_first_token_is_kept();
}

/// Headers and body of the caller arrive as they were given, those of several values too.
pub fn the_request_is_sent_as_it_is(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    let mut request = world.post("/things", "{\"a\":1}");
    let headers = request.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.append("x-own", HeaderValue::from_static("one"));
    headers.append("x-own", HeaderValue::from_static("two"));
    ok(adapter.send(request));
    let sent = &world.api.api_requests()[0];
    assert_eq!(sent.header("content-type"), Some("application/json"));
    let own: Vec<_> = sent.headers().get_all("x-own").iter().collect();
    assert_eq!(own, ["one", "two"]);
    assert_eq!(sent.body(), &Bytes::from_static(b"{\"a\":1}"));
}

/// A token of 8 KiB, as servers issue that put groups into it, is sent whole.
pub fn a_token_of_8_kib_is_sent(make: &Factory<'_>) {
    let world = World::new();
    world.mint.pad(8 * 1024);
    let adapter = world.adapter(make);
    assert_eq!(ok(adapter.send(world.get("/"))).status(), 200);
    assert_eq!(world.api.api_requests()[0].token_ordinal(), Some(1));
}

/// If the source has no token, its error is the caller's, and nothing is sent.
pub fn without_a_token_nothing_is_sent(make: &Factory<'_>) {
    let world = World::new();
    world.mint.fail();
    let error = token_error(world.adapter(make).send(world.get("/")));
    assert_eq!(error.kind(), oauth_core::ErrorKind::ServerUnavailable);
    world.api.assert_api_requests(0);
}

/// Neither the token nor the request's headers show in the error of an exchange that fails.
pub fn p09_an_error_shows_no_token(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    world.api.next_api_reply(Reply::reset());
    let Err(failure) = adapter.send(world.get("/")) else {
        panic!("a reset connection gave a response");
    };
    let mut shown = format!("{failure:?}");
    let mut cause: Option<&dyn std::error::Error> = Some(&failure);
    while let Some(error) = cause {
        shown += &format!("\n{error}");
        cause = error.source();
    }
    for secret in world.mint.secrets() {
        assert!(
            !shown.contains(&secret),
            "{}",
            shown.replace(&secret, "<the token>")
        );
    }
}
