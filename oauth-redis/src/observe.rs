//! What can be seen from outside: no other file knows `tracing`. Without that feature nothing is left of it.

#![cfg_attr(
    not(feature = "tracing"),
    allow(unused_variables, reason = "only the feature looks at it")
)]

use oauth_core::{InvalidRecord, StoreError, TokenKey};

/// What Redis holds is no token.
pub(crate) fn unreadable(key: &TokenKey, error: &InvalidRecord) {
    #[cfg(feature = "tracing")]
    tracing::event!(
        name: "stored_token_unreadable",
        target: "oauth_redis",
        tracing::Level::WARN,
        %key,
        %error,
        "what Redis has is taken for no token"
    );
}

pub(crate) fn not_notified(error: &StoreError) {
    #[cfg(feature = "tracing")]
    tracing::event!(
        name: "no_notifications",
        target: "oauth_redis",
        tracing::Level::DEBUG,
        %error,
        "no notifications from Redis"
    );
}
