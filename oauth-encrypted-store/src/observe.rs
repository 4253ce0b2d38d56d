//! What can be seen from outside: no other file knows `tracing`. Without that feature nothing is left of it.

#![cfg_attr(
    not(feature = "tracing"),
    allow(unused_variables, reason = "only the feature looks at it")
)]

use oauth_core::TokenKey;

/// What the store has is no token that the ring can open.
pub(crate) fn unreadable(key: &TokenKey, why: &str) {
    #[cfg(feature = "tracing")]
    tracing::event!(
        name: "stored_token_unreadable",
        target: "oauth_encrypted_store",
        tracing::Level::WARN,
        %key,
        why,
        "what the store has is taken for no token"
    );
}
