//! The authorized client.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use oauth_reqwest::{Client, client};
use oauth_testkit::conformance::adapter::{Adapter, Body, Failure, Setup};
use tokio::runtime::Runtime;

oauth_testkit::adapter_conformance! {
    adapter: Authorized::new,
}

struct Authorized {
    client: Client,
    timeout: Duration,
    runtime: Runtime,
}

impl Authorized {
    fn new(setup: Setup) -> Self {
        Self {
            client: client(setup.source, setup.origins).unwrap(),
            timeout: setup.timeout,
            runtime: super::runtime(),
        }
    }
}

impl Adapter for Authorized {
    fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, Failure> {
        let (head, body) = request.into_parts();
        let request = self
            .client
            .request(head.method, head.uri.to_string())
            .headers(head.headers)
            .timeout(self.timeout)
            .map(|builder| super::with_body(builder, body));
        self.runtime.block_on(async {
            let response = request.send().await.map_err(super::sort_ours)?;
            super::whole(response).await
        })
    }
}
