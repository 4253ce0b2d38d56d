//! Making the calls.

use std::collections::BTreeMap;
use std::future::pending;
use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use indicatif::{ProgressBar, ProgressStyle};
use oauth_core::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::backend::{Answer, Api, CallError};
use crate::report::Report;

/// From so many calls on, progress is shown to whoever watches.
const MANY: u64 = 50;

/// What to send.
pub(crate) struct Plan {
    pub(crate) method: Method,
    pub(crate) uris: Vec<Uri>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How many calls to make at most; without it, as many as there is time for.
    pub(crate) requests: Option<u64>,
    pub(crate) concurrency: u64,
    pub(crate) duration: Option<Duration>,
    /// Whether each answer is wanted, or only what became of all.
    pub(crate) is_each_wanted: bool,
}

/// What became of one call.
pub(crate) struct Called {
    pub(crate) uri: Uri,
    pub(crate) result: Result<Answer, CallError>,
}

/// What became of all calls.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    /// In the order in which the calls were begun: all of them if each is wanted, or else those that say most of what
    /// went wrong: the last that has no answer, and the last whose answer is not 2xx.
    pub(crate) told: BTreeMap<u64, Called>,
}

struct Shared {
    plan: Plan,
    api: Arc<dyn Api>,
    clock: SystemClock,
    taken: AtomicU64,
    is_over: AtomicBool,
    under_way: AtomicU64,
    outcome: Mutex<Outcome>,
    progress: ProgressBar,
}

/// How long calls that are under way may take after the time is up.
const GRACE: Duration = Duration::from_secs(10);

/// Makes the calls until they are all made, or the time is up, when those under way have a while to end, or `interrupted`
/// is ready, when they have not.
pub(crate) async fn run(
    plan: Plan,
    api: Arc<dyn Api>,
    interrupted: impl Future<Output = ()>,
) -> Outcome {
    let (concurrency, most, duration) = (plan.concurrency, plan.requests, plan.duration);
    let shared = Arc::new(Shared {
        progress: progress(&plan),
        plan,
        api,
        clock: SystemClock::new(),
        taken: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        under_way: AtomicU64::new(0),
        outcome: Mutex::default(),
    });
    let mut workers = JoinSet::new();
    for _ in 0..most.map_or(concurrency, |most| most.min(concurrency)) {
        workers.spawn(work(Arc::clone(&shared)));
    }
    let time_is_up = async {
        match duration {
            Some(duration) => shared.clock.sleep(duration).await,
            None => pending().await,
        }
        shared.is_over.store(true, Ordering::Relaxed);
        shared.clock.sleep(GRACE).await;
    };
    tokio::select! {
        () = finished(&mut workers, &shared) => {}
        () = time_is_up => {
            workers.shutdown().await;
            for _ in 0..shared.under_way.load(Ordering::Relaxed) {
                shared.outcome().report.failed("timeout", GRACE);
            }
        }
        () = interrupted => {}
    }
    workers.shutdown().await;
    shared.progress.finish_and_clear();
    std::mem::take(&mut *shared.outcome())
}

/// When all calls are made. One in which a library panics has failed, and takes its worker along.
async fn finished(workers: &mut JoinSet<()>, shared: &Shared) {
    while let Some(ended) = workers.join_next().await {
        if ended.is_err() {
            shared.outcome().report.failed("panic", Duration::ZERO);
        }
    }
}

impl Shared {
    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn work(shared: Arc<Shared>) {
    let plan = &shared.plan;
    loop {
        let ordinal = shared.taken.fetch_add(1, Ordering::Relaxed);
        let is_enough = plan.requests.is_some_and(|most| ordinal >= most);
        if is_enough || shared.is_over.load(Ordering::Relaxed) {
            return;
        }
        let began = shared.clock.now();
        shared.under_way.fetch_add(1, Ordering::Relaxed);
        let result = shared.api.send(plan.request(ordinal)).await;
        shared.under_way.fetch_sub(1, Ordering::Relaxed);
        let took = shared.clock.now().saturating_duration_since(began);
        shared.progress.inc(1);
        let uri = plan.uri(ordinal).clone();
        let mut outcome = shared.outcome();
        match &result {
            Ok(answer) => {
                let status = answer.response.status();
                outcome.report.answered(status, answer.was_resent, took);
            }
            Err(error) => outcome.report.failed(error.kind(), took),
        }
        outcome.tell(ordinal, Called { uri, result }, plan.is_each_wanted);
    }
}

impl Outcome {
    fn tell(&mut self, ordinal: u64, called: Called, is_each_wanted: bool) {
        if !is_each_wanted {
            if called.is_well() {
                return;
            }
            let has_answer = called.result.is_ok();
            self.told
                .retain(|_, other| other.result.is_ok() != has_answer);
        }
        self.told.insert(ordinal, called);
    }
}

impl Called {
    fn is_well(&self) -> bool {
        let answer = self.result.as_ref();
        answer.is_ok_and(|answer| answer.response.status().is_success())
    }
}

impl Plan {
    fn uri(&self, ordinal: u64) -> &Uri {
        let turn = usize::try_from(ordinal % self.uris.len() as u64).unwrap_or_default();
        &self.uris[turn]
    }

    fn request(&self, ordinal: u64) -> Request<Bytes> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri(ordinal).clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

impl CallError {
    /// The kind, for the report.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Token(error) => error.kind().as_str(),
            Self::Http(kind, _) => kind,
        }
    }
}

fn progress(plan: &Plan) -> ProgressBar {
    let many = plan.requests.filter(|requests| *requests >= MANY);
    let Some(requests) = many.filter(|_| stderr().is_terminal()) else {
        return ProgressBar::hidden();
    };
    let bar = ProgressBar::new(requests);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} calls, {per_sec}");
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
