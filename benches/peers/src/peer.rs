//! What every library is measured by.

use std::time::Duration;

use anyhow::Result;
use http::HeaderValue;
use oauth_bench_kit::fixtures::ONE_KILOBYTE;
use oauth_testkit::Reply;
use serde_json::json;

/// A library that gets tokens and keeps them, set up as its documentation shows.
pub trait Peer: Send + Sync + Sized + 'static {
    /// How it is called in the report.
    const NAME: &'static str;

    /// The package whose version the report names, if it is one.
    const PACKAGE: Option<&'static str>;

    /// What a hit is, in its own words.
    const HIT: &'static str;

    /// In a [`Setup`] with short margins, so many seconds does the first token live.
    const SHORT_LIFETIME: i64;

    /// In a [`Setup`] with short margins, the first token is due for renewal after so long, and usable.
    const DUE_AFTER: Duration;

    /// Whether it can be told that a token was refused.
    const REJECTS: bool;

    /// How the endpoint answers it, with a token that lives for so many seconds, or for an hour.
    fn reply(lifetime: Option<i64>) -> Reply {
        let reply = Reply::token();
        match lifetime {
            Some(seconds) => reply.expires_in(seconds),
            None => reply,
        }
    }

    /// Sets it up. Some make their first request here, and fail if that does.
    fn start(setup: &Setup) -> impl Future<Output = Result<Self>> + Send;

    /// What its users call for each request, used in the form that it has.
    fn hit(&self) -> impl Future<Output = Result<()>> + Send;

    /// The same, as a header for any HTTP client.
    fn header(&self) -> impl Future<Output = Result<HeaderValue>> + Send;

    /// Tells it that an API refused this token.
    fn reject(&self, _refused: &HeaderValue) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// How it is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The token endpoint.
    pub token_url: String,
    /// The client.
    pub client_id: &'static str,
    /// Its secret.
    pub client_secret: &'static str,
    /// Renews after a second or a few, where the defaults would take minutes.
    pub short: bool,
}

/// A header of a token that is there as text.
pub fn bearer(token: &str) -> Result<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// An answer to requests of another protocol than that of the client credentials grant, which our server does not know.
pub fn any_request(lifetime: Option<i64>) -> Reply {
    Reply::usual().json(json!({
        "access_token": "t".repeat(ONE_KILOBYTE),
        "token_type": "Bearer",
        "expires_in": lifetime.unwrap_or(3600),
    }))
}
