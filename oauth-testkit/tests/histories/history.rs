//! Random histories: what may happen next, and what the reference cache makes of it.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use oauth_testkit::ReferenceCache;
use oauth_testkit::scenario::{Fault, Policy, Reply, Step, Subject, play};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

/// A history so far, as the reference knows it.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) policy: Policy,
    pub(crate) cache: ReferenceCache,
    /// What the last look saw.
    pub(crate) seen: Option<String>,
    turns: usize,
}

impl History {
    /// Nothing has happened yet.
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            cache: ReferenceCache::new(policy.clone()),
            policy,
            seen: None,
            turns: 0,
        }
    }
}

/// What happens next.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    Step(Step),
    /// Somebody looks at the token in hand.
    Look,
}

#[derive(Debug)]
pub(crate) struct Histories;

impl ReferenceStateMachine for Histories {
    type State = History;
    type Transition = Turn;

    fn init_state() -> BoxedStrategy<History> {
        policy().prop_map(History::new).boxed()
    }

    fn transitions(history: &History) -> BoxedStrategy<Turn> {
        let cache = &history.cache;
        // A name, and a secret, that no other turn uses.
        let ordinal = history.turns;
        let mut choices = vec![
            (6, calls(ordinal)),
            (3, Just(Turn::Look).boxed()),
            (8, step(to_borders(cache), Step::Advance)),
            (2, step(round_durations(), Step::Advance)),
            (1, step(to_borders(cache), Step::Suspend)),
            (1, step(round_durations(), Step::Suspend)),
            (
                1,
                step(select(&[-86_400, -60, 60, 86_400][..]).boxed(), Step::Wall),
            ),
        ];
        let waiting = cache.waiting();
        if !waiting.is_empty() {
            let names = select(waiting).prop_map(|name| vec![name]).boxed();
            choices.push((2, step(names, Step::Drop)));
        }
        let secrets: Vec<_> = cache.handed_out().map(str::to_owned).collect();
        if cache.has_unanswered_request() {
            let faults = select(&[Fault::Connect, Fault::Timeout, Fault::Transport][..]).boxed();
            choices.push((3, step(faults, Step::Fail)));
            choices.push((9, step(tokens(vec![format!("t{ordinal}")]), Step::Reply)));
            if !secrets.is_empty() {
                choices.push((2, step(tokens(secrets.clone()), Step::Reply)));
            }
            choices.push((4, step(refusals(), Step::Reply)));
        }
        if !secrets.is_empty() {
            choices.push((3, step(select(secrets).boxed(), Step::Reject)));
        }
        if let Some(secret) = cache.usable() {
            choices.push((1, step(Just(secret.to_owned()).boxed(), Step::Reject)));
        }
        proptest::strategy::Union::new_weighted(choices).boxed()
    }

    fn apply(mut history: History, turn: &Turn) -> History {
        history.turns += 1;
        match turn {
            Turn::Look => history.seen = history.cache.ready(),
            Turn::Step(step) => assert_eq!(play(step, &mut history.cache), Ok(())),
        }
        history
    }

    /// What a step needs may be gone once an earlier one is left out.
    fn preconditions(history: &History, turn: &Turn) -> bool {
        let cache = &history.cache;
        match turn {
            Turn::Step(Step::Drop(names)) => {
                let waiting = cache.waiting();
                names.iter().all(|name| waiting.contains(name))
            }
            Turn::Step(Step::Reply(_) | Step::Fail(_)) => cache.has_unanswered_request(),
            Turn::Step(Step::Reject(secret)) => cache
                .handed_out()
                .chain(cache.usable())
                .any(|known| known == secret),
            _ => true,
        }
    }
}

fn step<T: std::fmt::Debug + Clone + 'static>(
    values: BoxedStrategy<T>,
    step: fn(T) -> Step,
) -> BoxedStrategy<Turn> {
    values
        .prop_map(move |value| Turn::Step(step(value)))
        .boxed()
}

