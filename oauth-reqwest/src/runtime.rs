//! The tokio runtime of token requests.

use std::sync::{Mutex, OnceLock, PoisonError};

use oauth_core::HttpError;
use tokio::runtime::{Builder, Handle, Runtime};

/// One thread for the whole process, which starts with the first token request and then stays.
static RUNTIME: OnceLock<Runtime> = OnceLock::new();
/// Held by whoever starts it. A second one could not be dropped again inside of a runtime.
static STARTING: Mutex<()> = Mutex::new(());

/// Where token requests run: never on a runtime of the caller's, which may be shut down, or blocked by the very
/// code that waits for the token.
pub(crate) fn handle() -> Result<&'static Handle, HttpError> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle());
    }
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle());
    }
    // Whatever is short now may not be at the next request.
    let runtime = start().map_err(|cause| {
        HttpError::transport(format!(
            "no thread for token requests could be started: {cause}"
        ))
    })?;
    Ok(RUNTIME.get_or_init(|| runtime).handle())
}

fn start() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("oauth-reqwest")
        .enable_all()
        .build()
}
