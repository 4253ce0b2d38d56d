//! Bytes on the heap.

use std::sync::Arc;

use allocation_counter::measure;
use bytes::Bytes;
use futures_executor::block_on;
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, ClientCredentials, Error, HttpClient, HttpError,
    Spawner, TokenSource, async_trait,
};
use oauth_tenants::TokenSources;

use crate::{name, roomy};

/// Bytes of a token: a JWT of usual length.
const TOKEN: usize = 1_024;

/// Bytes on the heap for each tenant.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// All there is but the token string, if each tenant has a client of its own, with its id and secret.
    pub own_client: f64,
    /// The same if the tenants share a client and differ in their scopes.
    pub shared_client: f64,
    /// Of that, what the set adds to the sources: the key, and its place.
    pub set: f64,
}

/// Fills sets with so many warm tenants.
pub fn memory(tenants: usize) -> Result<Memory, Error> {
    let http_client: Arc<dyn HttpClient> = Arc::new(InProcess);
    let shared = client(&http_client, "me")?;
    let own_client = bytes_each(tenants, move |tenant| {
        Ok(cached(client(&http_client, tenant)?))
    })?;
    let shared_client = bytes_each(tenants, move |tenant| {
        Ok(cached(shared.with_scopes([tenant])?))
    })?;
    // One source for all of them: whatever each tenant adds is of the set.
    let one = Arc::new(CachedTokenSource::new(Short));
    block_on(one.token())?;
    let set = bytes_each(tenants, move |_| Ok(Arc::clone(&one)))?;
    Ok(Memory {
        own_client: own_client - TOKEN as f64,
        shared_client: shared_client - TOKEN as f64,
        set,
    })
}

fn bytes_each<S: TokenSource>(
    tenants: usize,
    build: impl Fn(&str) -> Result<S, Error> + Send + Sync + 'static,
) -> Result<f64, Error> {
    let sources = TokenSources::builder(move |tenant: &String| build(tenant))
        .max_entries(roomy(tenants))
        .build();
    // What only the first one allocates is not counted.
    block_on(sources.get("the first")?.token())?;
    let mut outcome = Ok(());
    let counted = measure(|| {
        outcome = (0..tenants)
            .try_for_each(|tenant| block_on(sources.get(&name(tenant))?.token()).map(drop));
    });
    outcome?;
    assert_eq!(sources.len(), tenants + 1, "none was evicted");
    Ok(counted.bytes_current as f64 / tenants as f64)
}

fn client(http_client: &Arc<dyn HttpClient>, id: &str) -> Result<ClientCredentials, Error> {
    ClientCredentials::builder("https://id.example.com/oauth/token", id)
        .client_secret("a-secret-of-usual-length-32-chars")
        .http_client(Arc::clone(http_client))
        .build()
}

fn cached(client: ClientCredentials) -> CachedTokenSource<ClientCredentials> {
    CachedTokenSource::builder(client).spawner(Idle).build()
}

/// Leaves the work to the callers: what another thread allocates is not counted.
struct Idle;

impl Spawner for Idle {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}
}

struct InProcess;

#[async_trait]
impl HttpClient for InProcess {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let token = "t".repeat(TOKEN);
        let body =
            format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
        Ok(http::Response::new(body.into()))
    }
}

struct Short;

#[async_trait]
impl TokenSource for Short {
    async fn token(&self) -> Result<AccessToken, Error> {
        Ok(AccessToken::builder("t").build()?)
    }
}
