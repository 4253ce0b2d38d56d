//! Scopes: what a token is good for (RFC 6749 §3.3).

use std::fmt;
use std::str::FromStr;

/// A set of scope tokens (RFC 6749 §3.3), in the order they were given, each once.
///
/// Two sets are equal if they hold the same scopes, in whatever order: the order has no meaning in
/// the protocol.
///
/// # Examples
///
/// ```
/// use oauth_core::Scopes;
///
/// let scopes: Scopes = "read write".parse()?;
/// assert!(scopes.contains("read"));
/// assert_eq!(scopes, Scopes::new(["write", "read", "read"])?);
/// assert!(Scopes::new(["wri\"te"]).is_err());
/// # Ok::<(), oauth_core::InvalidScope>(())
/// ```
#[derive(Clone, Default)]
pub struct Scopes(Box<str>);

/// A scope holds a character that RFC 6749 §3.3 does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "scope {scope:?} holds the character {character:?}; RFC 6749 allows visible ASCII except '\"' and '\\'"
)]
pub struct InvalidScope {
    scope: String,
    character: char,
}

impl Scopes {
    /// Collects scopes. An item may itself be a list separated by spaces, as in the protocol.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`] names the first scope with a character outside RFC 6749 §3.3's set.
    pub fn new<I>(scopes: I) -> Result<Self, InvalidScope>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut joined = String::new();
        for item in scopes {
            for scope in item.as_ref().split(' ').filter(|scope| !scope.is_empty()) {
                check(scope)?;
                if joined.split(' ').any(|known| known == scope) {
                    continue;
                }
                if !joined.is_empty() {
                    joined.push(' ');
                }
                joined.push_str(scope);
            }
        }
        Ok(Self(joined.into_boxed_str()))
    }

    /// The scopes one by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|scope| !scope.is_empty())
    }

    /// The scopes as the protocol writes them: separated by single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `scope` is one of them. Scopes are case-sensitive (RFC 6749 §3.3).
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|known| known == scope)
    }

    /// Whether there is no scope at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes in an order that depends on nothing but the set.
    pub(crate) fn sorted(&self) -> Vec<&str> {
        let mut scopes: Vec<_> = self.iter().collect();
        scopes.sort_unstable();
        scopes
    }
}

fn check(scope: &str) -> Result<(), InvalidScope> {
    match scope
        .chars()
        .find(|character| !is_scope_character(*character))
    {
        Some(character) => Err(InvalidScope {
            scope: scope.to_owned(),
            character,
        }),
        None => Ok(()),
    }
}

fn is_scope_character(character: char) -> bool {
    character.is_ascii_graphic() && character != '"' && character != '\\'
}

impl PartialEq for Scopes {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl Eq for Scopes {}

impl FromStr for Scopes {
    type Err = InvalidScope;

    fn from_str(scopes: &str) -> Result<Self, InvalidScope> {
        Self::new([scopes])
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
