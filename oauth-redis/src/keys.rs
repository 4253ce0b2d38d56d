//! Where things are in the engine.

use oauth_core::{StoreError, TokenKey};

/// Makes the names of keys and channels.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    /// Braces would make the prefix, or nothing at all, the part of a name by which a Cluster finds the slot.
    pub(crate) fn new(prefix: String) -> Result<Self, StoreError> {
        if prefix.contains(['{', '}']) {
            return Err(StoreError::new(format!(
                "the prefix `{prefix}` of the keys holds a brace, which Redis Cluster would take for a hash tag; choose one without"
            )));
        }
        Ok(Self { prefix })
    }

    pub(crate) fn token(&self, key: &TokenKey) -> String {
        self.name(key, "token")
    }

    pub(crate) fn lease(&self, key: &TokenKey) -> String {
        self.name(key, "lease")
    }

    pub(crate) fn fencing(&self, key: &TokenKey) -> String {
        self.name(key, "fencing")
    }

    pub(crate) fn channel(&self, key: &TokenKey) -> String {
        self.name(key, "changed")
    }

    /// All channels, as a pattern: that of the user's rights, since an engine compares the two character by character.
    pub(crate) fn channels(&self) -> String {
        let mut pattern = String::new();
        for character in self.prefix.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '^' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern + "*"
    }

    fn name(&self, key: &TokenKey, what: &str) -> String {
        format!("{}{{{key}}}:{what}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_one_key_share_a_slot_of_a_cluster() {
        let names = Names::new("oauth:".into()).unwrap();
        let key = TokenKey::builder("test").build();
        let all = [
            names.token(&key),
            names.lease(&key),
            names.fencing(&key),
            names.channel(&key),
        ];
        let tags = all.map(|name| {
            let (_, rest) = name.split_once('{').unwrap();
            rest.split_once('}').unwrap().0.to_owned()
        });
        assert!(tags.iter().all(|tag| *tag == key.to_string()), "{tags:?}");
    }

    #[test]
    fn a_prefix_that_would_be_a_hash_tag_is_refused() {
        for prefix in ["{}", "{a}:", "a{", "}"] {
            let error = Names::new(prefix.into()).unwrap_err().to_string();
            assert!(error.contains(prefix), "{error}");
        }
    }

    #[test]
    fn a_prefix_is_not_a_pattern() {
        let names = Names::new("a*[b]?^\\:".into()).unwrap();
        assert_eq!(names.channels(), r"a\*\[b\]\?\^\\:*");
    }
}
