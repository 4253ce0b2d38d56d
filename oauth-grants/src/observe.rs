//! What can be seen from outside: no other file knows `tracing`. Without that feature nothing is left of it.

#![cfg_attr(
    not(feature = "tracing"),
    allow(unused_variables, reason = "only the feature looks at it")
)]

use std::error::Error;

/// An event of `tracing`. Its name does not change; its message may.
macro_rules! event {
    ($level:ident, $name:literal, $($rest:tt)+) => {{
        #[cfg(feature = "tracing")]
        tracing::event!(name: $name, target: "oauth_grants", tracing::Level::$level, $($rest)+);
    }};
}

pub(crate) fn unstorable(cause: &(dyn Error + 'static)) {
    event!(
        WARN,
        "refresh_token_unstorable",
        %cause,
        "the refresh token cannot be kept in a store"
    );
}

pub(crate) fn store_failed(operation: &str, error: &(dyn Error + 'static)) {
    event!(
        WARN,
        "refresh_token_store_failed",
        operation,
        %error,
        cause = error.source().map(|cause| cause.to_string()),
        "the store of the refresh token failed"
    );
}

pub(crate) fn somebody_else_refreshed() {
    event!(
        DEBUG,
        "refresh_token_taken_up",
        "somebody else has used the refresh token; trying once more with the next"
    );
}

pub(crate) fn stored_one_refused() {
    event!(
        DEBUG,
        "refresh_token_of_store_refused",
        "the server refused the refresh token of the store; trying the one that the program was given"
    );
}

pub(crate) fn subject_refused() {
    event!(
        DEBUG,
        "subject_token_refused",
        "the server refused the tokens to be exchanged; trying once more with the next"
    );
}
