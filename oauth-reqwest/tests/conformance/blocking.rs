//! The blocking client.

use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use oauth_reqwest::blocking::{Client, client};
use oauth_testkit::conformance::adapter::{Adapter, Body, Failure, Setup};
use reqwest::blocking::Body as ReqwestBody;

oauth_testkit::adapter_conformance! {
    adapter: Blocking::new,
}

struct Blocking {
    client: Client,
    timeout: Duration,
}

impl Blocking {
    fn new(setup: Setup) -> Self {
        Self {
            client: client(setup.source, setup.origins).unwrap(),
            timeout: setup.timeout,
        }
    }
}

impl Adapter for Blocking {
    fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, Failure> {
        let (head, body) = request.into_parts();
        let builder = self
            .client
            .request(head.method, head.uri.to_string())
            .headers(head.headers)
            .timeout(self.timeout);
        let builder = match body {
            Body::Empty => builder,
            Body::Bytes(bytes) => builder.body(bytes),
            Body::Stream(bytes) => builder.body(ReqwestBody::new(Cursor::new(bytes))),
        };
        let response = builder.send().map_err(super::sort_ours)?;
        let mut whole = Response::builder().status(response.status());
        *whole.headers_mut().unwrap() = response.headers().clone();
        *whole.extensions_mut().unwrap() = response.extensions().clone();
        let body = response.bytes().map_err(super::sort)?;
        Ok(whole.body(body).unwrap())
    }
}
