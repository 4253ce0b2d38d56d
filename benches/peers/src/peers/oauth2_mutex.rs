use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use http::HeaderValue;
use oauth_bench_kit::Stopwatch;
use oauth2::basic::BasicClient;
use oauth2::{
    ClientId, ClientSecret, EndpointNotSet, EndpointSet, TokenResponse as _, TokenUrl, reqwest,
};
use tokio::sync::Mutex;

use crate::peer::{Peer, Setup, bearer};

/// What people write around the crate `oauth2`, which keeps no tokens.
pub struct Oauth2Mutex {
    client: Client,
    http: reqwest::Client,
    cached: Mutex<Option<Cached>>,
}

type Client =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

struct Cached {
    token: String,
    received: Stopwatch,
    lifetime: Duration,
}

const MARGIN: Duration = Duration::from_secs(60);

impl Oauth2Mutex {
    async fn token(&self) -> Result<String> {
        let mut cached = self.cached.lock().await;
        if let Some(cached) = &*cached
            && cached.received.elapsed() + MARGIN < cached.lifetime
        {
            return Ok(cached.token.clone());
        }
        let request = self.client.exchange_client_credentials();
        let response = request.request_async(&self.http).await?;
        let token = response.access_token().secret().clone();
        *cached = Some(Cached {
            token: token.clone(),
            received: Stopwatch::start(),
            lifetime: response.expires_in().unwrap_or_default(),
        });
        Ok(token)
    }
}

impl Peer for Oauth2Mutex {
    const NAME: &'static str = "oauth2 + tokio Mutex";
    const PACKAGE: Option<&'static str> = Some("oauth2");
    const HIT: &'static str = "a clone under the lock";
    const SHORT_LIFETIME: i64 = 61;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = false;

    async fn start(setup: &Setup) -> Result<Self> {
        let client = BasicClient::new(ClientId::new(setup.client_id.to_owned()))
            .set_client_secret(ClientSecret::new(setup.client_secret.to_owned()))
            .set_token_uri(TokenUrl::new(setup.token_url.clone())?);
        let http = reqwest::ClientBuilder::new()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            http,
            cached: Mutex::new(None),
        })
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.token().await?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        bearer(&self.token().await?)
    }
}
