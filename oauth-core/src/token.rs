//! The access token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::scope::Scopes;
use crate::secret::{REDACTED, wiped_bytes, wiped_bytes_apart};
use crate::time::{Instant, MaybeNanos};

/// How a token is presented to an API (RFC 6749 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenType {
    /// Whoever holds it may use it (RFC 6750).
    Bearer,
    /// Usable only with a proof of the key it is bound to (RFC 9449).
    Dpop,
}

impl TokenType {
    /// The authentication scheme of the `Authorization` header: `Bearer` or `DPoP`.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// An access token, with the header that presents it.
///
/// Cloning costs a reference count. The memory of the secret is wiped when the last clone, and the
/// last clone of its header, is dropped; an [`Authorizer`](crate::Authorizer) may have a thread keep a copy. `Debug` never shows the secret.
///
/// # Examples
///
/// ```
/// use oauth_core::AccessToken;
/// use std::time::Duration;
///
/// let token = AccessToken::builder("2YotnFZFEjr1zCsicMWpAA")
///     .expires_in(Duration::from_secs(3600))
///     .build()?;
/// assert_eq!(token.header(), "Bearer 2YotnFZFEjr1zCsicMWpAA");
/// assert!(token.header().is_sensitive());
/// assert!(!format!("{token:?}").contains("2Yot"));
/// # Ok::<(), oauth_core::InvalidToken>(())
/// ```
#[derive(Clone)]
pub struct AccessToken {
    parts: Arc<Parts>,
    generation: u64,
}

/// The secret of a token cannot be put into an HTTP header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidToken {
    /// The token is the empty string.
    #[error("the access token is empty; it needs a character at least")]
    Empty,
    /// The token holds a character outside visible ASCII, or a space.
    #[error(
        "the access token holds the byte {byte:#04x} at position {position}; only visible ASCII without spaces can be sent"
    )]
    Character {
        /// The offending byte.
        byte: u8,
        /// Its position in the token, from 0.
        position: usize,
    },
}

#[derive(Clone)]
pub(crate) struct Parts {
    /// `Bearer SECRET`: the one place where the secret is kept.
    header: HeaderValue,
    token_type: TokenType,
    scopes: Option<Scopes>,
    lifetime: MaybeNanos,
    refresh_in: MaybeNanos,
    requested_at: MaybeNanos,
    extra: Option<Arc<Map<String, Value>>>,
}

impl AccessToken {
    /// Starts a token with this secret: a bearer token with an unknown lifetime.
    pub fn builder(secret: impl Into<SecretString>) -> AccessTokenBuilder {
        AccessTokenBuilder {
            secret: secret.into(),
            token_type: TokenType::Bearer,
            scopes: None,
            lifetime: None,
            refresh_in: None,
            requested_at: None,
            extra: Map::new(),
        }
    }

    /// The secret itself. Keep it out of logs.
    #[must_use]
    pub fn secret(&self) -> &str {
        let header = self.parts.header.as_bytes();
        let secret = &header[self.parts.token_type.scheme().len() + 1..];
        // Only visible ASCII gets past the builder.
        std::str::from_utf8(secret).unwrap_or_default()
    }

    /// The value of the `Authorization` header, marked sensitive: `Bearer …` or `DPoP …`.
    #[must_use]
    pub fn header(&self) -> &HeaderValue {
        &self.parts.header
    }

    /// How the token is presented to an API.
    #[must_use]
    pub fn token_type(&self) -> TokenType {
        self.parts.token_type
    }

    /// The scopes the server said it granted, which may be fewer than were asked for (RFC 6749
    /// §3.3). `None`: it did not say, which means those that were asked for (§5.1).
    #[must_use]
    pub fn scopes(&self) -> Option<&Scopes> {
        self.parts.scopes.as_ref()
    }

