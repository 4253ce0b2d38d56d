use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_executor::block_on;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Uri};
use huskarl::authorizer::HttpAuthorizer;
use huskarl::cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache};
use huskarl::core::client_auth::ClientSecret;
use huskarl::core::platform::MaybeSendBoxFuture;
use huskarl::core::secrets::{Secret, SecretOutput, SecretString};
use huskarl::grant::client_credentials::{
    ClientCredentialsGrant, ClientCredentialsGrantParameters,
};
use huskarl_reqwest::ReqwestClient;

use crate::peer::{Peer, Setup};

pub struct Huskarl {
    authorizer: HttpAuthorizer,
    uri: Uri,
}

impl Peer for Huskarl {
    const NAME: &'static str = "huskarl";
    const PACKAGE: Option<&'static str> = Some("huskarl");
    const HIT: &'static str = "get_headers()";
    const SHORT_LIFETIME: i64 = 60;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = true;

    async fn start(setup: &Setup) -> Result<Self> {
        // The future of the builder cannot be sent to another thread, and does not wait.
        let client: ReqwestClient = block_on(ReqwestClient::builder().build())?;
        let grant = ClientCredentialsGrant::builder()
            .token_endpoint(setup.token_url.parse()?)
            .client_id(setup.client_id)
            .http_client(client)
            .client_auth(ClientSecret::new(Literal(setup.client_secret)))
            .build();
        let source = GrantTokenSource::builder()
            .grant(grant)
            .grant_parameters(ClientCredentialsGrantParameters::builder().build())
            .refresh_store(InMemoryRefreshTokenStore::default())
            .build();
        let authorizer = HttpAuthorizer::builder();
        let authorizer = if setup.short {
            let cache = InMemoryTokenCache::builder()
                .source(source)
                .refresh_ahead(Duration::from_secs(59))
                .refresh_jitter(None)
                .build();
            authorizer.cache(cache).build()
        } else {
            authorizer
                .cache(InMemoryTokenCache::builder().source(source).build())
                .build()
        };
        Ok(Self {
            authorizer,
            uri: "http://127.0.0.1/users/23".parse()?,
        })
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.authorizer.get_headers(&Method::GET, &self.uri).await?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        let mut headers = self.authorizer.get_headers(&Method::GET, &self.uri).await?;
        headers.remove(AUTHORIZATION).context("there is no header")
    }

    async fn reject(&self, _refused: &HeaderValue) -> Result<()> {
        let mut headers = HeaderMap::new();
        let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        headers.insert(WWW_AUTHENTICATE, challenge);
        self.authorizer.process_response(&self.uri, &headers);
        Ok(())
    }
}

/// A secret that is there already; its documentation takes one from the environment.
#[derive(Debug)]
struct Literal(&'static str);

impl Secret for Literal {
    type Output = SecretString;

    fn get_secret_value(
        &self,
    ) -> MaybeSendBoxFuture<'_, Result<SecretOutput<SecretString>, huskarl::core::Error>> {
        Box::pin(async {
            Ok(SecretOutput {
                value: SecretString::new(self.0),
                identity: None,
            })
        })
    }
}
