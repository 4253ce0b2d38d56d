//! A cache among fakes whose every step the model checker sees, and the callers that use it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex as Unseen};
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};

use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Clock, Error, ErrorKind, Instant, RefreshPolicy,
    Spawner, TokenSource, async_trait,
};
use shuttle::future::{self, AbortHandle, JoinHandle};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use shuttle::thread;

use super::explore::{drop_waiting, without_waiting};

/// How long a token lives.
pub(crate) const LIFETIME: Duration = Duration::from_secs(1000);
/// An age at which a token is due for renewal, and usable.
pub(crate) const DUE: Duration = Duration::from_secs(800);
/// How long a flight may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A cache, what it is made of, and what its callers have seen.
pub(crate) struct Model {
    pub(crate) cache: CachedTokenSource<Arc<Server>>,
    pub(crate) server: Arc<Server>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) spawner: Arc<ModelSpawner>,
    /// Read and written in one step: a record, and nothing that takes part.
    seen: Unseen<Seen>,
}

#[derive(Clone, Default)]
struct Seen {
    rejected: BTreeSet<String>,
    generation: u64,
}

impl Model {
    pub(crate) fn new(driving: Driving, server: Server) -> Arc<Self> {
        let server = Arc::new(server);
        let clock = Arc::new(HandClock::default());
        let spawner = Arc::new(ModelSpawner::new(driving));
        let policy = RefreshPolicy::builder()
            .acquire_timeout(PATIENCE)
            .no_jitter();
        let cache = CachedTokenSource::builder(Arc::clone(&server))
            .policy(policy.build().unwrap())
            .clock(Arc::clone(&clock))
            .spawner(Arc::clone(&spawner))
            .build();
        Arc::new(Self {
            cache,
            server,
            clock,
            spawner,
            seen: Unseen::default(),
        })
    }

    /// One that holds its first token, which comes along.
    pub(crate) fn held(driving: Driving, server: Server) -> (Arc<Self>, AccessToken) {
        let model = Self::new(driving, server);
        model.server.answer();
        let token = model.ask_and_wait().unwrap();
        (model, token)
    }

    /// The same when the token is due for renewal.
    pub(crate) fn due(driving: Driving, server: Server) -> (Arc<Self>, AccessToken) {
        let (model, token) = Self::held(driving, server);
        model.clock.advance(DUE);
        (model, token)
    }

    /// Asks for a token, and checks what comes.
    async fn ask(self: Arc<Self>) -> Result<AccessToken, Error> {
        let before = self.seen();
        let outcome = self.cache.token().await;
        if let Ok(token) = &outcome {
            self.judge(&before, token);
        }
        outcome
    }

    pub(crate) fn ask_and_wait(self: &Arc<Self>) -> Result<AccessToken, Error> {
        future::block_on(Arc::clone(self).ask())
    }

    /// Asks on the hit path, which must not wait, and checks what comes.
    pub(crate) fn hit(&self) -> Option<AccessToken> {
        let before = self.seen();
        let token = without_waiting(|| self.cache.ready());
        if let Some(token) = &token {
            self.judge(&before, token);
        }
        token
    }

    pub(crate) fn reject(&self, token: &AccessToken) {
        self.server.refused.store(true, Ordering::SeqCst);
        self.cache.reject(token);
        let mut seen = self.seen.lock().unwrap();
        seen.rejected.insert(token.secret().to_owned());
    }

