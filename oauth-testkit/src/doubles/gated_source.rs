//! A source whose answers a test lets go.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Condvar, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use oauth_core::{AccessToken, Dpop, Error, TokenSource, async_trait};

use crate::sync::lock;

/// Far beyond what any call takes that is going to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Holds every call of another source back until the test lets it go on: a token request that is under way for as long
/// as it takes to look around.
///
/// # Contract
///
/// - A call waits from the first poll of its future on, before the other source is asked. One that is dropped waits no
///   more, and takes nobody's turn.
/// - [`release`](Self::release) lets as many calls go as it says, those that wait already or come later.
///
/// # Examples
///
/// ```
/// use oauth_core::{CachedTokenSource, TokenSource};
/// use oauth_testkit::{GatedSource, ScriptedSource};
/// use std::sync::Arc;
///
/// let gated = Arc::new(GatedSource::new(ScriptedSource::new()));
/// let cached = CachedTokenSource::new(Arc::clone(&gated));
/// let callers: Vec<_> = (0..3)
///     .map(|_| {
///         let cached = cached.clone();
///         std::thread::spawn(move || futures_executor::block_on(cached.token()))
///     })
///     .collect();
/// gated.await_waiting(1);
/// gated.open();
/// for caller in callers {
///     assert_eq!(caller.join().unwrap()?.secret(), "token-1");
/// }
/// # Ok::<(), oauth_core::Error>(())
/// ```
pub struct GatedSource<S> {
    source: S,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_open: bool,
    permits: usize,
    /// The wakers of the calls that wait, by the number of the call.
    waiting: Vec<(usize, Waker)>,
    calls: usize,
}

impl<S> GatedSource<S> {
    /// Holds the calls of `source` back.
    pub fn new(source: S) -> Self {
        Self {
            source,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// The source behind.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Lets every call go, until [`close`](Self::close).
    pub fn open(&self) {
        self.change(|state| state.is_open = true);
    }

    /// Holds back what comes from now on.
    pub fn close(&self) {
        self.change(|state| {
            state.is_open = false;
            state.permits = 0;
        });
    }

    /// Lets so many calls go.
    pub fn release(&self, calls: usize) {
        self.change(|state| state.permits += calls);
    }

    /// How many calls are being held back.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.state).waiting.len()
    }

    /// Blocks until so many calls are being held back.
    ///
    /// # Panics
    ///
    /// If they are not within ten seconds.
    #[track_caller]
    pub fn await_waiting(&self, count: usize) {
        let (state, _) = self
            .changed
            .wait_timeout_while(lock(&self.state), PATIENCE, |state| {
                state.waiting.len() < count
            })
            .unwrap_or_else(PoisonError::into_inner);
        let waiting = state.waiting.len();
        drop(state);
        assert!(
            waiting >= count,
            "waited in vain for {count} calls to wait; there are {waiting}"
        );
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers: Vec<Waker> = {
            let mut state = lock(&self.state);
            change(&mut state);
            state
                .waiting
                .iter()
                .map(|(_, waker)| waker.clone())
                .collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn pass(&self) {
        let call = {
            let mut state = lock(&self.state);
            state.calls += 1;
            state.calls
        };
        let _leaves = Leaves { gated: self, call };
        poll_fn(|context| {
            let waker = context.waker().clone();
            let mut state = lock(&self.state);
            if !state.is_open && state.permits == 0 {
                state.waiting.retain(|(waiting, _)| *waiting != call);
                state.waiting.push((call, waker));
                drop(state);
                self.changed.notify_all();
                return Poll::Pending;
            }
            if !state.is_open {
                state.permits -= 1;
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// Takes a call off the list when it goes on or is dropped.
struct Leaves<'a, S> {
    gated: &'a GatedSource<S>,
    call: usize,
}

impl<S> Drop for Leaves<'_, S> {
    fn drop(&mut self) {
        let mut state = lock(&self.gated.state);
        state.waiting.retain(|(waiting, _)| *waiting != self.call);
    }
}

#[async_trait]
impl<S: TokenSource> TokenSource for GatedSource<S> {
    async fn token(&self) -> Result<AccessToken, Error> {
        self.pass().await;
        self.source.token().await
    }

    fn ready(&self) -> Option<AccessToken> {
        self.source.ready()
    }

    fn with_ready(&self, look: &mut dyn FnMut(&AccessToken)) -> bool {
        self.source.with_ready(look)
    }

    async fn token_lasting(&self, at_least: Duration) -> Result<AccessToken, Error> {
        self.pass().await;
        self.source.token_lasting(at_least).await
    }

    fn ready_lasting(&self, at_least: Duration) -> Option<AccessToken> {
        self.source.ready_lasting(at_least)
    }

    fn dpop(&self) -> Option<&Dpop> {
        self.source.dpop()
    }

    fn reject(&self, token: &AccessToken) {
        self.source.reject(token);
    }
}

impl<S> fmt::Debug for GatedSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("GatedSource")
            .field("is_open", &state.is_open)
            .field("waiting", &state.waiting.len())
            .finish_non_exhaustive()
    }
}
