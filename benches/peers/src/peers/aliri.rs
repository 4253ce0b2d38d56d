use std::hint::black_box;
use std::time::Duration;

use ::aliri::jwt::Audience;
use aliri_clock::DurationSecs;
use aliri_tokens::sources::oauth2::ClientCredentialsTokenSource;
use aliri_tokens::sources::oauth2::dto::{ClientCredentials, ClientCredentialsWithAudience};
use aliri_tokens::{ClientId, ClientSecret, TokenLifetimeConfig, TokenWatcher, backoff, jitter};
use anyhow::Result;
use http::HeaderValue;

use crate::peer::{Peer, Setup, bearer};

pub struct Aliri(TokenWatcher);

impl Peer for Aliri {
    const NAME: &'static str = "aliri_tokens";
    const PACKAGE: Option<&'static str> = Some("aliri_tokens");
    const HIT: &'static str = "token()";
    const SHORT_LIFETIME: i64 = 60;
    /// It counts in whole seconds.
    const DUE_AFTER: Duration = Duration::from_secs(2);
    const REJECTS: bool = false;

    async fn start(setup: &Setup) -> Result<Self> {
        let credentials = ClientCredentials {
            client_id: ClientId::from(setup.client_id),
            client_secret: ClientSecret::from(setup.client_secret),
        };
        let credentials = ClientCredentialsWithAudience {
            credentials: credentials.into(),
            audience: Audience::from("api"),
        };
        let lifetime = if setup.short {
            TokenLifetimeConfig::new(0.01, DurationSecs(1))
        } else {
            TokenLifetimeConfig::default()
        };
        let source = ClientCredentialsTokenSource::new(
            reqwest_0_12::Client::new(),
            setup.token_url.parse()?,
            credentials,
            lifetime,
        )
        .using_form_data();
        let backoff = backoff::ErrorBackoffConfig::default();
        let watcher = if setup.short {
            TokenWatcher::spawn_from_token_source(source, jitter::NullJitter, backoff).await?
        } else {
            let jitter = jitter::RandomEarlyJitter::new(DurationSecs(60));
            TokenWatcher::spawn_from_token_source(source, jitter, backoff).await?
        };
        Ok(Self(watcher))
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.0.token().access_token());
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        bearer(self.0.token().access_token().as_str())
    }
}
