//! The one place of this crate that starts threads.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Connections are many and shallow.
const STACK_BYTES: usize = 512 * 1024;

#[expect(
    clippy::disallowed_methods,
    reason = "the server's threads start here and nowhere else"
)]
pub(crate) fn start_thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
}
