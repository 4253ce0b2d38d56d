//! A service that asks a protected API for the number of open orders: what the tests beside it are about.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use oauth_core::{ClientCredentials, Clock, SystemClock};
use oauth_reqwest::ReqwestHttpClient;
use oauth_reqwest::blocking::{Client, client};

/// What goes wrong is told to people, who do not care which part it was.
pub type Problem = Box<dyn Error + Send + Sync>;

/// Knows how many orders are open.
#[derive(Debug)]
pub struct Orders {
    api: Client,
    url: String,
}

impl Orders {
    /// The service, which gets its tokens from `token_url` for the API at `api_url`.
    ///
    /// # Errors
    ///
    /// If a URL is none.
    pub fn new(token_url: &str, api_url: &str) -> Result<Self, Problem> {
        Self::with_clock(token_url, api_url, SystemClock::new())
    }

    /// The same, which tells the age of tokens by this clock.
    ///
    /// # Errors
    ///
    /// If a URL is none.
    pub fn with_clock(
        token_url: &str,
        api_url: &str,
        clock: impl Clock + 'static,
    ) -> Result<Self, Problem> {
        let source = ClientCredentials::builder(token_url, "test-client")
            .client_secret("test-secret")
            .http_client(ReqwestHttpClient::new()?)
            .clock(clock)
            .build()?
            .cached();
        let api = client(Arc::new(source), [api_url])?;
        let url = format!("{api_url}/orders/open");
        Ok(Self { api, url })
    }

    /// The status of the API's answer; the number itself is none of this example's business.
    ///
    /// # Errors
    ///
    /// If no token is to be had, or the API does not answer within a minute.
    pub fn status(&self) -> Result<u16, Problem> {
        let request = self.api.get(&self.url).timeout(Duration::from_secs(60));
        Ok(request.send()?.status().as_u16())
    }
}