fn calls(ordinal: usize) -> BoxedStrategy<Turn> {
    let names = (1..=3_usize).prop_map(move |count| {
        let name = |caller| format!("c{ordinal}_{caller}");
        (0..count).map(name).collect()
    });
    step(names.boxed(), Step::Call)
}

/// To just before, at and after the borders where something changes by itself.
fn to_borders(cache: &ReferenceCache) -> BoxedStrategy<Duration> {
    let near = Duration::from_millis(1);
    let borders = cache.time_to_borders().into_iter();
    let durations: Vec<_> = borders
        .flat_map(|border| [border.saturating_sub(near), border, border + near])
        .chain([near])
        .collect();
    select(durations).boxed()
}

fn round_durations() -> BoxedStrategy<Duration> {
    const MILLISECONDS: [u64; 10] = [
        100, 500, 1_000, 2_000, 5_000, 29_000, 60_000, 300_000, 3_300_000, 90_000_000,
    ];
    select(&MILLISECONDS[..])
        .prop_map(Duration::from_millis)
        .boxed()
}

fn tokens(secrets: Vec<String>) -> BoxedStrategy<Reply> {
    const LIFETIMES: [&str; 9] = [
        r#", "expires_in": 3600"#,
        r#", "expires_in": 100"#,
        r#", "expires_in": "10""#,
        r#", "expires_in": 5.9"#,
        r#", "expires_in": 1"#,
        r#", "expires_in": 0"#,
        r#", "expires_in": -1"#,
        r#", "expires_in": 1e300"#,
        "",
    ];
    const RENEWALS: [&str; 6] = [
        "",
        "",
        "",
        r#", "refresh_in": 2"#,
        r#", "refresh_in": 50"#,
        r#", "refresh_in": 4000"#,
    ];
    (
        select(secrets),
        select(&LIFETIMES[..]),
        select(&RENEWALS[..]),
    )
        .prop_map(|(secret, expires_in, refresh_in)| {
            Reply::json(format!(
                r#"{{"access_token": "{secret}"{expires_in}{refresh_in}}}"#
            ))
        })
        .boxed()
}

fn refusals() -> BoxedStrategy<Reply> {
    let with = |status, retry_after| {
        let reply = Reply::status(status);
        reply.with_header(RETRY_AFTER, HeaderValue::from_static(retry_after))
    };
    let oauth = |code: &str| {
        let text = format!(r#"{{"error": "{code}"}}"#);
        Reply::json(text).with_status(StatusCode::BAD_REQUEST)
    };
    select(vec![
        Reply::status(StatusCode::SERVICE_UNAVAILABLE),
        with(StatusCode::SERVICE_UNAVAILABLE, "0"),
        with(StatusCode::SERVICE_UNAVAILABLE, "20"),
        with(StatusCode::SERVICE_UNAVAILABLE, "1000"),
        with(
            StatusCode::TOO_MANY_REQUESTS,
            "Sun, 15 Jun 2025 15:07:00 GMT",
        ),
        Reply::status(StatusCode::TOO_MANY_REQUESTS),
        Reply::status(StatusCode::FORBIDDEN),
        oauth("invalid_client"),
        oauth("temporarily_unavailable"),
        Reply::status(StatusCode::OK),
    ])
    .boxed()
}

fn policy() -> BoxedStrategy<Policy> {
    let seconds = |choices: &'static [u64]| select(choices).prop_map(Duration::from_secs);
    (
        seconds(&[300, 0, 1, 1000]),
        seconds(&[30, 0, 100]),
        seconds(&[30, 2]),
        1..=3_u32,
        select(&[100, 1_000, 10_000][..]).prop_map(Duration::from_millis),
        seconds(&[60, 3]),
        seconds(&[300, 5]),
    )
        .prop_map(
            |(
                refresh,
                safety,
                acquire,
                attempts,
                attempt_backoff,
                backoff_cap,
                retry_after_cap,
            )| {
                Policy {
                    refresh_margin: refresh,
                    safety_margin: safety,
                    acquire_timeout: acquire,
                    attempts,
                    attempt_backoff,
                    backoff_cap,
                    retry_after_cap,
                    ..Policy::default()
                }
            },
        )
        .boxed()
}
