//! The tokens that were issued, and what became of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use oauth_core::{Clock, Instant};

use crate::sync::lock;

pub(crate) struct Issuer {
    clock: Arc<dyn Clock>,
    tokens: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    /// In the order of their first issue.
    issued: Vec<Issued>,
    by_value: HashMap<String, usize>,
    last: Option<usize>,
}

#[derive(Clone)]
struct Issued {
    grant: Grant,
    issued: SystemTime,
    lifetime: Duration,
    expires: Instant,
    revoked: bool,
}

/// What a token stands for.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Grant {
    pub(crate) token: String,
    pub(crate) client_id: String,
    /// The client itself, or whom it acts for.
    pub(crate) subject: String,
    /// Who acts, if not the client (RFC 8693 §4.1).
    pub(crate) actor: Option<String>,
    pub(crate) scope: Option<String>,
    /// The resources that were named; empty for the protected API.
    pub(crate) audience: Vec<String>,
    /// The thumbprint of the DPoP key it is bound to.
    pub(crate) key: Option<String>,
    /// The thumbprint of the certificate it is bound to.
    pub(crate) certificate: Option<String>,
}

impl Grant {
    pub(crate) fn token_type(&self) -> &'static str {
        if self.key.is_some() { "DPoP" } else { "Bearer" }
    }
}

/// What the protected API thinks of a token.
pub(crate) enum Verdict {
    Unknown,
    Expired { ordinal: usize },
    Revoked { ordinal: usize },
    Live { ordinal: usize, grant: Grant },
}

impl Issuer {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            tokens: Mutex::default(),
        }
    }

    /// The time of day, by the server's clock.
    pub(crate) fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    /// Registers a token that lives for `lifetime` from now. A value issued before begins a new life.
    pub(crate) fn issue(&self, grant: Grant, lifetime: Duration) {
        let (expires, now) = (self.clock.now() + lifetime, self.clock.wall());
        let mut tokens = lock(&self.tokens);
        let tokens = &mut *tokens;
        let next = tokens.issued.len();
        let index = *tokens.by_value.entry(grant.token.clone()).or_insert(next);
        let issued = Issued {
            grant,
            issued: now,
            lifetime,
            expires,
            revoked: false,
        };
        match tokens.issued.get_mut(index) {
            Some(known) => *known = issued,
            None => tokens.issued.push(issued),
        }
        tokens.last = Some(index);
    }

    /// The token issued last, and what is left of its lifetime.
    pub(crate) fn last(&self) -> Option<(Grant, Duration)> {
        let now = self.clock.now();
        let tokens = lock(&self.tokens);
        let issued = tokens.issued.get(tokens.last?)?;
        Some((
            issued.grant.clone(),
            issued.expires.saturating_duration_since(now),
        ))
    }

    /// The newest live token that stands for the same, and what is left of its lifetime.
    pub(crate) fn live_like(&self, grant: &Grant) -> Option<(Grant, Duration)> {
        let now = self.clock.now();
        let tokens = lock(&self.tokens);
        let is_like = |issued: &&Issued| {
            let like = Grant {
                token: issued.grant.token.clone(),
                ..grant.clone()
            };
            !issued.revoked && issued.expires > now && issued.grant == like
        };
        let found = tokens.issued.iter().rev().find(is_like)?;
        Some((
            found.grant.clone(),
            found.expires.saturating_duration_since(now),
        ))
    }

    /// When a token was issued and when it expires, in seconds since the epoch.
    pub(crate) fn times(&self, token: &str) -> Option<(u64, u64)> {
        let tokens = lock(&self.tokens);
        let issued = tokens.issued.get(*tokens.by_value.get(token)?)?;
        let begin = whole_seconds(issued.issued);
        Some((begin, begin.saturating_add(issued.lifetime.as_secs())))
    }

    /// Whose token it is, live or not.
    pub(crate) fn owner(&self, token: &str) -> Option<String> {
        let tokens = lock(&self.tokens);
        let issued = tokens.issued.get(*tokens.by_value.get(token)?)?;
        Some(issued.grant.client_id.clone())
    }

    pub(crate) fn judge(&self, token: &str) -> Verdict {
        let now = self.clock.now();
        let tokens = lock(&self.tokens);
        let found = tokens
            .by_value
            .get(token)
            .map(|index| (index + 1, &tokens.issued[*index]));
        match found {
            None => Verdict::Unknown,
            Some((ordinal, issued)) if issued.revoked => Verdict::Revoked { ordinal },
            Some((ordinal, issued)) if issued.expires <= now => Verdict::Expired { ordinal },
            Some((ordinal, issued)) => Verdict::Live {
                ordinal,
                grant: issued.grant.clone(),
            },
        }
    }

    pub(crate) fn revoke(&self, token: &str) -> bool {
        let mut tokens = lock(&self.tokens);
        let index = tokens.by_value.get(token).copied();
        let issued = index.and_then(|index| tokens.issued.get_mut(index));
        issued.is_some_and(|issued| !std::mem::replace(&mut issued.revoked, true))
    }

    pub(crate) fn revoke_all(&self) {
        lock(&self.tokens)
            .issued
            .iter_mut()
            .for_each(|issued| issued.revoked = true);
    }

    pub(crate) fn issued(&self) -> usize {
        lock(&self.tokens).issued.len()
    }
}

impl Verdict {
    /// The token is the n-th issued.
    pub(crate) fn ordinal(&self) -> Option<usize> {
        match self {
            Self::Unknown => None,
            Self::Expired { ordinal } | Self::Revoked { ordinal } | Self::Live { ordinal, .. } => {
                Some(*ordinal)
            }
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("issued", &self.issued())
            .finish_non_exhaustive()
    }
}

/// As JWTs tell the time (RFC 7519 §2).
pub(crate) fn whole_seconds(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH);
    since_epoch.unwrap_or(Duration::ZERO).as_secs()
}

/// A token value that no server of this process has issued.
pub(crate) fn fresh_value() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(
        "fake-{count}-{:016x}{:016x}",
        fastrand::u64(..),
        fastrand::u64(..)
    )
}
