//! What can be seen from outside: no other file knows `tracing`. Without that feature nothing is left of it.

#![cfg_attr(
    not(feature = "tracing"),
    allow(unused_variables, reason = "only the feature looks at it")
)]

use std::path::Path;

use oauth_core::InvalidRecord;

/// What a file holds is no token, for now or for good.
pub(crate) fn unreadable(path: &Path, error: &InvalidRecord) {
    #[cfg(feature = "tracing")]
    tracing::event!(
        name: "stored_token_unreadable",
        target: "oauth_file_store",
        tracing::Level::WARN,
        path = %path.display(),
        %error,
        "the file is taken for no token"
    );
}
