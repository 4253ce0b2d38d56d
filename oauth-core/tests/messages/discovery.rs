//! Metadata that is missing or of no use.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_executor::block_on;
use http::Response;
use oauth_core::{AccessToken, ClientCredentials, HttpClient, HttpError, TokenSource, async_trait};
use oauth_testkit::Messages;

use super::{Answer, answer, json};

const ISSUER: &str = "https://id.example.com/tenant-a";

fn discovered(
    answer: impl Fn() -> Result<Response<bytes::Bytes>, HttpError> + Send + Sync + 'static,
) -> ClientCredentials {
    ClientCredentials::discover(ISSUER, "my-client")
        .client_secret("hunter2")
        .http_client(Answer(answer))
        .build()
        .unwrap()
}

pub(crate) fn of_metadata(messages: &mut Messages) {
    let mut add = |when: &str, answer: Response<bytes::Bytes>| {
        let source = discovered(move || Ok(answer.clone()));
        messages.add_err(when, block_on(source.token()));
    };
    add("nothing there", json(404, ""));
    add("a page", answer(200, "text/html", "<p>Welcome</p>"));
    add("no issuer", json(200, "{}"));
    add(
        "another issuer",
        json(200, r#"{"issuer":"https://id.example.com/tenant-b"}"#),
    );
    add(
        "no token endpoint",
        json(200, r#"{"issuer":"https://id.example.com/tenant-a"}"#),
    );
    add(
        "an endpoint without TLS",
        json(
            200,
            r#"{"issuer":"https://id.example.com/tenant-a","token_endpoint":"http://id.example.com/token"}"#,
        ),
    );
    add("out of order", {
        let mut answer = json(503, "");
        answer
            .headers_mut()
            .insert("retry-after", "7".parse().unwrap());
        answer
    });
    let source = discovered(|| Err(HttpError::connect("connection refused")));
    messages.add_err("nobody listens", block_on(source.token()));
    let bare = r#"{"issuer":"https://id.example.com/tenant-a","token_endpoint":"https://id.example.com/token"}"#;
    let source = discovered(|| Ok(json(200, bare)));
    let token = AccessToken::builder("t0p-s3cret").build().unwrap();
    messages.add_err(
        "no introspection endpoint",
        block_on(source.introspect(&token)),
    );
    messages.add_err("no revocation endpoint", block_on(source.revoke(&token)));
}

/// Panics when it is woken.
#[derive(Clone, Default)]
struct Panics(Arc<Mutex<Option<Waker>>>);

#[async_trait]
impl HttpClient for Panics {
    async fn send(
        &self,
        _: http::Request<bytes::Bytes>,
    ) -> Result<Response<bytes::Bytes>, HttpError> {
        std::future::poll_fn(|context| {
            let woken = self.0.lock().unwrap().replace(context.waker().clone());
            assert!(woken.is_none(), "the test has it panic");
            Poll::Pending
        })
        .await
    }
}

pub(crate) fn of_a_request_that_another_caller_lost(messages: &mut Messages) {
    let panics = Panics::default();
    let source = ClientCredentials::discover(ISSUER, "my-client")
        .client_secret("hunter2")
        .http_client(panics.clone())
        .build()
        .unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let (mut first, mut second) = (source.token(), source.token());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    let waker = panics.0.lock().unwrap().clone().unwrap();
    waker.wake();
    let panicked = catch_unwind(AssertUnwindSafe(|| first.as_mut().poll(&mut context)));
    assert!(panicked.is_err());
    messages.add_err("who asked for all has panicked", block_on(second));
}