    /// `before`: what had been seen when the call began.
    fn judge(&self, before: &Seen, token: &AccessToken) {
        let generation = token.generation();
        assert!(
            !before.rejected.contains(token.secret()),
            "the rejected token {} is handed out",
            token.secret()
        );
        assert!(
            generation >= before.generation,
            "after generation {} comes {generation}",
            before.generation
        );
        let mut seen = self.seen.lock().unwrap();
        seen.generation = seen.generation.max(generation);
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// A caller in a task of its own, who waits for as long as it takes.
    pub(crate) fn patient(self: &Arc<Self>) -> JoinHandle<Result<AccessToken, Error>> {
        future::spawn(Arc::clone(self).ask())
    }

    /// A caller in a task of its own, who turns away at any moment: before the first poll, at any await,
    /// or after a wake that it does not follow. What it gives keeps its place without ever polling it
    /// again, as in a runtime that is stuck.
    pub(crate) fn impatient(self: &Arc<Self>) -> JoinHandle<Option<Asking>> {
        let asking: Asking = Box::pin(Arc::clone(self).ask());
        future::spawn(async move {
            let freezes = thread_rng().gen_bool(0.3);
            leave(asking).await.filter(|_| freezes)
        })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.spawner.shut_down();
    }
}

pub(crate) type Asking = BoxFuture<'static, Result<AccessToken, Error>>;

pub(crate) fn wait<T>(task: JoinHandle<T>) -> T {
    future::block_on(task).unwrap()
}

/// Does `call` on a thread of its own.
pub(crate) fn aside(
    model: &Arc<Model>,
    call: impl FnOnce(Arc<Model>) + Send + 'static,
) -> thread::JoinHandle<()> {
    let model = Arc::clone(model);
    thread::spawn(move || call(model))
}

pub(crate) fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

/// Does `call` again and again on a thread of its own, until it is stopped.
pub(crate) fn repeat(model: &Arc<Model>, call: fn(&Model)) -> Repeated {
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopped);
    let thread = aside(model, move |model| {
        while !stop.load(Ordering::SeqCst) {
            call(&model);
            thread::yield_now();
        }
    });
    Repeated { stopped, thread }
}

pub(crate) struct Repeated {
    stopped: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Repeated {
    pub(crate) fn stop(self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
    }
}

/// Polls `work` a few times, and gives it back if it is not done by then: at once, or only when it has been
/// woken again.
async fn leave<T>(mut work: BoxFuture<'static, T>) -> Option<BoxFuture<'static, T>> {
    let mut polls = thread_rng().gen_range(0..4);
    let when_woken = thread_rng().gen_bool(0.5);
    let ended = poll_fn(|context| {
        if polls == 0 {
            return Poll::Ready(false);
        }
        polls -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polls == 0 && !when_woken => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    });
    let ended = ended.await;
    (!ended).then_some(work)
}

/// What a spawner makes of its work.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Driving {
    /// Polls it until it is ready.
    Faithful,
    /// Drops it at once.
    Refusing,
    /// Holds it and never polls it.
    Stuck,
    /// Polls it a few times, then drops it.
    Fickle,
}

impl Driving {
    pub(crate) fn any() -> Self {
        match thread_rng().gen_range(0..4) {
            0 => Self::Faithful,
            1 => Self::Refusing,
            2 => Self::Stuck,
            _ => Self::Fickle,
        }
    }
}

pub(crate) struct ModelSpawner {
    driving: Driving,
    stuck: Unseen<Vec<BoxFuture<'static, ()>>>,
    running: Unseen<Vec<AbortHandle>>,
    shut_down: AtomicBool,
}

impl ModelSpawner {
    fn new(driving: Driving) -> Self {
        Self {
            driving,
            stuck: Unseen::default(),
            running: Unseen::default(),
            shut_down: AtomicBool::new(false),
        }
    }

    /// Drops all work, and from now on what comes.
    pub(crate) fn shut_down(&self) {
        self.shut_down.store(true, Ordering::SeqCst);
        let stuck = std::mem::take(&mut *self.stuck.lock().unwrap());
        drop(stuck);
        let running = std::mem::take(&mut *self.running.lock().unwrap());
        running.iter().for_each(AbortHandle::abort);
    }
}

impl Spawner for ModelSpawner {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        if self.shut_down.load(Ordering::SeqCst) {
            drop_waiting(work);
            return;
        }
        match self.driving {
            Driving::Faithful => {
                let task = future::spawn(work);
                self.running.lock().unwrap().push(task.abort_handle());
            }
            Driving::Refusing => drop_waiting(work),
            Driving::Stuck => self.stuck.lock().unwrap().push(work),
            Driving::Fickle => drop(future::spawn(async { drop(leave(work).await) })),
        }
    }
}

