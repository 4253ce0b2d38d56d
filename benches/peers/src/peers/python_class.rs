use std::hint::black_box;
use std::sync::RwLock;
use std::time::Duration;

use anyhow::{Context, Result};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use oauth_bench_kit::Stopwatch;
use serde_json::Value;

use crate::peer::{Peer, Setup, bearer};

/// A class as many a service in Python has it: the token is fetched at the first call, and anew when less than five
/// minutes are left. Nothing keeps two callers from fetching at the same time. The lock is there because Rust demands
/// one, and is never held while fetching.
pub struct PythonClass {
    token_url: String,
    form: String,
    http: reqwest::Client,
    token: RwLock<Option<Token>>,
}

struct Token {
    value: String,
    received: Stopwatch,
    lifetime: Duration,
}

const MARGIN: Duration = Duration::from_secs(300);

impl PythonClass {
    async fn token(&self) -> Result<String> {
        if let Some(token) = &*self.token.read().unwrap()
            && token.received.elapsed() + MARGIN < token.lifetime
        {
            return Ok(token.value.clone());
        }
        let request = self
            .http
            .post(&self.token_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(self.form.clone());
        let response = request.send().await?.error_for_status()?;
        let body: Value = serde_json::from_slice(&response.bytes().await?)?;
        let value = body["access_token"].as_str().context("there is no token")?;
        let lifetime = Duration::from_secs(body["expires_in"].as_u64().unwrap_or_default());
        *self.token.write().unwrap() = Some(Token {
            value: value.to_owned(),
            received: Stopwatch::start(),
            lifetime,
        });
        Ok(value.to_owned())
    }
}

impl Peer for PythonClass {
    const NAME: &'static str = "the Python class";
    const PACKAGE: Option<&'static str> = None;
    const HIT: &'static str = "a clone under a read lock";
    const SHORT_LIFETIME: i64 = 301;
    const DUE_AFTER: Duration = Duration::from_secs(1);
    const REJECTS: bool = false;

    async fn start(setup: &Setup) -> Result<Self> {
        let (id, secret) = (setup.client_id, setup.client_secret);
        Ok(Self {
            token_url: setup.token_url.clone(),
            form: format!("grant_type=client_credentials&client_id={id}&client_secret={secret}"),
            http: reqwest::Client::new(),
            token: RwLock::new(None),
        })
    }

    async fn hit(&self) -> Result<()> {
        black_box(self.token().await?);
        Ok(())
    }

    async fn header(&self) -> Result<HeaderValue> {
        bearer(&self.token().await?)
    }
}
