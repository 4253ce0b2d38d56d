//! The world of one rule: an API, a source of tokens for it, and who watches.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use oauth_core::{
    AccessToken, CachedTokenSource, Error, ErrorKind, RefreshPolicy, TokenSource, async_trait,
};

use super::{Adapter, Body, Factory, Failure, Setup};
use crate::server::fresh_value;
use crate::sync::lock;
use crate::{FakeTokenServer, ManualClock};

/// Long enough for every exchange that is to succeed, on a busy machine too.
pub(super) const AMPLE: Duration = Duration::from_secs(30);
/// For an exchange that is to run out of time.
pub(super) const SHORT: Duration = Duration::from_millis(200);
/// Far beyond what anything takes that is going to come.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Every token lives for so long, on a clock that stands still.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Told by an adapter which headers its HTTP client is handed. Clones are one.
#[derive(Clone, Default)]
pub struct Shown(Arc<Mutex<Vec<HeaderMap>>>);

impl Shown {
    /// The HTTP client is about to send a request with these headers.
    pub fn tell(&self, headers: &HeaderMap) {
        lock(&self.0).push(headers.clone());
    }

    pub(super) fn all(&self) -> Vec<HeaderMap> {
        lock(&self.0).clone()
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&lock(&self.0).len()).finish()
    }
}

/// A protected API, and the real cache over a source whose tokens it accepts. Time stands still.
pub(super) struct World {
    pub(super) api: Arc<FakeTokenServer>,
    pub(super) mint: Arc<Mint>,
    pub(super) clock: ManualClock,
    pub(super) source: Source,
    /// How many callers have asked for a token that was not in hand.
    pub(super) asking: Arc<Count>,
    pub(super) shown: Shown,
}

impl World {
    pub(super) fn new() -> Self {
        let clock = ManualClock::new();
        let api = Arc::new(start());
        let mint = Arc::new(Mint::new(Arc::clone(&api)));
        // On this clock no pause ends by itself.
        let policy = RefreshPolicy::builder().attempts(1).no_jitter().build();
        let source = CachedTokenSource::builder(Arc::clone(&mint))
            .policy(policy.expect("the policy is sound"))
            .clock(clock.clone())
            .build();
        Self {
            api,
            mint,
            clock,
            source,
            asking: Arc::default(),
            shown: Shown::default(),
        }
    }

    /// An adapter whose tokens go to the API.
    pub(super) fn adapter(&self, make: &Factory<'_>) -> Box<dyn Adapter> {
        make(self.setup())
    }

    pub(super) fn setup(&self) -> Setup {
        Setup {
            source: Arc::new(Watched {
                source: self.source.clone(),
                asking: Arc::clone(&self.asking),
            }),
            origins: vec![self.api.api_url()],
            timeout: AMPLE,
            shown: self.shown.clone(),
        }
    }

    /// The token in hand was not rejected, nor was there another before it.
    #[track_caller]
    pub(super) fn assert_first_token_is_kept(&self) {
        let generation = self.source.ready().map(|token| token.generation());
        assert_eq!(
            (generation, self.mint.requests()),
            (Some(1), 1),
            "the first token should be in hand still, but (token in hand, token requests) is"
        );
    }

    /// A `GET` to a path of the API.
    pub(super) fn get(&self, path: &str) -> Request<Body> {
        request(Method::GET, &self.api.api_url_for(path), Body::Empty)
    }

    /// A `POST` to a path of the API.
    pub(super) fn post(&self, path: &str, body: &'static str) -> Request<Body> {
        let body = Body::Bytes(Bytes::from_static(body.as_bytes()));
        request(Method::POST, &self.api.api_url_for(path), body)
    }
}

type Source = CachedTokenSource<Arc<Mint>>;

/// A count that can be waited for.
#[derive(Default)]
pub(super) struct Count {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Count {
    pub(super) fn add(&self) {
        *lock(&self.count) += 1;
        self.changed.notify_all();
    }

