//! The recording of what a process logs, and the rule that rests on it: clients that log what they should not.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_executor::block_on;
use http::{Request, Response};
use oauth_core::{HttpClient, HttpError, async_trait};
use oauth_testkit::Recording;
use oauth_testkit::conformance::http_client::p09_nothing_that_is_logged_shows_credentials;

#[test]
fn it_hears_every_thread_until_it_is_finished() {
    let first = Recording::start();
    let second = Recording::start();
    let span = tracing::trace_span!(
        "exchange",
        secret = "in a span",
        later = tracing::field::Empty
    );
    std::thread::scope(|scope| {
        scope.spawn(|| tracing::debug!(secret = "in an event", "told {}", "in a message"));
        scope.spawn(|| log::trace!("in a {}", "record"));
    });
    let first = first.finish();
    span.record("later", "told afterwards");
    let second = second.finish();
    tracing::error!("too late");
    for text in [
        "in a span",
        "in an event",
        "told in a message",
        "in a record",
    ] {
        assert!(first.text().contains(text), "{text}: {}", first.text());
        assert!(second.text().contains(text), "{text}: {}", second.text());
    }
    assert!(!first.text().contains("told afterwards"));
    assert!(second.text().contains("told afterwards"));
    assert!(!second.text().contains("too late"));
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Logs {
    Nothing,
    Header,
    Body,
    Answer,
    Failure,
}

/// Answers every other request with a token, and fails the rest.
struct Client {
    logs: Logs,
    requests: AtomicUsize,
}

#[async_trait]
impl HttpClient for Client {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let header = request.headers().get("authorization");
        let header = header.map(|value| text(value.as_bytes()));
        if self.requests.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            if self.logs == Logs::Failure {
                log::debug!("failed: {header:?} {}", text(request.body()));
            }
            return Err(HttpError::transport("told to fail"));
        }
        let answer = r#"{"access_token":"t0p-s3cret","token_type":"Bearer"}"#;
        match self.logs {
            Logs::Header => log::trace!("{header:?}"),
            Logs::Body => tracing::trace!(body = text(request.body()), "sent"),
            Logs::Answer => tracing::trace!("received {answer}"),
            Logs::Nothing | Logs::Failure => {}
        }
        Ok(Response::new(Bytes::from_static(answer.as_bytes())))
    }
}

#[test]
fn p09_a_client_that_logs_credentials_breaks_the_rule() {
    for logs in [
        Logs::Nothing,
        Logs::Header,
        Logs::Body,
        Logs::Answer,
        Logs::Failure,
    ] {
        let rule = || {
            block_on(p09_nothing_that_is_logged_shows_credentials(|_| Client {
                logs,
                requests: AtomicUsize::new(0),
            }));
        };
        let is_broken = catch_unwind(AssertUnwindSafe(rule)).is_err();
        assert_eq!(is_broken, logs != Logs::Nothing, "{logs:?}");
    }
}
