//! What a user may tune.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::error::Error;

/// When a cache renews a token, and how it behaves when that fails. The defaults suit nearly everyone.
///
/// A token that was requested at `s` and lives for `L`:
///
/// | moment | is at | from then on |
/// | --- | --- | --- |
/// | renewal due | `s + L − min(refresh_margin, L/3)`, less a jitter drawn once a token from 0 to `min(60 s, L/10)`; or `s + refresh_in` if the server sent that | the token is used, and renewed in the background |
/// | unusable | `s + L − min(safety_margin, L/10)` | callers wait for a new one |
///
/// # Examples
///
/// ```
/// use oauth_core::RefreshPolicy;
/// use std::time::Duration;
///
/// let policy = RefreshPolicy::builder()
///     .refresh_margin(Duration::from_secs(600))
///     .acquire_timeout(Duration::from_secs(10))
///     .build()?;
/// assert!(RefreshPolicy::builder().attempts(0).build().is_err());
/// # Ok::<(), oauth_core::Error>(())
/// ```
///
/// Clones share their memory: give one policy to all sources rather than build it for each.
#[derive(Clone, PartialEq)]
pub struct RefreshPolicy(Arc<Settings>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) refresh_margin: Duration,
    pub(crate) safety_margin: Duration,
    pub(crate) assumed_lifetime: Duration,
    pub(crate) acquire_timeout: Duration,
    pub(crate) attempts: u32,
    pub(crate) attempt_backoff: Duration,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_cap: Duration,
    pub(crate) retry_after_cap: Duration,
    pub(crate) jitter: bool,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        static DEFAULT: OnceLock<RefreshPolicy> = OnceLock::new();
        DEFAULT
            .get_or_init(|| Self(Arc::new(Settings::default())))
            .clone()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            refresh_margin: Duration::from_secs(300),
            safety_margin: Duration::from_secs(30),
            assumed_lifetime: Duration::from_secs(300),
            acquire_timeout: Duration::from_secs(30),
            attempts: 3,
            attempt_backoff: Duration::from_millis(100),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(60),
            retry_after_cap: Duration::from_secs(300),
            jitter: true,
        }
    }
}

impl RefreshPolicy {
    /// Starts from the defaults.
    pub fn builder() -> RefreshPolicyBuilder {
        RefreshPolicyBuilder(Settings::default())
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0
    }

    pub(crate) fn into_settings(self) -> Arc<Settings> {
        self.0
    }
}

impl fmt::Debug for RefreshPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RefreshPolicy").field(&self.0).finish()
    }
}

/// Builds a [`RefreshPolicy`]; made by [`RefreshPolicy::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct RefreshPolicyBuilder(Settings);

impl RefreshPolicyBuilder {
    /// How long before its expiry a token is renewed, but at most a third of its life. Default: 5 min.
    ///
    /// It should be a good deal longer than the [`safety_margin`](Self::safety_margin) and a token request together: what
    /// is left between is the time in which a renewal keeps nobody waiting.
    pub fn refresh_margin(mut self, margin: Duration) -> Self {
        self.0.refresh_margin = margin;
        self
    }

    /// How long before its expiry a token is no longer handed out, since it has a way to go yet, but at
    /// most a tenth of its life. Default: 30 s.
    pub fn safety_margin(mut self, margin: Duration) -> Self {
        self.0.safety_margin = margin;
        self
    }

    /// The lifetime of a token whose server does not state one. Default: 5 min.
    pub fn assumed_lifetime(mut self, lifetime: Duration) -> Self {
        self.0.assumed_lifetime = lifetime;
        self
    }

    /// How long one flight, all its attempts included, may take. Callers who wait on it get
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) then, whose `source` is what the last attempt failed of, if
    /// one did. Default: 30 s.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.0.acquire_timeout = timeout;
        self
    }

    /// How many requests a flight may make while somebody waits for it and the failures are of a kind
    /// that passes. A renewal in the background makes one. Default: 3.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The longest pause before the second attempt of a flight; it doubles with each further one, and is
    /// drawn from zero up to that. Default: 100 ms.
    pub fn attempt_backoff(mut self, pause: Duration) -> Self {
        self.0.attempt_backoff = pause;
        self
    }

    /// The longest pause after the first flight that fails; it doubles with each further one in a row, up
    /// to the cap, and is drawn from zero up to that. Default: 1 s, capped at 60 s.
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.0.backoff_base = base;
        self.0.backoff_cap = cap;
        self
    }

    /// The longest `Retry-After` that is obeyed; a longer one counts as this. Default: 5 min.
    pub fn retry_after_cap(mut self, cap: Duration) -> Self {
        self.0.retry_after_cap = cap;
        self
    }

    /// Draws no jitter: every pause takes its longest, every renewal its latest moment. For tests; in
    /// production it makes a fleet knock at the same moment.
    pub fn no_jitter(mut self) -> Self {
        self.0.jitter = false;
        self
    }

    /// Draws jitter, as is the default.
    pub fn jitter(mut self) -> Self {
        self.0.jitter = true;
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) names the value that makes no sense:
    /// no attempts, no time, or a backoff whose cap lies below its base.
    pub fn build(self) -> Result<RefreshPolicy, Error> {
        let policy = self.0;
        let fault = |what: String| Err(Error::configuration(format!("refresh policy: {what}")));
        if policy.attempts == 0 {
            return fault("attempts is 0; a flight needs at least 1".into());
        }
        for (name, value) in [
            ("acquire_timeout", policy.acquire_timeout),
            ("assumed_lifetime", policy.assumed_lifetime),
            ("backoff base", policy.backoff_base),
        ] {
            if value.is_zero() {
                return fault(format!("{name} is zero; it must be longer"));
            }
        }
        if policy.backoff_cap < policy.backoff_base {
            return fault(format!(
                "the backoff cap {:?} is shorter than its base {:?}; it must be as long at least",
                policy.backoff_cap, policy.backoff_base
            ));
        }
        Ok(RefreshPolicy(Arc::new(policy)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_makes_no_sense_is_refused_by_name() {
        let second = Duration::from_secs(1);
        for (builder, named) in [
            (RefreshPolicy::builder().attempts(0), "attempts"),
            (
                RefreshPolicy::builder().acquire_timeout(Duration::ZERO),
                "acquire_timeout",
            ),
            (
                RefreshPolicy::builder().assumed_lifetime(Duration::ZERO),
                "assumed_lifetime",
            ),
            (
                RefreshPolicy::builder().backoff(Duration::ZERO, second),
                "base",
            ),
            (
                RefreshPolicy::builder().backoff(second * 2, second),
                "cap 1s",
            ),
        ] {
            let text = builder.build().unwrap_err().to_string();
            assert!(text.contains(named), "{text}");
        }
        assert!(
            RefreshPolicy::builder()
                .backoff(second, second)
                .build()
                .is_ok()
        );
        let as_is = RefreshPolicy::builder().no_jitter().jitter().build();
        assert_eq!(as_is.unwrap(), RefreshPolicy::default());
    }
}
