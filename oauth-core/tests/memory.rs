//! What a source keeps in memory.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use allocation_counter::measure;
use bytes::Bytes;
use futures_executor::block_on;
use oauth_core::{
    BoxFuture, CachedTokenSource, ClientCredentials, HttpClient, HttpError, Spawner, TokenSource,
    async_trait,
};

/// Bytes a source, with a token of 1 KB. A flight that stayed behind would be more than that by itself.
const BUDGET: i64 = 2_400;
const SOURCES: usize = 100;

struct OneKilobyte;

#[async_trait]
impl HttpClient for OneKilobyte {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let body = format!(
            r#"{{"access_token":"{}","expires_in":3600}}"#,
            "t".repeat(1024)
        );
        Ok(http::Response::new(body.into()))
    }
}

/// Leaves the work to the callers: what another thread frees is not counted.
struct Idle;

impl Spawner for Idle {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}
}

fn warm_source(http_client: &Arc<OneKilobyte>) -> CachedTokenSource<ClientCredentials> {
    let source = ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
        .client_secret("a-secret-of-usual-length-32-chars")
        .scopes(["read", "write"])
        .http_client(http_client.clone())
        .build()
        .unwrap();
    let source = CachedTokenSource::builder(source).spawner(Idle).build();
    block_on(source.token()).unwrap();
    source
}

#[test]
fn a_source_keeps_little_besides_its_token_and_nothing_of_its_flights() {
    let http_client = Arc::new(OneKilobyte);
    let _others = warm_source(&http_client);
    let mut sources = Vec::with_capacity(SOURCES);
    let counted = measure(|| sources.extend((0..SOURCES).map(|_| warm_source(&http_client))));
    let each = counted.bytes_current / SOURCES as i64;
    assert!(
        each <= BUDGET,
        "{each} bytes a source, of which the token takes 1024"
    );
}