    /// Blocks until so much has been counted. The count, which is less if that did not happen in time.
    pub(super) fn wait(&self, count: usize) -> usize {
        let (reached, _) = self
            .changed
            .wait_timeout_while(lock(&self.count), PATIENCE, |reached| *reached < count)
            .unwrap_or_else(PoisonError::into_inner);
        *reached
    }
}

/// The source as an adapter sees it.
struct Watched {
    source: Source,
    asking: Arc<Count>,
}

#[async_trait]
impl TokenSource for Watched {
    async fn token(&self) -> Result<AccessToken, Error> {
        self.asking.add();
        self.source.token().await
    }

    fn ready(&self) -> Option<AccessToken> {
        self.source.ready()
    }

    fn with_ready(&self, look: &mut dyn FnMut(&AccessToken)) -> bool {
        self.source.with_ready(look)
    }

    async fn token_lasting(&self, at_least: Duration) -> Result<AccessToken, Error> {
        self.asking.add();
        self.source.token_lasting(at_least).await
    }

    fn ready_lasting(&self, at_least: Duration) -> Option<AccessToken> {
        self.source.ready_lasting(at_least)
    }

    fn reject(&self, token: &AccessToken) {
        self.source.reject(token);
    }
}

/// Mints tokens that the API accepts, and counts how often it is asked.
pub(super) struct Mint {
    api: Arc<FakeTokenServer>,
    asked: Count,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    values: Vec<String>,
    is_shut: bool,
    fails: bool,
    padding: usize,
    waiting: Vec<Waker>,
}

impl Mint {
    fn new(api: Arc<FakeTokenServer>) -> Self {
        Self {
            api,
            asked: Count::default(),
            state: Mutex::default(),
        }
    }

    /// How many token requests there were.
    pub(super) fn requests(&self) -> usize {
        *lock(&self.asked.count)
    }

    /// Blocks until there were so many token requests, or for long. How many there were.
    pub(super) fn await_requests(&self, count: usize) -> usize {
        self.asked.wait(count)
    }

    /// The secrets of all tokens so far.
    pub(super) fn secrets(&self) -> Vec<String> {
        lock(&self.state).values.clone()
    }

    /// From now on token requests wait until [`open`](Self::open).
    pub(super) fn shut(&self) {
        lock(&self.state).is_shut = true;
    }

    pub(super) fn open(&self) {
        let waiting = {
            let mut state = lock(&self.state);
            state.is_shut = false;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// From now on there are no tokens.
    pub(super) fn fail(&self) {
        lock(&self.state).fails = true;
    }

    /// From now on tokens are longer by so many bytes.
    pub(super) fn pad(&self, bytes: usize) {
        lock(&self.state).padding = bytes;
    }
}

#[async_trait]
impl TokenSource for Mint {
    async fn token(&self) -> Result<AccessToken, Error> {
        self.asked.add();
        poll_fn(|context| {
            let mut state = lock(&self.state);
            if !state.is_shut {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
        let mut state = lock(&self.state);
        if state.fails {
            let message = "the mint was told to fail";
            return Err(Error::new(ErrorKind::ServerUnavailable, message));
        }
        let value = fresh_value() + &"x".repeat(state.padding);
        self.api.issue_token(value.clone());
        state.values.push(value.clone());
        Ok(AccessToken::builder(value).expires_in(LIFETIME).build()?)
    }
}

pub(super) fn start() -> FakeTokenServer {
    FakeTokenServer::start().expect("a server can be started on loopback")
}

pub(super) fn request(method: Method, url: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(url)
        .body(body)
        .expect("the request is well formed")
}

#[track_caller]
pub(super) fn ok(outcome: Result<Response<Bytes>, Failure>) -> Response<Bytes> {
    outcome.unwrap_or_else(|failure| panic!("the exchange failed: {failure:?}"))
}

/// No response, because there is no token for the request.
#[track_caller]
pub(super) fn token_error(outcome: Result<Response<Bytes>, Failure>) -> Error {
    match outcome {
        Err(Failure::Token(error)) => error,
        other => panic!("expected an error about the token, not {other:?}"),
    }
}

/// Says on the terminal, past what captures the output of tests, that a rule could not be checked.
pub(super) fn left_out(rule: &str, why: &str) {
    use std::io::Write as _;
    // Telling is all that can be done.
    let _ = writeln!(std::io::stderr(), "note: {rule} is left out: {why}");
}
