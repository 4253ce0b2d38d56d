use std::hint::black_box;
use std::time::Duration;

use ::object_store::azure::{AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use anyhow::{Result, bail};
use http::HeaderValue;

use crate::peer::{Peer, Setup, bearer};

/// The credentials that its store for Azure asks for at each request.
pub struct ObjectStore(MicrosoftAzure);

impl Peer for ObjectStore {
    const NAME: &'static str = "object_store";
    const PACKAGE: Option<&'static str> = Some("object_store");
    const HIT: &'static str = "get_credential()";
    /// It takes a token that lives for another five minutes.
    const SHORT_LIFETIME: i64 = 301;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = false;

    async fn start(setup: &Setup) -> Result<Self> {
        let store = MicrosoftAzureBuilder::new()
            .with_account("account")
            .with_container_name("container")
            .with_allow_http(true)
            .with_client_secret_authorization(setup.client_id, setup.client_secret, "tenant")
            // It puts a path behind this; as a query our server lets it pass.
            .with_authority_host(format!("{}?path=", setup.token_url))
            .build()?;
        Ok(Self(store))
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.0.credentials().get_credential().await?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        match &*self.0.credentials().get_credential().await? {
            AzureCredential::BearerToken(token) => bearer(token),
            _ => bail!("no token, but something else"),
        }
    }
}
