use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, Body, ClientOptions, HttpClient, Request, StatusCode, Transport,
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::peer::{Peer, Setup, bearer};

pub struct AzureIdentity(Arc<ClientSecretCredential>);

const SCOPES: &[&str] = &["https://api.example.com/.default"];

impl Peer for AzureIdentity {
    const NAME: &'static str = "azure_identity";
    const PACKAGE: Option<&'static str> = Some("azure_identity");
    const HIT: &'static str = "get_token(scopes)";
    /// It takes a token that lives for another five minutes.
    const SHORT_LIFETIME: i64 = 301;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = false;

    async fn start(setup: &Setup) -> Result<Self> {
        let transport = Redirected {
            token_url: setup.token_url.clone(),
            http: reqwest::Client::new(),
        };
        let options = ClientSecretCredentialOptions {
            client_options: ClientOptions {
                transport: Some(Transport::new(Arc::new(transport))),
                ..Default::default()
            },
        };
        Ok(Self(ClientSecretCredential::new(
            "tenant",
            setup.client_id.to_owned(),
            Secret::new(setup.client_secret),
            Some(options),
        )?))
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.0.get_token(SCOPES, None).await?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        bearer(self.0.get_token(SCOPES, None).await?.token.secret())
    }
}

/// It wants `https`, and knows the path: its requests are sent to our server instead.
#[derive(Debug)]
struct Redirected {
    token_url: String,
    http: reqwest::Client,
}

#[async_trait::async_trait]
impl HttpClient for Redirected {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let failed = |error| azure_core::Error::new(azure_core::error::ErrorKind::Io, error);
        let body = match request.body() {
            Body::Bytes(bytes) => bytes.clone(),
            _ => Default::default(),
        };
        let response = self
            .http
            .post(&self.token_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .map_err(failed)?;
        let status = StatusCode::from(response.status().as_u16());
        let body = response.bytes().await.map_err(failed)?;
        Ok(AsyncRawResponse::from_bytes(status, Headers::new(), body))
    }
}
