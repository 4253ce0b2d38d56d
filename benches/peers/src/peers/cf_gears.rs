use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use http::HeaderValue;
use toolkit_auth::{OAuthClientConfig, SecretString, TokenProvider};

use crate::peer::{Peer, Setup, bearer};

pub struct CfGears(TokenProvider);

impl Peer for CfGears {
    const NAME: &'static str = "cf-gears-toolkit-auth";
    const PACKAGE: Option<&'static str> = Some("cf-gears-toolkit-auth");
    const HIT: &'static str = "get()";
    const SHORT_LIFETIME: i64 = 60;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = true;

    async fn start(setup: &Setup) -> Result<Self> {
        let mut config = OAuthClientConfig {
            token_endpoint: Some(setup.token_url.parse()?),
            client_id: setup.client_id.into(),
            client_secret: SecretString::new(setup.client_secret),
            ..Default::default()
        };
        if setup.short {
            config.refresh_offset = Duration::from_secs(59);
            config.jitter_max = Duration::ZERO;
            config.min_refresh_period = Duration::from_secs(1);
        }
        Ok(Self(TokenProvider::new(config)?))
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.0.get().await?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        bearer(self.0.get().await?.expose())
    }

    async fn reject(&self, _refused: &HeaderValue) -> Result<()> {
        Ok(self.0.invalidate().await?)
    }
}
