//! What must not reach the service below, drawn at random.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use futures_executor::block_on;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use oauth_core::{Authorizer, Error, ErrorKind};
use oauth_testkit::ScriptedSource;
use oauth_tower::OAuthLayer;
use proptest::prelude::*;
use proptest::sample::select;
use tower::{Layer, ServiceExt, service_fn};

const API: &str = "https://api.example.com";

/// A URI in its parts, so that what it must come to is known without the code under test.
#[derive(Debug)]
struct Place {
    scheme: &'static str,
    user: &'static str,
    host: &'static str,
    port: &'static str,
    path: String,
}

impl Place {
    fn uri(&self) -> String {
        let Self {
            scheme,
            user,
            host,
            port,
            path,
        } = self;
        format!("{scheme}://{user}{host}{port}{path}")
    }

    /// Whether a token may go there.
    fn is_ours(&self) -> bool {
        let is_default = matches!(self.port, "" | ":443");
        let is_host = self.host.eq_ignore_ascii_case("api.example.com");
        self.scheme == "https" && self.user.is_empty() && is_host && is_default
    }
}

fn places() -> impl Strategy<Value = Place> {
    (
        // Ours more often than not: the rest is refused early.
        select(&["https", "https", "https", "http", "ftp"][..]),
        select(&["", "", "", "api.example.com@", "user:pass@"][..]),
        select(
            &[
                "api.example.com",
                "API.Example.com",
                "api.example.com",
                "api.example.com.evil.example",
                "evilapi.example.com",
                "example.com",
                "127.0.0.1",
                "[::1]",
            ][..],
        ),
        select(&["", "", ":443", ":80", ":8443"][..]),
        "(/[a-z0-9.%-]{0,8}){0,3}",
    )
        .prop_map(|(scheme, user, host, port, path)| Place {
            scheme,
            user,
            host,
            port,
            path: path.replace('%', "%41"),
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p10_a_request_that_is_not_authorized_is_not_sent(
        place in places(),
        // Of the first token request and the second one.
        fails in any::<[bool; 2]>(),
        own in any::<bool>(),
        rejects in any::<bool>(),
    ) {
        let source = ScriptedSource::new();
        for (number, fails) in fails.into_iter().enumerate() {
            if fails {
                source.next_error(Error::new(ErrorKind::ServerUnavailable, "down"));
            } else {
                source.next_token(format!("token-{number}"), std::time::Duration::from_secs(60));
            }
        }
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&seen);
        let api = service_fn(move |request: Request<()>| {
            let header = request.headers().get(AUTHORIZATION);
            let value = header.map_or("nothing", |value| value.to_str().unwrap());
            log.lock().unwrap().push(value.to_owned());
            let mut response = Response::new(());
            if rejects {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                let challenge = "Bearer error=\"invalid_token\"".parse().unwrap();
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            async { Ok::<_, Infallible>(response) }
        });
        let client = OAuthLayer::new(Authorizer::new(source, [API]).unwrap()).layer(api);
        let mut request = Request::get(place.uri()).body(()).unwrap();
        if own {
            request.headers_mut().insert(AUTHORIZATION, "Basic own".parse().unwrap());
        }
        let outcome = block_on(client.oneshot(request));

        let expected = match (place.is_ours(), own, fails) {
            (false, _, _) | (true, false, [true, _]) => vec![],
            (true, true, _) => vec!["Basic own"],
            (true, false, [false, true]) => vec!["Bearer token-0"],
            (true, false, [false, false]) if rejects => vec!["Bearer token-0", "Bearer token-1"],
            (true, false, [false, false]) => vec!["Bearer token-0"],
        };
        prop_assert_eq!(outcome.is_err(), expected.is_empty());
        prop_assert_eq!(&*seen.lock().unwrap(), &expected);
    }
}
