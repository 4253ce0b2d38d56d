//! The conformance suites, over every client of this crate.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[cfg(feature = "blocking")]
mod blocking;
mod client;
#[cfg(feature = "middleware")]
mod middleware;

use bytes::Bytes;
use http::Response;
use http_body_util::StreamBody;
use oauth_reqwest::Error;
use oauth_testkit::conformance::adapter::{Body, Failure};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn with_body(builder: reqwest::RequestBuilder, body: Body) -> reqwest::RequestBuilder {
    match body {
        Body::Empty => builder,
        Body::Bytes(bytes) => builder.body(bytes),
        Body::Stream(bytes) => {
            let frame = Ok::<_, std::io::Error>(http_body::Frame::data(bytes));
            let stream = StreamBody::new(futures_util::stream::iter([frame]));
            builder.body(reqwest::Body::wrap(stream))
        }
    }
}

async fn whole(response: reqwest::Response) -> Result<Response<Bytes>, Failure> {
    let mut whole = Response::builder().status(response.status());
    *whole.headers_mut().unwrap() = response.headers().clone();
    *whole.extensions_mut().unwrap() = response.extensions().clone();
    Ok(whole.body(response.bytes().await.map_err(sort)?).unwrap())
}

fn sort_ours(error: Error) -> Failure {
    match error {
        Error::Token(error) => Failure::Token(error),
        Error::Http(error) => sort(error),
        other => panic!("{other:?}"),
    }
}

fn sort(error: reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::timeout(error)
    } else {
        Failure::transport(error)
    }
}
