//! The thread that touches files, so that no thread of an async runtime waits for a disk.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use futures_channel::oneshot;
use oauth_core::StoreError;

type Job = Box<dyn FnOnce() + Send>;

/// One for the whole process, which starts with the first call of a store and then stays.
static WORKER: LazyLock<io::Result<Sender<Job>>> = LazyLock::new(start);

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts the thread"
)]
fn start() -> io::Result<Sender<Job>> {
    let (sender, jobs) = channel::<Job>();
    thread::Builder::new()
        .name("oauth-file-store".into())
        .spawn(move || {
            for job in jobs {
                // Whoever waits for it is told by its being dropped.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        })?;
    Ok(sender)
}

/// Does the work there. It is done also if nobody waits for it any more; then its result is dropped there.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let worker = WORKER.as_ref().map_err(|cause| {
        StoreError::new(format!("no thread for files could be started: {cause}"))
    })?;
    let (sender, result) = oneshot::channel();
    let job = move || {
        let _ = sender.send(work());
    };
    let gone = || StoreError::new("the thread for files broke down");
    worker.send(Box::new(job)).map_err(|_| gone())?;
    result.await.unwrap_or_else(|_| Err(gone()))
}
