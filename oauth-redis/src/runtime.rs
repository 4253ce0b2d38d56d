//! The tokio runtime of the connections.

use std::future::Future;
use std::io;
use std::sync::LazyLock;

use oauth_core::StoreError;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// One thread for the whole process, which starts with the first call of a store and then stays.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("oauth-redis")
        .enable_all()
        .build()
});

/// Runs the work here and not where it is asked for: a connection outlives the runtime of its first user, the
/// background thread of a program without a runtime can use it too, and a call that nobody waits for any more comes
/// to its end, with all that it has to tidy up.
///
/// What nobody takes any more goes to `unwanted`.
pub(crate) async fn run<T: Send + 'static, C: Future<Output = ()> + Send>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    unwanted: impl FnOnce(T) -> C + Send + 'static,
) -> Result<T, StoreError> {
    let (sender, answer) = oneshot::channel();
    spawn(async move {
        if let Err(Ok(unclaimed)) = sender.send(work.await) {
            unwanted(unclaimed).await;
        }
    })?;
    let panicked = || Err(StoreError::new("a call of Redis panicked"));
    answer.await.unwrap_or_else(|_| panicked())
}

pub(crate) fn spawn(
    work: impl Future<Output = ()> + Send + 'static,
) -> Result<AbortHandle, StoreError> {
    match &*RUNTIME {
        Ok(runtime) => Ok(runtime.spawn(work).abort_handle()),
        Err(cause) => Err(StoreError::new(format!(
            "no thread for Redis could be started: {cause}"
        ))),
    }
}
