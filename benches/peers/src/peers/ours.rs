use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use http::HeaderValue;
use oauth_core::{AccessToken, ClientCredentials, SharedTokenSource, TokenSource};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::Reply;

use crate::peer::{Peer, Setup};

/// Behind `dyn`, as adapters have it.
pub struct Ours {
    source: SharedTokenSource,
    /// The token given out last for which a rejection may come.
    given: Mutex<Option<AccessToken>>,
}

impl Peer for Ours {
    const NAME: &'static str = "ours";
    const PACKAGE: Option<&'static str> = Some("oauth-core");
    const HIT: &'static str = "with_ready()";
    /// The server says when to renew, as some do: `refresh_in`.
    const SHORT_LIFETIME: i64 = 60;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = true;

    fn reply(lifetime: Option<i64>) -> Reply {
        match lifetime {
            Some(seconds) => Reply::token()
                .expires_in(seconds)
                .field("refresh_in", Self::DUE_AFTER.as_secs()),
            None => Reply::token(),
        }
    }

    async fn start(setup: &Setup) -> Result<Self> {
        let source = ClientCredentials::builder(&setup.token_url, setup.client_id)
            .client_secret(setup.client_secret)
            .http_client(ReqwestHttpClient::new()?)
            .build()?
            .cached();
        Ok(Self {
            source: Arc::new(source),
            given: Mutex::new(None),
        })
    }

    async fn hit(&self) -> Result<()> {
        let is_ready = self.source.with_ready(&mut |token| {
            black_box(token.header());
        });
        if !is_ready {
            self.source.token().await?;
        }
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        let mut header = None;
        self.source
            .with_ready(&mut |token| header = Some(token.to_header()));
        match header {
            Some(header) => Ok(header),
            None => Ok(self.source.token().await?.to_header()),
        }
    }

    async fn reject(&self, refused: &HeaderValue) -> Result<()> {
        // An adapter keeps the token that it sent; here only its header is known.
        let mut given = self.given.lock().unwrap();
        if given.is_none() {
            *given = self.source.ready();
        }
        let token = given.as_ref().context("no token was given out")?;
        anyhow::ensure!(token.header() == refused, "another token was refused");
        self.source.reject(token);
        Ok(())
    }
}
