//! A token as it is kept outside of a cache.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::scope::Scopes;
use crate::secret::wiped_bytes;
use crate::token::{AccessToken, TokenType};

/// The form of the records that [`StoredToken::encode`] writes.
const VERSION: u64 = 1;

/// A token with its life in wall time, since machines share no other clock.
///
/// # Examples
///
/// ```
/// use oauth_core::{AccessToken, StoredToken};
/// use std::time::{Duration, SystemTime};
///
/// let token = AccessToken::builder("secret").expires_in(Duration::from_secs(60)).build()?;
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
/// let stored = StoredToken::new(token, now, now + Duration::from_secs(60)).with_fencing(7);
///
/// let record = stored.encode();
/// let same = StoredToken::decode(&record)?;
/// assert_eq!(same.token().secret(), "secret");
/// assert_eq!(same.fencing(), 7);
/// assert!(StoredToken::decode(&record[..10]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct StoredToken {
    token: AccessToken,
    requested_at: SystemTime,
    expires_at: SystemTime,
    fencing: u64,
}

impl StoredToken {
    /// A token that was asked for at `requested_at` and dies at `expires_at`, on the wall clock, and was obtained
    /// without a lease.
    #[must_use]
    pub fn new(token: AccessToken, requested_at: SystemTime, expires_at: SystemTime) -> Self {
        Self {
            token,
            requested_at,
            expires_at,
            fencing: 0,
        }
    }

    /// The same, obtained under the lease with this [fencing number](crate::Lease::fencing).
    #[must_use]
    pub fn with_fencing(mut self, fencing: u64) -> Self {
        self.fencing = fencing;
        self
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    /// When the request for it was sent.
    #[must_use]
    pub fn requested_at(&self) -> SystemTime {
        self.requested_at
    }

    /// When the server stops accepting it.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// The fencing number of the lease under which it was obtained; 0 if there was none.
    #[must_use]
    pub fn fencing(&self) -> u64 {
        self.fencing
    }

    /// Whether it may take the place of `there` in a store. The fencing number decides, since it means the same on
    /// every machine; the moments of the requests only where that is equal.
    #[must_use]
    pub fn replaces(&self, there: &Self) -> bool {
        (self.fencing, self.requested_at) >= (there.fencing, there.requested_at)
    }

    /// How long it lives from `wall` on, and never longer than its whole lifetime: a clock that is behind cannot
    /// lengthen its life.
    #[must_use]
    pub fn remaining_life(&self, wall: SystemTime) -> Duration {
        let remaining = self.expires_at.duration_since(wall).unwrap_or_default();
        remaining.min(self.lifetime())
    }

    /// Its whole life.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        let lifetime = self.expires_at.duration_since(self.requested_at);
        lifetime.unwrap_or_default()
    }

    /// The record of it, for a store of bytes: JSON in UTF-8. It holds the secret; its memory is wiped when the last
    /// reference is dropped. The token's place in a cache ([`generation`](AccessToken::generation)) and on a clock
    /// ([`requested_at`](AccessToken::requested_at)) mean nothing elsewhere and are left out.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let token = &self.token;
        let record = json!({
            "version": VERSION,
            "token_type": token.token_type().scheme(),
            "scope": token.scopes().map(ToString::to_string),
            "expires_in_ms": token.lifetime().map(millis),
            "refresh_in_ms": token.refresh_in().map(millis),
            "requested_at_ms": since_epoch(self.requested_at),
            "expires_at_ms": since_epoch(self.expires_at),
            "fencing": self.fencing,
            "extra": token.extras(),
        });
        let rest = record.to_string();
        // Visible ASCII, in which only these two have to be escaped. One allocation, since one that is given up
        // would leave a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(
            2 * token.secret().len() + rest.len() + 32,
        ));
        bytes.extend_from_slice(b"{\"access_token\":\"");
        for byte in token.secret().bytes() {
            if matches!(byte, b'"' | b'\\') {
                bytes.push(b'\\');
            }
            bytes.push(byte);
        }
        bytes.extend_from_slice(b"\",");
        bytes.extend_from_slice(&rest.as_bytes()[1..]);
        wiped_bytes(bytes)
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`InvalidRecord`] if it is damaged, or of a version to come. Take that for a token that is not there.
    pub fn decode(record: &[u8]) -> Result<Self, InvalidRecord> {
        let damaged = InvalidRecord::Damaged;
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_slice(record).map_err(|_| damaged)?;
        let member = |name: &str| members.get(name).map(|value| value.get());
        let number = |name| member(name).and_then(|text| text.parse::<u64>().ok());
        match number("version").ok_or(damaged)? {
            VERSION => {}
            version => return Err(InvalidRecord::Version(version)),
        }
        let text = |name| -> Option<Zeroizing<String>> {
            let text = serde_json::from_str(member(name)?).ok();
            text.map(Zeroizing::new)
        };
        let moment = |name| -> Option<SystemTime> {
            UNIX_EPOCH.checked_add(Duration::from_millis(number(name)?))
        };

        let secret = text("access_token").ok_or(damaged)?;
        let mut token = AccessToken::builder(secret.as_str());
        token = match text("token_type").as_deref().map(String::as_str) {
            Some("Bearer") => token.token_type(TokenType::Bearer),
            Some("DPoP") => token.token_type(TokenType::Dpop),
            _ => return Err(damaged),
        };
        if let Some(scope) = text("scope") {
            token = token.scopes(scope.parse::<Scopes>().map_err(|_| damaged)?);
        }
        if let Some(lifetime) = number("expires_in_ms") {
            token = token.expires_in(Duration::from_millis(lifetime));
        }
        if let Some(refresh_in) = number("refresh_in_ms") {
            token = token.refresh_in(Duration::from_millis(refresh_in));
        }
        if let Some(extra) = member("extra") {
            let extra: Option<Map<String, Value>> =
                serde_json::from_str(extra).map_err(|_| damaged)?;
            for (name, value) in extra.into_iter().flatten() {
                token = token.extra(name, value);
            }
        }
        Ok(Self {
            token: token.build().map_err(|_| damaged)?,
            requested_at: moment("requested_at_ms").ok_or(damaged)?,
            expires_at: moment("expires_at_ms").ok_or(damaged)?,
            fencing: number("fencing").ok_or(damaged)?,
        })
    }
}

/// A record that holds no token for this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRecord {
    /// It is cut off, or never was a record.
    #[error("the record of a token is damaged; it counts as no token")]
    Damaged,
    /// A later version of this library wrote it.
    #[error(
        "the record of a token is of version {0}, which this program does not know; it counts as no token"
    )]
    Version(u64),
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn since_epoch(moment: SystemTime) -> u64 {
    millis(moment.duration_since(UNIX_EPOCH).unwrap_or_default())
}
