use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use http::HeaderValue;
use middle::{Authorizer as _, BasicClientCredentialAuthorizer};

use crate::peer::{Peer, Setup};

pub struct Middle(BasicClientCredentialAuthorizer);

impl Peer for Middle {
    const NAME: &'static str = "middle";
    const PACKAGE: Option<&'static str> = Some("middle");
    const HIT: &'static str = "authorization_header()";
    /// It renews half a minute before the end.
    const SHORT_LIFETIME: i64 = 31;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = false;

    async fn start(setup: &Setup) -> Result<Self> {
        let authorizer = BasicClientCredentialAuthorizer::basic_builder(
            setup.client_id,
            setup.client_secret,
            setup.token_url.parse()?,
        )
        .build()
        .await?;
        Ok(Self(authorizer))
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.0.authorization_header()?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        Ok((*self.0.authorization_header()?).clone())
    }
}
