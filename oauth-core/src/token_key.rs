//! The key a token is stored under.

use std::fmt;

use sha2::{Digest, Sha256};

/// Identifies everything that shapes a token request: endpoint, client, credentials, scopes and
/// parameters. Two configurations that would ask for different tokens have different keys.
///
/// It is a SHA-256 digest, so that it has one size and can be part of a file name or of a key in any store. What
/// went into it cannot be read off; a weak client secret could be guessed by trying, so treat keys as internal.
///
/// # Examples
///
/// ```
/// use oauth_core::TokenKey;
///
/// let key = TokenKey::builder("my-grant").field("tenant", "a").field("user", "bc").build();
/// let other = TokenKey::builder("my-grant").field("tenant", "ab").field("user", "c").build();
/// assert_ne!(key, other);
/// assert_eq!(key.to_string().len(), 64);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// Starts a key for a kind of grant. Different kinds never share a key.
    pub fn builder(kind: &str) -> TokenKeyBuilder {
        TokenKeyBuilder(Sha256::new()).field("kind", kind)
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({self})")
    }
}

/// Builds a [`TokenKey`]; made by [`TokenKey::builder`].
#[must_use]
pub struct TokenKeyBuilder(Sha256);

impl TokenKeyBuilder {
    /// Adds a field. Each name and value is hashed with its length, so no two lists of fields run
    /// together; the order of the calls matters.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        for part in [name, value] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part.as_bytes());
        }
        self
    }

    /// The finished key.
    #[must_use]
    pub fn build(self) -> TokenKey {
        TokenKey(self.0.finalize().into())
    }
}

impl fmt::Debug for TokenKeyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKeyBuilder")
    }
}
