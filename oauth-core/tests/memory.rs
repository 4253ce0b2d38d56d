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

const TOKEN: i64 = 1_024;
/// Bytes a source of a client that others share, with its token. A flight that stayed behind would be more than that by
/// itself.
const OF_A_SHARED_CLIENT: i64 = 1_450;
/// Bytes a source with a client of its own.
const OF_ITS_OWN_CLIENT: i64 = 1_900;
/// So many that the places in the schedule of the timer, whose order is drawn by lot, take as much in every run.
const SOURCES: usize = 2_000;

struct OneKilobyte;

#[async_trait]
impl HttpClient for OneKilobyte {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let body = format!(
            r#"{{"access_token":"{}","expires_in":3600}}"#,
            "t".repeat(TOKEN as usize)
        );
        Ok(http::Response::new(body.into()))
    }
}

/// Leaves the work to the callers: what another thread frees is not counted.
struct Idle;

impl Spawner for Idle {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}
}

fn client(http_client: &Arc<OneKilobyte>) -> ClientCredentials {
    ClientCredentials::builder("https://id.example.com/oauth/token", "my-client")
        .client_secret("a-secret-of-usual-length-32-chars")
        .scopes(["read", "write"])
        .http_client(http_client.clone())
        .build()
        .unwrap()
}

fn warm_source(client: ClientCredentials) -> CachedTokenSource<ClientCredentials> {
    let source = CachedTokenSource::builder(client).spawner(Idle).build();
    block_on(source.token()).unwrap();
    source
}

/// Bytes a source, by how each is made.
fn bytes_each(make: impl Fn() -> CachedTokenSource<ClientCredentials>) -> i64 {
    let _others = make();
    let mut sources = Vec::with_capacity(SOURCES);
    let counted = measure(|| sources.extend((0..SOURCES).map(|_| make())));
    counted.bytes_current / SOURCES as i64
}

#[test]
fn a_source_of_a_shared_client_keeps_little_besides_its_token() {
    let client = client(&Arc::new(OneKilobyte));
    let each = bytes_each(|| warm_source(client.with_scopes(["read", "write"]).unwrap()));
    println!("{each} bytes");
    assert!(
        (TOKEN..=OF_A_SHARED_CLIENT).contains(&each),
        "{each} bytes a source, of which the token takes {TOKEN}"
    );
}

/// Bytes that a source costs more if it is kept warm: its place in the schedule of the timer, at both ends. Some of it
/// is for the name in metrics.
const OF_WARMTH: i64 = 120;

#[test]
fn a_source_that_is_kept_warm_keeps_little_more() {
    let client = client(&Arc::new(OneKilobyte));
    let make = |is_warm: bool| {
        let client = client.with_scopes(["read", "write"]).unwrap();
        let mut builder = CachedTokenSource::builder(client).spawner(Idle);
        if is_warm {
            builder = builder.keep_warm();
        }
        let source = builder.build();
        block_on(source.token()).unwrap();
        source
    };
    let more = bytes_each(|| make(true)) - bytes_each(|| make(false));
    println!("{more} bytes more");
    assert!((40..=OF_WARMTH).contains(&more), "{more} bytes more");
}

#[test]
fn a_source_keeps_little_besides_its_token_and_nothing_of_its_flights() {
    let http_client = Arc::new(OneKilobyte);
    let each = bytes_each(|| warm_source(client(&http_client)));
    println!("{each} bytes");
    assert!(
        (TOKEN..=OF_ITS_OWN_CLIENT).contains(&each),
        "{each} bytes a source, of which the token takes {TOKEN}"
    );
}
