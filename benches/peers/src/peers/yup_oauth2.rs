use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Duration;

use ::yup_oauth2::authenticator::{Authenticator, DefaultAuthenticator};
use ::yup_oauth2::{ServiceAccountAuthenticator, ServiceAccountKey};
use anyhow::{Context, Result};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use oauth_testkit::Reply;

use crate::peer::{Peer, Setup, any_request, bearer};

/// A service account: its requests are those of RFC 7523 §2.1.
pub struct YupOauth2(DefaultAuthenticator);

const SCOPES: &[&str] = &["https://api.example.com/read"];

impl Peer for YupOauth2 {
    const NAME: &'static str = "yup-oauth2";
    const PACKAGE: Option<&'static str> = Some("yup-oauth2");
    const HIT: &'static str = "token(scopes)";
    /// It takes a token that lives for another minute.
    const SHORT_LIFETIME: i64 = 61;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = false;

    fn reply(lifetime: Option<i64>) -> Reply {
        any_request(lifetime)
    }

    async fn start(setup: &Setup) -> Result<Self> {
        let key = ServiceAccountKey {
            key_type: Some("service_account".to_owned()),
            project_id: None,
            private_key_id: None,
            private_key: private_key()?,
            client_email: "me@example.com".to_owned(),
            client_id: None,
            auth_uri: None,
            token_uri: setup.token_url.clone(),
            auth_provider_x509_cert_url: None,
            client_x509_cert_url: None,
        };
        let authenticator: Authenticator<_> =
            ServiceAccountAuthenticator::builder(key).build().await?;
        Ok(Self(authenticator))
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.0.token(SCOPES).await?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        let token = self.0.token(SCOPES).await?;
        bearer(token.token().context("there is no token")?)
    }
}

/// Made for this run, once: it takes a while.
fn private_key() -> Result<String> {
    static KEY: OnceLock<String> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(key.clone());
    }
    let pair = KeyPair::generate(KeySize::Rsa2048)?;
    let der: Pkcs8V1Der<'_> = pair.as_der()?;
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    let pem = format!("{begin}\n{}\n{end}\n", lines.join("\n"));
    Ok(KEY.get_or_init(|| pem).clone())
}
