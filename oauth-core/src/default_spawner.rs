//! Where background work runs by default.

use std::sync::{Arc, OnceLock};

use crate::background;
use crate::clock::BoxFuture;
use crate::spawner::Spawner;

/// Runs work on the tokio runtime it is called in (feature `tokio`), and everywhere else on one thread
/// that serves the whole process, starts when needed, and ends when there is nothing to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultSpawner;

impl DefaultSpawner {
    /// One that all share who name no other.
    pub(crate) fn shared() -> Arc<dyn Spawner> {
        static SHARED: OnceLock<Arc<DefaultSpawner>> = OnceLock::new();
        SHARED.get_or_init(Arc::default).clone()
    }
}

impl Spawner for DefaultSpawner {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        #[cfg(feature = "tokio")]
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
            return;
        }
        background::spawn(work);
    }
}