/// A source that answers once it is let, and numbers its tokens from `t1`.
pub(crate) struct Server {
    failures: usize,
    repeats: bool,
    gate: Gate,
    calls: AtomicUsize,
    refused: AtomicBool,
}

impl Server {
    /// One that answers when [`answer`](Self::answer) has been called.
    pub(crate) fn new() -> Self {
        Self {
            failures: 0,
            repeats: false,
            gate: Gate::default(),
            calls: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
        }
    }

    /// So many calls fail before one succeeds.
    pub(crate) fn failing(self, failures: usize) -> Self {
        Self { failures, ..self }
    }

    /// Answers with the first token for as long as nobody refuses it.
    pub(crate) fn repeating(self) -> Self {
        Self {
            repeats: true,
            ..self
        }
    }

    pub(crate) fn answer(&self) {
        self.gate.open();
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenSource for Server {
    async fn token(&self) -> Result<AccessToken, Error> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let refused = self.refused.load(Ordering::SeqCst);
        self.gate.passed(call).await;
        // It wakes while it is being polled, too.
        future::yield_now().await;
        if call <= self.failures {
            return Err(Error::new(ErrorKind::Transport, "the server is away"));
        }
        let number = if self.repeats && !refused { 1 } else { call };
        let token = AccessToken::builder(format!("t{number}")).expires_in(LIFETIME);
        Ok(token.build().unwrap())
    }
}

/// Shut until it is opened. It wakes the last waker of each call, as a correct future does.
#[derive(Default)]
struct Gate(Mutex<(bool, BTreeMap<usize, Waker>)>);

impl Gate {
    fn open(&self) {
        let wakers = {
            let mut gate = self.0.lock().unwrap();
            gate.0 = true;
            std::mem::take(&mut gate.1)
        };
        wakers.into_values().for_each(Waker::wake);
    }

    fn passed(&self, call: usize) -> impl Future<Output = ()> {
        poll_fn(move |context| {
            let mut gate = self.0.lock().unwrap();
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1.insert(call, context.waker().clone());
            Poll::Pending
        })
    }
}

/// A clock that a test moves.
#[derive(Default)]
pub(crate) struct HandClock {
    /// Milliseconds, to be read without waiting.
    now: AtomicU64,
    time: Arc<Mutex<Time>>,
}

#[derive(Default)]
struct Time {
    now: Duration,
    sleeps: u64,
    sleepers: BTreeMap<u64, (Duration, Waker)>,
}

impl HandClock {
    pub(crate) fn advance(&self, duration: Duration) {
        self.move_to(|time| time.now + duration);
    }

    /// Lets a pause between two attempts pass, if there is one now.
    pub(crate) fn skip_pause(&self) {
        self.move_to(|time| {
            let moments = time.sleepers.values().map(|(until, _)| *until);
            let soon = |until: &Duration| *until < time.now + Duration::from_secs(1);
            moments.min().filter(soon).unwrap_or(time.now)
        });
    }

    fn move_to(&self, moment: impl FnOnce(&Time) -> Duration) {
        let due = {
            let mut time = self.time.lock().unwrap();
            let now = moment(&time);
            time.now = now;
            self.now.store(now.as_millis() as u64, Ordering::SeqCst);
            let (due, later): (BTreeMap<_, _>, _) = std::mem::take(&mut time.sleepers)
                .into_iter()
                .partition(|(_, (until, _))| *until <= now);
            time.sleepers = later;
            due
        };
        due.into_values().for_each(|(_, waker)| waker.wake());
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        Instant::from_origin(Duration::from_millis(self.now.load(Ordering::SeqCst)))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now().since_origin()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (until, number) = {
            let mut time = self.time.lock().unwrap();
            time.sleeps += 1;
            (time.now + duration, time.sleeps)
        };
        let time = Arc::clone(&self.time);
        Box::pin(poll_fn(move |context| {
            let mut time = time.lock().unwrap();
            if until <= time.now {
                return Poll::Ready(());
            }
            let sleeper = (until, context.waker().clone());
            time.sleepers.insert(number, sleeper);
            Poll::Pending
        }))
    }
}
