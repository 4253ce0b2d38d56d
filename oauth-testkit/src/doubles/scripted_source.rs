//! A source that says what it was told to say.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use oauth_core::{AccessToken, Error, TokenSource, async_trait};

use crate::sync::lock;

/// Far beyond what any call takes that is going to come.
const PATIENCE: Duration = Duration::from_secs(10);
const LIFETIME: Duration = Duration::from_secs(3600);

/// A [`TokenSource`] without a server behind it: each call takes the next of the outcomes it was given, and when there
/// are no more, a fresh token that lives for an hour. Clones are one source.
///
/// Fresh tokens have the secrets `token-1`, `token-2` and so on, by the number of the call.
///
/// # Contract
///
/// - Nothing is cached: [`ready`](TokenSource::ready) is `None`, every [`token`](TokenSource::token) is a call.
/// - A call counts, and has its outcome, when its future is first polled.
/// - Tokens do not say when they were requested, unless the ones given do: a cache takes the moment it asked.
///
/// # Examples
///
/// ```
/// use oauth_core::{Error, ErrorKind, TokenSource};
/// use oauth_testkit::ScriptedSource;
/// use std::time::Duration;
///
/// # futures_executor::block_on(async {
/// let source = ScriptedSource::new();
/// source.next_error(Error::new(ErrorKind::ServerUnavailable, "down for maintenance"));
/// source.next_token("short-lived", Duration::from_secs(5));
///
/// assert!(source.token().await.is_err());
/// assert_eq!(source.token().await?.secret(), "short-lived");
/// assert_eq!(source.token().await?.secret(), "token-3");
/// assert_eq!(source.calls(), 3);
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct ScriptedSource {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Default)]
struct State {
    next: VecDeque<Result<AccessToken, Error>>,
    always: Option<Result<AccessToken, Error>>,
    calls: usize,
    rejected: Vec<AccessToken>,
}

impl ScriptedSource {
    /// A source of fresh tokens.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One call ends like this, after those scripted before.
    pub fn next(&self, outcome: Result<AccessToken, Error>) {
        lock(&self.inner.state).next.push_back(outcome);
    }

    /// One call gives this token, after those scripted before.
    ///
    /// # Panics
    ///
    /// If the secret cannot be one: see [`InvalidToken`](oauth_core::InvalidToken).
    pub fn next_token(&self, secret: impl Into<String>, lifetime: Duration) {
        self.next(Ok(token(secret.into(), lifetime)));
    }

    /// One call fails, after those scripted before.
    pub fn next_error(&self, error: Error) {
        self.next(Err(error));
    }

    /// Every call ends like this when nothing else is scripted.
    pub fn always(&self, outcome: Result<AccessToken, Error>) {
        lock(&self.inner.state).always = Some(outcome);
    }

    /// Forgets what is scripted: there are fresh tokens from now on.
    pub fn reset(&self) {
        let mut state = lock(&self.inner.state);
        state.next.clear();
        state.always = None;
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> usize {
        lock(&self.inner.state).calls
    }

    /// The tokens that were rejected, in that order.
    #[must_use]
    pub fn rejected(&self) -> Vec<AccessToken> {
        lock(&self.inner.state).rejected.clone()
    }

    /// Blocks until there were `count` calls.
    ///
    /// # Panics
    ///
    /// If they do not come within ten seconds.
    #[track_caller]
    pub fn await_calls(&self, count: usize) {
        let (state, _) = self
            .inner
            .called
            .wait_timeout_while(lock(&self.inner.state), PATIENCE, |state| {
                state.calls < count
            })
            .unwrap_or_else(PoisonError::into_inner);
        let calls = state.calls;
        drop(state);
        assert!(
            calls >= count,
            "waited in vain for {count} calls; there were {calls}"
        );
    }
}

#[async_trait]
impl TokenSource for ScriptedSource {
    async fn token(&self) -> Result<AccessToken, Error> {
        let outcome = {
            let mut state = lock(&self.inner.state);
            state.calls += 1;
            let scripted = state.next.pop_front().or_else(|| state.always.clone());
            scripted.unwrap_or_else(|| Ok(token(format!("token-{}", state.calls), LIFETIME)))
        };
        self.inner.called.notify_all();
        outcome
    }

    fn reject(&self, token: &AccessToken) {
        lock(&self.inner.state).rejected.push(token.clone());
    }
}

impl fmt::Debug for ScriptedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.inner.state);
        f.debug_struct("ScriptedSource")
            .field("next", &state.next.len())
            .field("calls", &state.calls)
            .field("rejected", &state.rejected.len())
            .finish()
    }
}

fn token(secret: String, lifetime: Duration) -> AccessToken {
    AccessToken::builder(secret)
        .expires_in(lifetime)
        .build()
        .expect("the secret is fit for a header")
}
