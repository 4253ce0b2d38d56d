//! The suite for adapters, over the client in all its uses.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io::{Cursor, ErrorKind, Read};

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::io::AsyncReadExt;
use http::{Request, Response};
use isahc::config::{Configurable, RedirectPolicy};
use isahc::interceptor::{Context, Interceptor, InterceptorFuture};
use isahc::{AsyncBody, HttpClient, HttpClientBuilder};
use oauth_isahc::{Client, Error};
use oauth_testkit::conformance::adapter::{
    Adapter, Body, Capabilities, Failure, RULES, Redirects, Setup, Shown, factory,
};

mod synchronous {
    oauth_testkit::adapter_conformance! {
        adapter: super::Synchronous::new,
    }
}

mod asynchronous {
    oauth_testkit::adapter_conformance! {
        adapter: super::Asynchronous::new,
    }
}

/// With isahc's own redirects, which are off unless the user turns them on.
#[test]
fn redirects_that_isahc_follows_keep_the_token_safe() {
    let rules = RULES
        .iter()
        .filter(|rule| rule.name.contains("redirect") || rule.name.contains("another_origin"));
    let rules: Vec<_> = rules.collect();
    assert_eq!(rules.len(), 4);
    for rule in rules {
        (rule.check)(&factory(Synchronous::following));
        (rule.check)(&factory(Asynchronous::following));
    }
}

struct Synchronous(Client, Redirects);

impl Synchronous {
    fn new(setup: Setup) -> Self {
        let http = HttpClient::builder();
        Self(client(setup, http), Redirects::Returned)
    }

    fn following(setup: Setup) -> Self {
        let http = HttpClient::builder().redirect_policy(RedirectPolicy::Follow);
        Self(client(setup, http), Redirects::FollowedBack)
    }
}

impl Adapter for Synchronous {
    fn capabilities(&self) -> Capabilities {
        capabilities(self.1)
    }

    fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, Failure> {
        let response = self.0.send(request.map(|body| match body {
            Body::Empty => isahc::Body::empty(),
            Body::Bytes(bytes) => isahc::Body::from(bytes.to_vec()),
            Body::Stream(bytes) => isahc::Body::from_reader(Cursor::new(bytes)),
        }));
        let (head, mut body) = response.map_err(sort)?.into_parts();
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).map_err(sort_io)?;
        Ok(Response::from_parts(head, bytes.into()))
    }
}

struct Asynchronous(Client, Redirects);

impl Asynchronous {
    fn new(setup: Setup) -> Self {
        let http = HttpClient::builder();
        Self(client(setup, http), Redirects::Returned)
    }

    fn following(setup: Setup) -> Self {
        let http = HttpClient::builder().redirect_policy(RedirectPolicy::Follow);
        Self(client(setup, http), Redirects::FollowedBack)
    }
}

impl Adapter for Asynchronous {
    fn capabilities(&self) -> Capabilities {
        capabilities(self.1)
    }

    fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, Failure> {
        let request = request.map(|body| match body {
            Body::Empty => AsyncBody::empty(),
            Body::Bytes(bytes) => AsyncBody::from(bytes.to_vec()),
            Body::Stream(bytes) => AsyncBody::from_reader(futures_util::io::Cursor::new(bytes)),
        });
        block_on(async {
            let response = self.0.send_async(request).await.map_err(sort)?;
            let (head, mut body) = response.into_parts();
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes).await.map_err(sort_io)?;
            Ok(Response::from_parts(head, bytes.into()))
        })
    }
}

fn client(setup: Setup, http: HttpClientBuilder) -> Client {
    let authorizer = setup.authorizer();
    let http = http
        .timeout(setup.timeout)
        .interceptor(Show(setup.shown))
        .build()
        .unwrap();
    Client::new(http, authorizer)
}

/// Tells what isahc is handed.
struct Show(Shown);

impl Interceptor for Show {
    type Err = isahc::Error;

    fn intercept<'a>(
        &'a self,
        request: Request<AsyncBody>,
        context: Context<'a>,
    ) -> InterceptorFuture<'a, isahc::Error> {
        self.0.tell(request.headers());
        Box::pin(async move { context.send(request).await })
    }
}

fn capabilities(redirects: Redirects) -> Capabilities {
    Capabilities::new()
        .redirects(redirects)
        .decodes_gzip()
        .shows_headers()
}

fn sort(error: Error) -> Failure {
    match error {
        Error::Token(error) => Failure::Token(error),
        Error::Http(error) if error.is_timeout() => Failure::timeout(error),
        Error::Http(error) => Failure::transport(error),
        other => panic!("{other:?}"),
    }
}

fn sort_io(error: std::io::Error) -> Failure {
    if error.kind() == ErrorKind::TimedOut {
        Failure::timeout(error)
    } else {
        Failure::transport(error)
    }
}
