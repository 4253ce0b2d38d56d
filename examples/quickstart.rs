//! The life of a token in four steps, against a fake server on this machine, or against yours:
//!
//! ```sh
//! cargo run --example quickstart
//! OAUTH_TOKEN_URL=https://id.example.com/oauth/token OAUTH_CLIENT_ID=my-client OAUTH_CLIENT_SECRET=shh \
//!     OAUTH_SCOPES="read write" API_URL=https://api.example.com/users/23 cargo run --example quickstart
//! ```

use std::env;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use examples::{Counting, FastForward};
use oauth_core::{ClientCredentials, SharedTokenSource, TokenSource};
use oauth_reqwest::{Client, ReqwestHttpClient};
use oauth_testkit::{FakeTokenServer, Reply};
use reqwest::{StatusCode, Url};

/// While waiting for a renewal.
const MOST_CALLS: usize = 100;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart stopped: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let story = Story::set_up()?;
    println!("{}\n", story.introduction());
    story.first_call_fetches().await?;
    story.many_calls_share().await?;
    story.renewal_stays_in_the_background().await?;
    story.a_rejected_token_heals().await
}

struct Story {
    api: Client,
    source: SharedTokenSource,
    url: Url,
    clock: FastForward,
    token_requests: Arc<AtomicUsize>,
    /// `None`: the servers are yours.
    fake: Option<FakeTokenServer>,
}

impl Story {
    /// The four lines, with a clock that can be moved and a count of the token requests added.
    fn set_up() -> Result<Self> {
        let clock = FastForward::default();
        let (settings, fake) = Settings::from_environment_or_fake(&clock)?;
        let token_requests = Arc::new(AtomicUsize::new(0));
        let http_client = Counting::new(ReqwestHttpClient::new()?, Arc::clone(&token_requests));

        let source = ClientCredentials::builder(settings.token_url, settings.client_id)
            .client_secret(settings.client_secret)
            .scopes([settings.scopes])
            .http_client(http_client)
            .clock(clock.clone())
            .build()?
            .cached();
        let source: SharedTokenSource = Arc::new(source);
        let api = oauth_reqwest::client(
            Arc::clone(&source),
            [settings.api_url.origin().ascii_serialization()],
        )?;

        Ok(Self {
            api,
            source,
            url: settings.api_url,
            clock,
            token_requests,
            fake,
        })
    }

    fn introduction(&self) -> String {
        match self.fake {
            Some(_) => {
                "A service calls a protected API. Both servers are fakes on this machine.".into()
            }
            None => format!("A service calls {}.", self.url),
        }
    }

    async fn first_call_fetches(&self) -> Result<()> {
        let status = self.call().await?;
        self.tell(
            1,
            format!("The first call fetches a token and uses it: {status}."),
        );
        self.expect_requests(1)
    }

    async fn many_calls_share(&self) -> Result<()> {
        for _ in 0..10 {
            self.call().await?;
        }
        self.tell(2, "Ten more calls use the same token.");
        self.expect_requests(1)
    }

    async fn renewal_stays_in_the_background(&self) -> Result<()> {
        let token = self.source.token().await?;
        let lifetime = token.lifetime().unwrap_or(Duration::from_secs(300));
        let until_due = lifetime - (lifetime / 3).min(Duration::from_secs(300));
        if let Some(fake) = &self.fake {
            fake.next_token_reply(Reply::token().after(Duration::from_millis(200)));
        }
        self.clock.skip(until_due);

        // Calls go on, at a gentle pace, until the new token is there.
        let minutes = until_due.as_secs() / 60;
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        let mut calls = 0;
        while self.source.token().await?.generation() == token.generation() {
            if calls == MOST_CALLS {
                self.tell(
                    3,
                    format!(
                        "{minutes} minutes later the token is due for renewal. No new one has come: the server\n   \
                         may hand out the same until it expires. {calls} calls went on with it."
                    ),
                );
                return Ok(());
            }
            self.call().await?;
            calls += 1;
            pace.tick().await;
        }
        self.tell(
            3,
            format!(
                "{minutes} minutes later the token is due for renewal. That happens in the background:\n   \
                 calls went on with the old token ({calls} of them), and none waited."
            ),
        );
        ensure!(calls > 0, "a call waited for the renewal");
        self.expect_requests(2)
    }

    async fn a_rejected_token_heals(&self) -> Result<()> {
        let token = self.source.token().await?;
        let Some(fake) = &self.fake else {
            // Nobody can revoke a token at every server: say that it was refused.
            self.source.reject(&token);
            let status = self.call().await?;
            self.tell(
                4,
                format!("Were the token refused, the next call would get a new one: {status}."),
            );
            return Ok(());
        };
        ensure!(
            fake.revoke(token.secret()),
            "the server does not know its own token"
        );
        let status = self.call().await?;
        self.tell(
            4,
            format!(
                "The token is revoked. The next call meets that, gets a new token and goes through\n   \
                 all the same: {status}."
            ),
        );
        self.expect_requests(3)
    }

    /// What a service does: nothing in it is about tokens.
    async fn call(&self) -> Result<StatusCode> {
        let response = self.api.get(self.url.clone()).send().await?;
        let status = response.status();
        ensure!(
            self.fake.is_none() || status.is_success(),
            "the API answered {status}: {}",
            response.text().await?
        );
        Ok(status)
    }

    fn tell(&self, step: usize, what: impl AsRef<str>) {
        let requests = self.token_requests.load(Ordering::SeqCst);
        println!(
            "{step}. {}\n   Token requests so far: {requests}.",
            what.as_ref()
        );
    }

    /// The fake server does as it is told; yours may answer what it likes.
    fn expect_requests(&self, wanted: usize) -> Result<()> {
        if self.fake.is_none() {
            return Ok(());
        }
        let requests = self.token_requests.load(Ordering::SeqCst);
        ensure!(
            requests == wanted,
            "{requests} token requests, where {wanted} do"
        );
        Ok(())
    }
}

struct Settings {
    token_url: String,
    client_id: String,
    client_secret: String,
    scopes: String,
    api_url: Url,
}

impl Settings {
    fn from_environment_or_fake(clock: &FastForward) -> Result<(Self, Option<FakeTokenServer>)> {
        if let Ok(token_url) = env::var("OAUTH_TOKEN_URL") {
            let settings = Self {
                token_url,
                client_id: required("OAUTH_CLIENT_ID")?,
                client_secret: required("OAUTH_CLIENT_SECRET")?,
                scopes: env::var("OAUTH_SCOPES").unwrap_or_default(),
                api_url: required("API_URL")?.parse().context("API_URL is no URL")?,
            };
            return Ok((settings, None));
        }
        let fake = FakeTokenServer::builder().clock(clock.clone()).start()?;
        let settings = Self {
            token_url: fake.token_url(),
            client_id: FakeTokenServer::CLIENT_ID.into(),
            client_secret: FakeTokenServer::CLIENT_SECRET.into(),
            scopes: "read write".into(),
            api_url: fake.api_url_for("/users/23").parse()?,
        };
        Ok((settings, Some(fake)))
    }
}

fn required(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("OAUTH_TOKEN_URL is set, so {name} must be set too"))
}
