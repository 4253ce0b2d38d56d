use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use google_cloud_auth::credentials::user_account::Builder;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderValue};
use oauth_testkit::Reply;
use serde_json::json;

use crate::peer::{Peer, Setup, any_request};

/// A user account: its requests are those of a refresh token (RFC 6749 §6).
pub struct GoogleCloudAuth(Credentials);

impl Peer for GoogleCloudAuth {
    const NAME: &'static str = "google-cloud-auth";
    const PACKAGE: Option<&'static str> = Some("google-cloud-auth");
    const HIT: &'static str = "headers()";
    /// It renews four minutes before the end.
    const SHORT_LIFETIME: i64 = 241;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = false;

    fn reply(lifetime: Option<i64>) -> Reply {
        any_request(lifetime)
    }

    async fn start(setup: &Setup) -> Result<Self> {
        let user = json!({
            "type": "authorized_user",
            "client_id": setup.client_id,
            "client_secret": setup.client_secret,
            "refresh_token": "a-refresh-token",
        });
        let builder = Builder::new(user).with_token_uri(&setup.token_url);
        Ok(Self(builder.build()?))
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.0.headers(Extensions::new()).await?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        match self.0.headers(Extensions::new()).await? {
            CacheableResource::New { mut data, .. } => {
                data.remove(AUTHORIZATION).context("there is no header")
            }
            CacheableResource::NotModified => bail!("no header was asked about"),
        }
    }
}
