//! The policy of a scenario.

use std::time::Duration;

use oauth_core::{Error, RefreshPolicy};
use serde::{Deserialize, Serialize};

use crate::scenario::seconds;

/// When the cache of a scenario renews, and how it behaves when that fails. The fields are those of
/// [`RefreshPolicy`]; no jitter is drawn, and the default is one attempt a flight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How long before its expiry a token is renewed.
    #[serde(with = "seconds")]
    pub refresh_margin: Duration,
    /// How long before its expiry a token is no longer handed out.
    #[serde(with = "seconds")]
    pub safety_margin: Duration,
    /// The lifetime of a token whose server states none.
    #[serde(with = "seconds")]
    pub assumed_lifetime: Duration,
    /// How long a flight may take.
    #[serde(with = "seconds")]
    pub acquire_timeout: Duration,
    /// How many requests a flight may make that somebody waits for.
    pub attempts: u32,
    /// The pause before the second attempt of a flight.
    #[serde(with = "seconds")]
    pub attempt_backoff: Duration,
    /// The pause after the first flight that fails.
    #[serde(with = "seconds")]
    pub backoff_base: Duration,
    /// The longest pause after a flight that fails.
    #[serde(with = "seconds")]
    pub backoff_cap: Duration,
    /// The longest `Retry-After` that is obeyed.
    #[serde(with = "seconds")]
    pub retry_after_cap: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            refresh_margin: Duration::from_secs(300),
            safety_margin: Duration::from_secs(30),
            assumed_lifetime: Duration::from_secs(300),
            acquire_timeout: Duration::from_secs(30),
            attempts: 1,
            attempt_backoff: Duration::from_millis(100),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(60),
            retry_after_cap: Duration::from_secs(300),
        }
    }
}

impl Policy {
    /// The policy for the real cache.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](oauth_core::ErrorKind::Configuration) if a value makes no sense.
    pub fn to_refresh_policy(&self) -> Result<RefreshPolicy, Error> {
        RefreshPolicy::builder()
            .refresh_margin(self.refresh_margin)
            .safety_margin(self.safety_margin)
            .assumed_lifetime(self.assumed_lifetime)
            .acquire_timeout(self.acquire_timeout)
            .attempts(self.attempts)
            .attempt_backoff(self.attempt_backoff)
            .backoff(self.backoff_base, self.backoff_cap)
            .retry_after_cap(self.retry_after_cap)
            .no_jitter()
            .build()
    }
}
