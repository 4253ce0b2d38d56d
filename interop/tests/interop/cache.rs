//! The life of a token: kept, renewed, replaced when the API refuses it.

use http::Method;

use crate::backend::Backend;
use crate::server::SERVER;

through_both! {
    one_token_serves_many_calls
    p01_tokens_of_five_seconds_are_renewed_before_anyone_is_refused
}

fn one_token_serves_many_calls(backend: &Backend) {
    let place = &SERVER.plain;
    let source = backend
        .with_secret(place, "basic")
        .build()
        .unwrap()
        .cached();
    let client = backend.client(place, source);
    for _ in 0..10 {
        client.call().token();
    }
    assert_eq!(backend.seen().tokens(), 1);
}

/// Until the third: the whole life of the first is over by then.
fn p01_tokens_of_five_seconds_are_renewed_before_anyone_is_refused(backend: &Backend) {
    let place = &SERVER.plain;
    let source = backend
        .with_secret(place, "short")
        .build()
        .unwrap()
        .cached();
    let client = backend.client(place, source);
    let mut calls = 0;
    while client.send(Method::GET, "?pause=20").token()["number"] != 3 {
        calls += 1;
        assert!(calls < 1000, "no renewal");
    }
    let seen = backend.seen();
    assert_eq!((seen.tokens(), seen.accepted()), (3, calls + 1));
    assert!(seen.api_errors().is_empty(), "{seen:?}");
}