    /// The lifetime the server stated, counted from [`requested_at`](Self::requested_at).
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.parts.lifetime.duration()
    }

    /// When the server advises to renew, counted from [`requested_at`](Self::requested_at).
    #[must_use]
    pub fn refresh_in(&self) -> Option<Duration> {
        self.parts.refresh_in.duration()
    }

    /// The moment the request for the token was sent, on the clock of its source.
    #[must_use]
    pub fn requested_at(&self) -> Option<Instant> {
        self.parts.requested_at.instant()
    }

    /// The moment the server stops accepting the token, if both the lifetime and the moment of the
    /// request are known.
    #[must_use]
    pub fn expires_at(&self) -> Option<Instant> {
        Some(self.requested_at()? + self.lifetime()?)
    }

    /// The ordinal of the token in the cache that handed it out, from 1; 0 if none did.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A member of the token response that the protocol does not define.
    #[must_use]
    pub fn extra(&self, name: &str) -> Option<&Value> {
        self.parts.extra.as_ref()?.get(name)
    }

    /// All such members.
    pub(crate) fn extras(&self) -> Option<&Map<String, Value>> {
        self.parts.extra.as_deref()
    }

    /// What all clones share. Of two tokens that live at the same time, only clones have the same.
    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// The same token with memory of its own: its clones, and those of its header, count by themselves.
    pub(crate) fn detached(&self) -> Self {
        let header = self.parts.header.as_bytes();
        let header = sensitive(wiped_bytes_apart(Zeroizing::new(header.to_vec())));
        let parts = Parts {
            header: header.unwrap_or_else(|_| self.parts.header.clone()),
            ..Parts::clone(&self.parts)
        };
        Self {
            parts: Arc::new(parts),
            generation: self.generation,
        }
    }

    pub(crate) fn with_generation(mut self, generation: u64) -> Self {
        self.generation = generation;
        self
    }

    /// The same token, with its life at another place on the clock.
    pub(crate) fn with_life(mut self, requested_at: Instant, lifetime: Duration) -> Self {
        let parts = Arc::make_mut(&mut self.parts);
        parts.requested_at = Some(requested_at).into();
        parts.lifetime = Some(lifetime).into();
        self
    }

    pub(crate) fn with_requested_at(mut self, requested_at: Instant) -> Self {
        Arc::make_mut(&mut self.parts).requested_at = Some(requested_at).into();
        self
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("secret", &REDACTED)
            .field("token_type", &self.parts.token_type)
            .field("scopes", &self.parts.scopes)
            .field("lifetime", &self.lifetime())
            .field("requested_at", &self.requested_at())
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// Builds an [`AccessToken`]; made by [`AccessToken::builder`].
#[must_use]
pub struct AccessTokenBuilder {
    secret: SecretString,
    token_type: TokenType,
    scopes: Option<Scopes>,
    lifetime: Option<Duration>,
    refresh_in: Option<Duration>,
    requested_at: Option<Instant>,
    extra: Map<String, Value>,
}

impl AccessTokenBuilder {
    /// How the token is presented; [`TokenType::Bearer`] unless said otherwise.
    pub fn token_type(mut self, token_type: TokenType) -> Self {
        self.token_type = token_type;
        self
    }

    /// The scopes granted.
    pub fn scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// The lifetime, counted from the moment the request was sent. Zero: good for one use.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// When to renew, counted from the moment the request was sent.
    pub fn refresh_in(mut self, refresh_in: Duration) -> Self {
        self.refresh_in = Some(refresh_in);
        self
    }

    /// The moment the request for the token was sent, or the work that made it began, on the clock of the cache: one
    /// from another clock makes the token look dead, or alive for too long. Leave it out if in doubt: a cache takes
    /// the moment at which it asked its source.
    pub fn requested_at(mut self, requested_at: Instant) -> Self {
        self.requested_at = Some(requested_at);
        self
    }

    /// A further member of the token response.
    pub fn extra(mut self, name: impl Into<String>, value: Value) -> Self {
        self.extra.insert(name.into(), value);
        self
    }

    /// Makes the token and its header.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] if the secret is empty or cannot stand in a header.
    pub fn build(self) -> Result<AccessToken, InvalidToken> {
        let parts = Parts {
            header: authorization(self.token_type, self.secret.expose_secret())?,
            token_type: self.token_type,
            scopes: self.scopes,
            lifetime: self.lifetime.into(),
            refresh_in: self.refresh_in.into(),
            requested_at: self.requested_at.into(),
            extra: (!self.extra.is_empty()).then(|| Arc::new(self.extra)),
        };
        Ok(AccessToken {
            parts: Arc::new(parts),
            generation: 0,
        })
    }
}

impl fmt::Debug for AccessTokenBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokenBuilder")
            .field("secret", &REDACTED)
            .field("token_type", &self.token_type)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

fn authorization(token_type: TokenType, secret: &str) -> Result<HeaderValue, InvalidToken> {
    if secret.is_empty() {
        return Err(InvalidToken::Empty);
    }
    if let Some(position) = secret.bytes().position(|byte| !byte.is_ascii_graphic()) {
        return Err(InvalidToken::Character {
            byte: secret.as_bytes()[position],
            position,
        });
    }
    let scheme = token_type.scheme();
    let mut bytes = Zeroizing::new(Vec::with_capacity(scheme.len() + 1 + secret.len()));
    bytes.extend_from_slice(scheme.as_bytes());
    bytes.push(b' ');
    bytes.extend_from_slice(secret.as_bytes());
    // Visible ASCII and one space are always a header value: the error is out of reach.
    sensitive(wiped_bytes(bytes)).map_err(|_| InvalidToken::Empty)
}

fn sensitive(bytes: Bytes) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut header = HeaderValue::from_maybe_shared(bytes)?;
    header.set_sensitive(true);
    Ok(header)
}
