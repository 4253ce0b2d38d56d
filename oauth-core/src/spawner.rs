//! The port to whatever runs work in the background.

use std::sync::Arc;

use crate::clock::BoxFuture;

/// Runs the work that nobody waits for: a renewal in the background.
///
/// [`DefaultSpawner`](crate::DefaultSpawner) serves a program; a test may run the work by its own hand.
///
/// # Contract
///
/// - `spawn` returns at once and does not poll the work before it returns.
/// - The work is polled until it is ready, or dropped. Dropping it (a runtime that shuts down) strands
///   nobody: whoever still waits for the result drives it on, and the next caller starts over.
///
/// # Examples
///
/// ```
/// use oauth_core::{BoxFuture, Spawner};
/// use std::sync::Mutex;
///
/// /// Keeps the work until the test runs it.
/// #[derive(Default)]
/// struct ByHand(Mutex<Vec<BoxFuture<'static, ()>>>);
///
/// impl Spawner for ByHand {
///     fn spawn(&self, work: BoxFuture<'static, ()>) {
///         self.0.lock().unwrap().push(work);
///     }
/// }
/// # let _: &dyn Spawner = &ByHand::default();
/// ```
pub trait Spawner: Send + Sync {
    /// Sees to it that `work` is polled until it is ready.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}

impl<S: Spawner + ?Sized> Spawner for Arc<S> {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        (**self).spawn(work);
    }
}
