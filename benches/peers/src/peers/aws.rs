use std::hint::black_box;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::http::Token;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityCache,
    SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::peer::{Peer, Setup, bearer};

/// The cache of identities that every client of the AWS SDK has, around a token request of ours.
pub struct Aws {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    components: RuntimeComponents,
    config: ConfigBag,
}

impl Aws {
    async fn identity(&self) -> Result<Identity> {
        let resolver = self.resolver.clone();
        let identity = self
            .cache
            .resolve_cached_identity(resolver, &self.components, &self.config);
        identity.await.map_err(|error| anyhow!(error))
    }
}

impl Peer for Aws {
    const NAME: &'static str = "AWS SDK's identity cache";
    const PACKAGE: Option<&'static str> = Some("aws-smithy-runtime");
    const HIT: &'static str = "resolve_cached_identity()";
    /// It takes an identity that lives for another ten seconds, or down to five: drawn by chance.
    const SHORT_LIFETIME: i64 = 16;
    const DUE_AFTER: Duration = Duration::from_secs(11);
    const REJECTS: bool = false;

    async fn start(setup: &Setup) -> Result<Self> {
        let (id, secret) = (setup.client_id, setup.client_secret);
        let tokens = Tokens {
            token_url: setup.token_url.clone(),
            form: format!("grant_type=client_credentials&client_id={id}&client_secret={secret}"),
            http: reqwest::Client::new(),
        };
        let components = RuntimeComponentsBuilder::for_tests()
            .with_time_source(Some(SystemTimeSource::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .build()?;
        Ok(Self {
            cache: IdentityCache::lazy().build(),
            resolver: SharedIdentityResolver::new(tokens),
            components,
            config: ConfigBag::base(),
        })
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.identity().await?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        let identity = self.identity().await?;
        let token = identity.data::<Token>().context("there is no token")?;
        bearer(token.token())
    }
}

#[derive(Debug)]
struct Tokens {
    token_url: String,
    form: String,
    http: reqwest::Client,
}

impl ResolveIdentity for Tokens {
    fn resolve_identity<'a>(
        &'a self,
        _: &'a RuntimeComponents,
        _: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async {
            let request = self
                .http
                .post(&self.token_url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(self.form.clone());
            let response = request.send().await?.error_for_status()?;
            let body: Value = serde_json::from_slice(&response.bytes().await?)?;
            let token = body["access_token"].as_str().ok_or("there is no token")?;
            let lifetime = Duration::from_secs(body["expires_in"].as_u64().unwrap_or_default());
            let expires = Some(SystemTime::now() + lifetime);
            Ok(Identity::new(Token::new(token, expires), expires))
        })
    }
}
