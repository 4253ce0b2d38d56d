//! The link in a chain of reqwest-middleware.

use bytes::Bytes;
use http::{Extensions, Request, Response};
use oauth_core::async_trait;
use oauth_reqwest::{OAuthMiddleware, redirect_policy};
use oauth_testkit::conformance::adapter::{Adapter, Body, Capabilities, Failure, Setup, Shown};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};
use tokio::runtime::Runtime;

oauth_testkit::adapter_conformance! {
    adapter: Chain::new,
}

struct Chain {
    client: ClientWithMiddleware,
    runtime: Runtime,
}

impl Chain {
    fn new(setup: Setup) -> Self {
        let http = reqwest::Client::builder()
            .timeout(setup.timeout)
            .redirect(redirect_policy())
            .build()
            .unwrap();
        let client = ClientBuilder::new(http)
            .with(OAuthMiddleware::new(setup.authorizer()))
            .with(Show(setup.shown))
            .build();
        Self {
            client,
            runtime: super::runtime(),
        }
    }
}

impl Adapter for Chain {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new().shows_headers()
    }

    fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, Failure> {
        let (head, body) = request.into_parts();
        // The builder of the chain has no way to add a body of any kind.
        let plain = reqwest::Client::new();
        let builder = plain
            .request(head.method, head.uri.to_string())
            .headers(head.headers);
        let request = super::with_body(builder, body).build().unwrap();
        self.runtime.block_on(async {
            let response = self.client.execute(request).await;
            super::whole(response.map_err(sort)?).await
        })
    }
}

fn sort(error: Error) -> Failure {
    match error {
        Error::Middleware(error) => Failure::Token(error.downcast().unwrap()),
        Error::Reqwest(error) => super::sort(error),
    }
}

/// Tells what the HTTP client is handed.
struct Show(Shown);

#[async_trait]
impl Middleware for Show {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        self.0.tell(request.headers());
        next.run(request, extensions).await
    }
}
