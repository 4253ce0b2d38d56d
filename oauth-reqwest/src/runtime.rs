//! The tokio runtime of token requests.

use std::io;
use std::sync::LazyLock;

use oauth_core::HttpError;
use tokio::runtime::{Builder, Handle, Runtime};

/// One thread for the whole process, which starts with the first token request and then stays.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("oauth-reqwest")
        .enable_all()
        .build()
});

/// Where token requests run: never on a runtime of the caller's, which may be shut down, or blocked by the very
/// code that waits for the token.
pub(crate) fn handle() -> Result<&'static Handle, HttpError> {
    match &*RUNTIME {
        Ok(runtime) => Ok(runtime.handle()),
        Err(cause) => Err(HttpError::unusable(format!(
            "no thread for token requests could be started: {cause}"
        ))),
    }
}
