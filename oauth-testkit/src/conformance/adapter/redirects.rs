//! What becomes of the token when the API sends a request elsewhere (RFC 9110 §15.4).

use bytes::Bytes;
use http::{Method, Response};
use oauth_core::ErrorKind;

use super::world::{World, ok, request, start, token_error};
use super::{Adapter, Body, Factory, Failure, Redirects};
use crate::{FakeTokenServer, Reply};

const INVALID_TOKEN: &str = r#"Bearer error="invalid_token""#;

/// A redirect within the origin keeps the token, in one header; or the caller gets the redirect.
pub fn a_redirect_within_the_origin_keeps_the_token(make: &Factory<'_>) {
    for (status, method) in REDIRECTS {
        let world = World::new();
        let adapter = world.adapter(make);
        let landing = world.api.api_url_for("/landing");
        world.api.next_api_reply(Reply::redirect(status, landing));
        let response = ok(send(&world, &*adapter, &method));
        if adapter.capabilities().redirects == Redirects::Returned {
            assert_eq!(response.status(), status, "it says that it follows none");
            world.api.assert_api_requests(1);
            continue;
        }
        assert_eq!(response.status(), 200, "after {status} to {method}");
        let requests = world.api.api_requests();
        let bears: Vec<_> = requests
            .iter()
            .map(|request| (request.authorization_count(), request.token_ordinal()))
            .collect();
        assert_eq!(bears, [(1, Some(1)); 2], "after {status} to {method}");
    }
}

/// A redirect to another origin does not take the token along, whoever follows it: another port of the same
/// machine is another origin (RFC 9700 §2.3, RFC 6454 §4).
pub fn p10_a_redirect_to_another_origin_drops_the_token(make: &Factory<'_>) {
    for (status, method) in REDIRECTS {
        let world = World::new();
        let elsewhere = start();
        elsewhere.always_api_reply(Reply::status(200).body("landed"));
        let adapter = world.adapter(make);
        let landing = elsewhere.api_url_for("/landing");
        world.api.next_api_reply(Reply::redirect(status, landing));
        let outcome = send(&world, &*adapter, &method);
        for sent in elsewhere.api_requests() {
            assert!(!sent.has_authorization(), "after {status}: {sent}");
        }
        expect_hop(&*adapter, outcome, status, &elsewhere);
        world.api.assert_api_requests(1);
        world.assert_first_token_is_kept();
    }
}

/// What another origin says about a token that it was not sent does not count: no resend, no rejection.
pub fn p07_a_401_of_another_origin_is_not_believed(make: &Factory<'_>) {
    let world = World::new();
    let elsewhere = start();
    elsewhere.always_api_reply(
        Reply::status(401)
            .header("WWW-Authenticate", INVALID_TOKEN)
            .body("landed"),
    );
    let adapter = world.adapter(make);
    let away = Reply::redirect(307, elsewhere.api_url());
    world.api.next_api_reply(away);
    let outcome = send(&world, &*adapter, &Method::GET);
    expect_hop(&*adapter, outcome, 307, &elsewhere);
    assert!(elsewhere.api_request_count() <= 1, "it was asked again");
    world.api.assert_api_requests(1);
    world.assert_first_token_is_kept();
}

/// A redirect that comes back from another origin arrives without the token. The refusal it earns must not look
/// like one of the token.
pub fn p07_a_redirect_there_and_back_gets_no_good_token_rejected(make: &Factory<'_>) {
    let world = World::new();
    let elsewhere = start();
    let back = world.api.api_url_for("/landing");
    elsewhere.always_api_reply(Reply::redirect(307, back).body("landed"));
    let adapter = world.adapter(make);
    let away = Reply::redirect(307, elsewhere.api_url());
    world.api.next_api_reply(away);
    world
        .api
        .always_api_reply(Reply::status(401).header("WWW-Authenticate", INVALID_TOKEN));
    let outcome = send(&world, &*adapter, &Method::GET);
    if adapter.capabilities().redirects == Redirects::FollowedBack {
        assert_eq!(ok(outcome).status(), 401);
        elsewhere.assert_api_requests(1);
        let requests = world.api.api_requests();
        let bears: Vec<_> = requests
            .iter()
            .map(|request| request.authorization_count())
            .collect();
        assert_eq!(
            bears,
            [1, 0],
            "there with the token, back without, and no more"
        );
    } else {
        expect_hop(&*adapter, outcome, 307, &elsewhere);
    }
    world.assert_first_token_is_kept();
}

/// 302 turns a `POST` into a `GET` with most clients, 307 does not.
const REDIRECTS: [(u16, Method); 4] = [
    (302, Method::GET),
    (302, Method::POST),
    (307, Method::GET),
    (307, Method::POST),
];

fn send(world: &World, adapter: &dyn Adapter, method: &Method) -> Result<Response<Bytes>, Failure> {
    let body = if method == Method::POST {
        Body::Bytes(Bytes::from_static(b"a body"))
    } else {
        Body::Empty
    };
    adapter.send(request(method.clone(), &world.api.api_url(), body))
}

/// What the adapter claims about redirects is what became of one to `elsewhere`.
#[track_caller]
fn expect_hop(
    adapter: &dyn Adapter,
    outcome: Result<Response<Bytes>, Failure>,
    redirect: u16,
    elsewhere: &FakeTokenServer,
) {
    match adapter.capabilities().redirects {
        Redirects::Followed | Redirects::FollowedBack => {
            assert_eq!(ok(outcome).body(), "landed");
            elsewhere.assert_api_requests(1);
        }
        Redirects::WithinOrigin | Redirects::Returned => {
            assert_eq!(ok(outcome).status(), redirect);
            elsewhere.assert_api_requests(0);
        }
        Redirects::PerHop => {
            assert_eq!(token_error(outcome).kind(), ErrorKind::ForeignOrigin);
            elsewhere.assert_api_requests(0);
        }
    }
}
