//! The errors of the engine, without what they quote.

use oauth_core::StoreError;
use redis::{ErrorKind, RedisError};

/// Server errors whose detail is about rights, state and places, and never quotes an argument of a command. All
/// others may: `unknown command` does, and an argument may be a token.
const QUOTABLE: &[&str] = &[
    "BUSY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "OOM",
    "READONLY",
    "WRONGPASS",
];

pub(crate) fn store_error(what: &str, error: &RedisError) -> StoreError {
    StoreError::new(format!("{what}: {}", text(error)))
}

fn text(error: &RedisError) -> String {
    match (error.kind(), error.code()) {
        (ErrorKind::Io | ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig, _) => {
            error.to_string()
        }
        (_, Some("NOPERM")) => format!(
            "NOPERM {}; the rights that it takes are in the documentation of oauth-redis",
            error.detail().unwrap_or_default()
        ),
        (_, Some(code)) if QUOTABLE.contains(&code) => match error.detail() {
            Some(detail) => format!("{code} {detail}"),
            None => code.to_owned(),
        },
        (_, Some(code)) => format!("the server answered with {code}"),
        (kind, None) => format!("{kind:?}"),
    }
}
