//! Sources that are kept warm: renewed though nobody asks.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use futures_executor::block_on;
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, CachedTokenSourceBuilder, Clock, Error, ErrorKind,
    Instant, RefreshPolicy, Spawner, TokenSource, async_trait,
};
use oauth_testkit::ManualClock;

const HOUR: Duration = Duration::from_secs(3600);
/// When the renewal of a token that lives for an hour is due.
const DUE: Duration = Duration::from_secs(3300);
const SECOND: Duration = Duration::from_secs(1);
/// Between two looks of the timers' task.
const REST: Duration = Duration::from_millis(50);

/// Gives `t1`, `t2`, … for an hour each, or fails. Clones are one.
#[derive(Clone, Default)]
struct Numbered {
    asked: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
}

impl Numbered {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }
}

#[async_trait]
impl TokenSource for Numbered {
    async fn token(&self) -> Result<AccessToken, Error> {
        let ordinal = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::ServerUnavailable, "out of order"));
        }
        Ok(AccessToken::builder(format!("t{ordinal}"))
            .expires_in(HOUR)
            .build()?)
    }
}

fn builder<S: TokenSource + 'static>(
    source: S,
    clock: impl Clock + 'static,
) -> CachedTokenSourceBuilder<S> {
    let policy = RefreshPolicy::builder().no_jitter().attempts(1);
    CachedTokenSource::builder(source)
        .policy(policy.build().unwrap())
        .clock(clock)
        .keep_warm()
}

/// Gives the background thread the time it needs to make `what` true.
#[track_caller]
fn await_that(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..20_000_000 {
        if is_so() {
            return;
        }
        thread::yield_now();
    }
    panic!("waited in vain until {what}");
}

/// Lets the timers' task rest, and gives how long it sleeps then.
#[track_caller]
fn until_next_look(clock: &ManualClock) -> Duration {
    let mut left = Duration::ZERO;
    for _ in 0..1_000 {
        await_that("the timer is set", || clock.sleepers() == 1);
        let Some(deadline) = clock.next_deadline() else {
            continue;
        };
        left = deadline.saturating_duration_since(clock.now());
        if left > REST {
            break;
        }
        clock.advance(left);
    }
    left
}

#[test]
fn p02_it_is_renewed_night_after_night_though_nobody_asks() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let cached = builder(source.clone(), clock.clone()).build();
    assert_eq!(
        clock.sleepers(),
        0,
        "nothing is fetched before it is needed"
    );
    cached.warm_up_blocking().unwrap();
    let begin = clock.now();
    for night in 1..=50 {
        clock.advance(until_next_look(&clock));
        await_that("it is renewed", || {
            cached.status().generation() == night + 1 && !cached.status().in_flight()
        });
        assert_eq!(cached.ready().unwrap().generation(), night + 1);
    }
    let passed = clock.now().saturating_duration_since(begin);
    assert!(
        passed >= 50 * DUE && passed <= 50 * (DUE + SECOND),
        "{passed:?}"
    );
    assert_eq!(source.asked(), 51);
}

#[test]
fn p06_p03_failed_renewals_go_by_the_gate_and_go_on_after_the_token_is_dead() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let cached = builder(source.clone(), clock.clone()).build();
    cached.warm_up_blocking().unwrap();
    clock.advance(until_next_look(&clock));
    source.fail(true);
    await_that("it is renewed", || cached.status().generation() == 2);
    let begin = clock.now();
    let mut looks = 0;
    while clock.now().saturating_duration_since(begin) < 2 * HOUR {
        clock.advance(until_next_look(&clock));
        looks += 1;
        let asked = looks + 2;
        await_that("it is tried again", || {
            source.asked() == asked && !cached.status().in_flight()
        });
    }
    assert!(cached.ready().is_none(), "dead for long");
    // For 65 minutes, once a minute in the end.
    assert!((60..=100).contains(&looks), "asked {looks} times in vain");
    source.fail(false);
    let wait = until_next_look(&clock);
    assert!(wait <= Duration::from_secs(60), "{wait:?}");
    clock.advance(wait);
    await_that("it is there again", || cached.ready().is_some());
}

#[test]
fn before_the_first_token_nothing_is_tried_again() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    source.fail(true);
    let cached = builder(source.clone(), clock.clone()).build();
    cached.warm_up_blocking().unwrap_err();
    assert_eq!(clock.sleepers(), 0);
    clock.advance(HOUR);
    assert_eq!((source.asked(), clock.sleepers()), (1, 0));
}

#[test]
fn p05_it_ends_with_the_last_handle_and_leaves_no_timer() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let cached: Vec<_> = (0..100)
        .map(|_| builder(source.clone(), clock.clone()).build())
        .collect();
    for cached in &cached {
        cached.warm_up_blocking().unwrap();
    }
    let last = cached[99].clone();
    drop(cached);
    assert_eq!(until_next_look(&clock), DUE, "one is left");
    drop(last);
    await_that("no timer is left", || clock.sleepers() == 0);
    clock.advance(10 * HOUR);
    assert_eq!(source.asked(), 100);
    // And it begins anew.
    let next = builder(source.clone(), clock.clone()).build();
    next.warm_up_blocking().unwrap();
    clock.advance(until_next_look(&clock));
    await_that("it is renewed", || next.status().generation() == 2);
}

