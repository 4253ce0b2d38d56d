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
/// How many sources it looks at then.
const AT_ONCE: usize = 250;

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

/// Moves the clock from one timer to the next until `done`, and lets the background thread do its work at each.
#[track_caller]
fn pass_until<S: TokenSource + 'static>(
    clock: &ManualClock,
    cached: &CachedTokenSource<S>,
    what: &str,
    done: impl Fn() -> bool,
) {
    for _ in 0..100_000 {
        await_that("the timers' task sleeps", || {
            clock.sleepers() == 1 && !cached.status().in_flight()
        });
        if done() {
            return;
        }
        if let Some(deadline) = clock.next_deadline() {
            clock.advance_to(deadline);
        }
    }
    panic!("time passed in vain until {what}");
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
        pass_until(&clock, &cached, "it is renewed", || {
            cached.status().generation() == night + 1
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
    source.fail(true);
    let begin = clock.now();
    let passed = || clock.now().saturating_duration_since(begin);
    pass_until(&clock, &cached, "two hours", || passed() >= 2 * HOUR);
    assert!(cached.ready().is_none(), "dead for long");
    // For 65 minutes, once a minute in the end.
    let asked = source.asked();
    assert!((60..=100).contains(&asked), "asked {asked} times");
    source.fail(false);
    pass_until(&clock, &cached, "it is there again", || {
        cached.ready().is_some()
    });
    assert!(passed() <= 2 * HOUR + Duration::from_secs(121));
    assert_eq!(source.asked(), asked + 1);
}

#[test]
fn p06_a_first_token_that_did_not_come_is_asked_for_by_the_gate_until_it_comes() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    source.fail(true);
    let cached = builder(source.clone(), clock.clone()).build();
    cached.warm_up_blocking().unwrap_err();
    let begin = clock.now();
    let passed = || clock.now().saturating_duration_since(begin);
    pass_until(&clock, &cached, "an hour", || passed() >= HOUR);
    // Once a minute in the end.
    let asked = source.asked();
    assert!((60..=70).contains(&asked), "asked {asked} times");
    source.fail(false);
    pass_until(&clock, &cached, "it is there", || cached.ready().is_some());
    assert!(passed() <= HOUR + Duration::from_secs(121));
    assert_eq!(source.asked(), asked + 1);
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
    await_that("one is left", || clock.sleepers() == 1);
    drop(last);
    await_that("no timer is left", || clock.sleepers() == 0);
    clock.advance(10 * HOUR);
    assert_eq!(source.asked(), 100);
    // And it begins anew.
    let next = builder(source.clone(), clock.clone()).build();
    next.warm_up_blocking().unwrap();
    pass_until(&clock, &next, "it is renewed", || {
        next.status().generation() == 2
    });
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
        await_that("the timer is set", || clock.sleepers() == 1);
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
        let begin = clock.now();
        pass_until(&clock, &cached, "its renewal is near", || {
            clock.next_deadline() >= Some(begin + DUE - SECOND)
        });
        assert_eq!(source.asked(), 2, "one renewal, whoever noticed first");
    }
}

#[test]
fn p01_what_became_due_while_the_machine_slept_is_renewed_when_it_wakes() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let cached = builder(source.clone(), clock.clone()).build();
    cached.warm_up_blocking().unwrap();
    await_that("the timer is set", || clock.sleepers() == 1);
    clock.suspend(10 * HOUR);
    await_that("it is renewed", || cached.ready().is_some());
    assert_eq!(source.asked(), 2);
}

/// Panics, or drops what it is given, as a runtime that has shut down.
struct Useless {
    panics: bool,
    is_bad: Arc<AtomicBool>,
}

impl Spawner for Useless {
    fn spawn(&self, _: BoxFuture<'static, ()>) {
        let is_bad = self.is_bad.load(Ordering::SeqCst);
        assert!(!(self.panics && is_bad), "a bug in a user's spawner");
    }
}

#[test]
fn p05_spawners_that_panic_or_drop_the_work_do_not_keep_the_others_from_being_renewed() {
    let (clock, source) = (ManualClock::new(), Numbered::default());
    let is_bad = Arc::new(AtomicBool::new(false));
    let useless = |panics: bool| {
        let is_bad = Arc::clone(&is_bad);
        let builder = builder(source.clone(), clock.clone());
        builder.spawner(Useless { panics, is_bad }).build()
    };
    let (drops, panics) = (useless(false), useless(true));
    let sound = builder(source.clone(), clock.clone()).build();
    drops.warm_up_blocking().unwrap();
    panics.warm_up_blocking().unwrap();
    sound.warm_up_blocking().unwrap();
    is_bad.store(true, Ordering::SeqCst);
    pass_until(&clock, &sound, "it is renewed", || {
        sound.status().generation() == 4
    });
    for useless in [drops, panics] {
        assert_eq!(useless.status().generation(), 1);
        assert!(useless.status().flights() > 100, "tried each second");
    }
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
    await_that("the timer is set", || clock.sleepers() == 1);
    clock.advance(DUE);
    let begin = clock.now();
    for asked in (SOURCES..2 * SOURCES).step_by(AT_ONCE) {
        let asked = asked + AT_ONCE;
        await_that("a tick is over", || {
            source.asked() >= asked && clock.sleepers() == 1
        });
        assert_eq!(source.asked(), asked, "each tick begins so many");
        clock.advance(REST);
    }
    let passed = clock.now().saturating_duration_since(begin);
    assert!(passed <= Duration::from_secs(21), "{passed:?}");
    await_that("all are there", || {
        cached
            .iter()
            .all(|cached| cached.status().generation() == 2)
    });
    await_that("one timer is left", || clock.sleepers() == 1);
    drop(cached);
    await_that("no timer is left", || clock.sleepers() == 0);
}
