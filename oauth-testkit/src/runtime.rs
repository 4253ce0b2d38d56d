//! The one place of this crate that starts threads and reads the machine's time.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use oauth_core::{Clock, Instant};

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

/// What the server judges the age of its tokens by.
#[derive(Clone)]
pub(crate) enum ServerTime {
    Machine { begin: std::time::Instant },
    Given(Arc<dyn Clock>),
}

impl ServerTime {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of a server that was given no clock"
    )]
    pub(crate) fn machine() -> Self {
        Self::Machine {
            begin: std::time::Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::Machine { begin } => Instant::from_origin(begin.elapsed()),
            Self::Given(clock) => clock.now(),
        }
    }
}

impl fmt::Debug for ServerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine { .. } => "Machine",
            Self::Given(_) => "Given",
        })
    }
}