#[test]
fn one_that_is_not_kept_warm_is_left_alone() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let cached = builder(source.clone(), clock.clone())
        .no_keep_warm()
        .build();
    cached.warm_up_blocking().unwrap();
    assert_eq!(clock.sleepers(), 0);
    clock.advance(HOUR);
    assert_eq!(source.asked(), 1);
}

#[test]
fn p07_after_a_rejection_it_is_renewed_once_whether_or_not_somebody_asks() {
    for somebody_asks in [false, true] {
        let (clock, source) = (ManualClock::new(), Numbered::default());
        let cached = builder(source.clone(), clock.clone()).build();
        cached.warm_up_blocking().unwrap();
        assert_eq!(until_next_look(&clock), DUE);
        cached.reject(&cached.ready().unwrap());
        if somebody_asks {
            block_on(cached.token()).unwrap();
        } else {
            await_that("the timer is set anew", || {
                clock.next_deadline() == Some(clock.now() + SECOND)
            });
            clock.advance(SECOND);
        }
        await_that("it is renewed", || cached.ready().is_some());
        assert_eq!(
            until_next_look(&clock).as_secs(),
            DUE.as_secs() - u64::from(!somebody_asks)
        );
        assert_eq!(source.asked(), 2);
    }
}

#[test]
fn p01_what_became_due_while_the_machine_slept_is_renewed_when_it_wakes() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let cached = builder(source.clone(), clock.clone()).build();
    cached.warm_up_blocking().unwrap();
    until_next_look(&clock);
    clock.suspend(10 * HOUR);
    await_that("it is renewed", || cached.ready().is_some());
    assert_eq!(source.asked(), 2);
}

/// Panics, or drops what it is given, as a runtime that has shut down.
struct Useless {
    panics: bool,
}

impl Spawner for Useless {
    fn spawn(&self, _: BoxFuture<'static, ()>) {
        assert!(!self.panics, "a bug in a user's spawner");
    }
}

#[test]
fn p05_spawners_that_panic_or_drop_the_work_do_not_keep_the_others_from_being_renewed() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let panics = builder(source.clone(), clock.clone());
    let panics = panics.spawner(Useless { panics: false }).build();
    let sound = builder(source.clone(), clock.clone()).build();
    panics.warm_up_blocking().unwrap();
    sound.warm_up_blocking().unwrap();
    for generation in 2..5 {
        let mut waited = 0;
        while sound.status().generation() < generation {
            clock.advance(until_next_look(&clock));
            waited += 1;
            assert!(waited < 5_000, "it is not renewed any more");
            if clock.now() >= Instant::ORIGIN {
                await_that("it lands", || !sound.status().in_flight());
            }
        }
    }
    assert_eq!(panics.status().generation(), 1);
    assert!(panics.status().flights() > 100, "tried each second");
}

/// A clock whose clones do not say that they are one.
struct Unknown(ManualClock);

impl Clock for Unknown {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }
}

#[test]
fn clocks_that_do_not_know_each_other_have_timers_of_their_own() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let shared = Arc::new(Unknown(clock.clone()));
    let cached = [
        builder(source.clone(), Unknown(clock.clone())).build(),
        builder(source.clone(), shared.clone()).build(),
        builder(source.clone(), shared).build(),
    ];
    for cached in &cached {
        cached.warm_up_blocking().unwrap();
    }
    await_that("the timers are set", || clock.sleepers() == 2);
    clock.advance(DUE);
    await_that("all are renewed", || {
        cached
            .iter()
            .all(|cached| cached.status().generation() == 2)
    });
    drop(cached);
    await_that("no timer is left", || clock.sleepers() == 0);
}

#[test]
fn p02_a_hundred_thousand_sources_share_one_timer_and_are_renewed_in_one_pass() {
    const SOURCES: usize = 100_000;
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let cached: Vec<_> = (0..SOURCES)
        .map(|_| builder(source.clone(), clock.clone()).build())
        .collect();
    for cached in &cached {
        cached.warm_up_blocking().unwrap();
    }
    assert_eq!(until_next_look(&clock), DUE);
    clock.advance(DUE);
    let begin = clock.now();
    let mut most = 0;
    while source.asked() < 2 * SOURCES {
        let before = source.asked();
        assert_eq!(before % 250, 0, "each tick begins 250");
        await_that("a tick is over", || {
            source.asked() == before + 250 && clock.sleepers() == 1
        });
        most = most.max(clock.sleepers());
        clock.advance(REST);
    }
    let passed = clock.now().saturating_duration_since(begin);
    assert!(passed <= Duration::from_secs(21), "{passed:?}");
    await_that("all are there", || {
        cached
            .iter()
            .all(|cached| cached.status().generation() == 2)
    });
    assert_eq!(clock.sleepers(), 1);
    drop(cached);
    await_that("no timer is left", || clock.sleepers() == 0);
}
