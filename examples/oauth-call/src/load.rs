//! Making the calls.

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
    pub(crate) requests: u64,
    pub(crate) concurrency: u64,
    pub(crate) duration: Option<Duration>,
}

/// The last answer, and what became of all.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    pub(crate) last: Option<Answer>,
    pub(crate) error: Option<CallError>,
}

struct Shared {
    plan: Plan,
    api: Arc<dyn Api>,
    clock: SystemClock,
    taken: AtomicU64,
    is_over: AtomicBool,
    outcome: Mutex<Outcome>,
    progress: ProgressBar,
}

/// Makes the calls until they are all made, the time is up, when those under way are finished, or `interrupted` is
/// ready, when they are not.
pub(crate) async fn run(
    plan: Plan,
    api: Arc<dyn Api>,
    interrupted: impl Future<Output = ()>,
) -> Outcome {
    let (concurrency, duration) = (plan.concurrency, plan.duration);
    let shared = Arc::new(Shared {
        progress: progress(&plan),
        plan,
        api,
        clock: SystemClock::new(),
        taken: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        outcome: Mutex::default(),
    });
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        workers.spawn(work(Arc::clone(&shared)));
    }
    let time_is_up = async {
        match duration {
            Some(duration) => shared.clock.sleep(duration).await,
            None => pending().await,
        }
        shared.is_over.store(true, Ordering::Relaxed);
        pending::<()>().await;
    };
    tokio::select! {
        () = async { while workers.join_next().await.is_some() {} } => {}
        () = time_is_up => {}
        () = interrupted => {}
    }
    workers.shutdown().await;
    shared.progress.finish_and_clear();
    std::mem::take(&mut *shared.outcome())
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
        let is_enough = plan.duration.is_none() && ordinal >= plan.requests;
        if is_enough || shared.is_over.load(Ordering::Relaxed) {
            return;
        }
        let began = shared.clock.now();
        let result = shared.api.send(plan.request(ordinal)).await;
        let took = shared.clock.now().saturating_duration_since(began);
        shared.progress.inc(1);
        let mut outcome = shared.outcome();
        match result {
            Ok(answer) => {
                let status = answer.response.status();
                outcome.report.answered(status, answer.was_resent, took);
                outcome.last = Some(answer);
            }
            Err(error) => {
                outcome.report.failed(error.kind(), took);
                outcome.error = Some(error);
            }
        }
    }
}

impl Plan {
    fn request(&self, ordinal: u64) -> Request<Bytes> {
        let turn = usize::try_from(ordinal % self.uris.len() as u64).unwrap_or_default();
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uris[turn].clone();
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
    if plan.duration.is_some() || plan.requests < MANY || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(plan.requests);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} calls, {per_sec}");
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
