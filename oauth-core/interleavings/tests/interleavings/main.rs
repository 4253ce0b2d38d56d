//! The flight and swap logic under every interleaving that a model checker tries. Built and run by
//! `cargo xtask test`, or by hand:
//!
//! ```sh
//! RUSTFLAGS="--cfg oauth_shuttle" cargo test -p oauth-core-interleavings --target-dir target/shuttle
//! ```
//!
//! A failure prints the schedule that led to it, which `shuttle::replay` plays again.

#![cfg(oauth_shuttle)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod explore;
mod model;
mod upheavals;

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use futures_util::future::{Either, poll_fn, select};
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Clock, Error, Instant, RefreshPolicy, Spawner,
    TokenSource, async_trait,
};
use shuttle::future::{self, JoinHandle, block_on, yield_now};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const HOUR: Duration = Duration::from_secs(3600);
const SCHEDULES: usize = 3_000;

/// Plays `model` under random schedules, and under those that a few well-placed switches make.
fn check(model: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(model, SCHEDULES);
    shuttle::check_pct(model, SCHEDULES, 3);
}

/// Gives `t1`, `t2`, …, each after a few turns. A bound on the calls finds what would fetch without end.
#[derive(Clone, Default)]
struct Numbered {
    asked: Arc<AtomicUsize>,
    /// Every call brings the same secret, as some servers do until a token expires.
    same_again: bool,
}

#[async_trait]
impl TokenSource for Numbered {
    async fn token(&self) -> Result<AccessToken, Error> {
        let ordinal = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(ordinal < 200, "asked without end");
        for _ in 0..thread_rng().gen_range(0..3) {
            yield_now().await;
        }
        let ordinal = if self.same_again { 1 } else { ordinal };
        Ok(AccessToken::builder(format!("t{ordinal}"))
            .expires_in(HOUR)
            .build()?)
    }
}

/// Stands still until it is moved. Nothing here waits for time.
#[derive(Clone, Default)]
struct Still(Arc<AtomicU64>);

impl Clock for Still {
    fn now(&self) -> Instant {
        Instant::from_origin(Duration::from_secs(1_000 + self.0.load(Ordering::SeqCst)))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// Drives the work to its end, or, as a runtime that shuts down, drops it at any moment.
#[derive(Clone, Copy)]
enum Driving {
    ToTheEnd,
    UntilShutdown,
}

impl Spawner for Driving {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        match self {
            Self::ToTheEnd => drop(future::spawn(work)),
            Self::UntilShutdown => drop(future::spawn(for_some_polls(work))),
        }
    }
}

/// Polls `work` a few times, perhaps not once, and drops it.
async fn for_some_polls<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut left = thread_rng().gen_range(0..4);
    let limit = poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    });
    match select(pin!(limit), pin!(work)).await {
        Either::Left(_) => None,
        Either::Right((output, _)) => Some(output),
    }
}

#[derive(Clone)]
struct World {
    cached: CachedTokenSource<Numbered>,
    clock: Still,
    asked: Arc<AtomicUsize>,
}

fn world(driving: Driving, same_again: bool) -> World {
    let (clock, source) = (
        Still::default(),
        Numbered {
            same_again,
            ..Numbered::default()
        },
    );
    let asked = source.asked.clone();
    let cached = CachedTokenSource::builder(source)
        .policy(
            RefreshPolicy::builder()
                .no_jitter()
                .attempts(1)
                .build()
                .unwrap(),
        )
        .clock(clock.clone())
        .spawner(driving)
        .build();
    World {
        cached,
        clock,
        asked,
    }
}

/// A world whose source is kept warm, on a clock that stands a second before the next look.
fn warm_world(driving: Driving) -> World {
    let (clock, source) = (Still::default(), Numbered::default());
    let asked = source.asked.clone();
    let policy = RefreshPolicy::builder().no_jitter().attempts(1);
    let cached = CachedTokenSource::builder(source)
        .policy(policy.build().unwrap())
        .clock(Elapsing(clock.clone()))
        .spawner(driving)
        .keep_warm()
        .build();
    World {
        cached,
        clock,
        asked,
    }
}

/// Sleeps end when the time has come, a few turns late.
struct Elapsing(Still);

impl Clock for Elapsing {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (clock, until) = (self.0.clone(), self.0.now() + duration);
        Box::pin(async move {
            // The rest between two looks is over at once.
            while duration >= Duration::from_secs(1) && clock.now() < until {
                yield_now().await;
            }
        })
    }
}

impl World {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Makes a token in hand due for renewal.
    fn make_due(&self) {
        self.clock.0.fetch_add(3300, Ordering::SeqCst);
    }

    fn caller(&self) -> JoinHandle<u64> {
        let cached = self.cached.clone();
        future::spawn(async move { cached.token().await.unwrap().generation() })
    }

    /// A caller who may give up at any await.
    fn fickle_caller(&self) -> JoinHandle<Option<u64>> {
        let cached = self.cached.clone();
        future::spawn(async move {
            let token = for_some_polls(cached.token()).await?;
            Some(token.unwrap().generation())
        })
    }
}

#[test]
fn p04_two_starters_make_one_flight() {
    check(|| {
        block_on(async {
            let world = world(Driving::ToTheEnd, false);
            let callers = [world.caller(), world.caller(), world.caller()];
            for caller in callers {
                assert_eq!(caller.await.unwrap(), 1);
            }
            assert_eq!(world.asked(), 1);
        });
    });
}

#[test]
fn p05_whoever_is_dropped_at_whatever_moment_the_others_get_their_token() {
    for driving in [Driving::ToTheEnd, Driving::UntilShutdown] {
        check(move || {
            block_on(async {
                let world = world(driving, false);
                let fickle = [world.fickle_caller(), world.fickle_caller()];
                let steady = [world.caller(), world.caller()];
                for caller in steady {
                    caller.await.unwrap();
                }
                for caller in fickle {
                    caller.await.unwrap();
                }
                // A flight that was dropped by all is begun anew; one that was not is not.
                assert!(world.asked() <= 3, "asked {} times", world.asked());
                assert!(world.cached.ready().is_some());
                assert!(!world.cached.status().in_flight());
            });
        });
    }
}

#[test]
fn p05_after_all_have_gone_the_next_caller_starts_over() {
    check(|| {
        block_on(async {
            let world = world(Driving::UntilShutdown, false);
            world.fickle_caller().await.unwrap();
            assert_eq!(world.caller().await.unwrap(), 1);
        });
    });
}

#[test]
fn p02_a_renewal_is_made_once_and_nobody_waits_for_it() {
    check(|| {
        block_on(async {
            let world = world(Driving::ToTheEnd, false);
            world.caller().await.unwrap();
            world.make_due();
            let lookers = [(); 3].map(|()| {
                let cached = world.cached.clone();
                future::spawn(async move {
                    cached
                        .ready()
                        .expect("a usable token is in hand")
                        .generation()
                })
            });
            for looker in lookers {
                let generation = looker.await.unwrap();
                assert!((1..=2).contains(&generation));
            }
            while world.cached.ready().unwrap().generation() == 1 {
                yield_now().await;
            }
            assert_eq!(world.asked(), 2);
        });
    });
}

#[test]
fn p05_a_renewal_dropped_by_a_shutdown_is_begun_anew() {
    check(|| {
        block_on(async {
            let world = world(Driving::UntilShutdown, false);
            while world.cached.ready().is_none() {
                world.caller().await.unwrap();
            }
            world.make_due();
            // Each look may begin a renewal, and each renewal may be dropped: then the next has to wait a moment.
            loop {
                match world.cached.ready().map(|token| token.generation()) {
                    Some(1) if world.cached.status().next_attempt_in().is_some() => {
                        world.clock.0.fetch_add(1, Ordering::SeqCst);
                    }
                    Some(1) => yield_now().await,
                    Some(_) => break,
                    None => drop(world.caller().await),
                }
            }
        });
    });
}

#[test]
fn p07_a_rejected_token_is_never_handed_out_again_while_a_renewal_races() {
    check(|| {
        block_on(async {
            let world = world(Driving::ToTheEnd, false);
            world.caller().await.unwrap();
            let first = world.cached.ready().unwrap();
            world.make_due();

            let rejections = [(); 2].map(|()| {
                let (cached, first) = (world.cached.clone(), first.clone());
                future::spawn(async move {
                    cached.reject(&first);
                    let ready = cached.ready().map(|token| token.generation());
                    assert_ne!(ready, Some(1), "rejected before this look");
                    assert!(cached.token().await.unwrap().generation() > 1);
                })
            });
            let looker = {
                let cached = world.cached.clone();
                future::spawn(async move {
                    let mut newest = 0;
                    for _ in 0..4 {
                        if let Some(token) = cached.ready() {
                            assert!(token.generation() >= newest, "generations do not go back");
                            newest = token.generation();
                        }
                        yield_now().await;
                    }
                })
            };
            for rejection in rejections {
                rejection.await.unwrap();
            }
            looker.await.unwrap();
            assert_eq!(world.asked(), 2, "one renewal, whoever noticed first");
        });
    });
}

#[test]
fn p07_a_flight_begun_before_the_rejection_does_not_bring_the_token_back() {
    check(|| {
        block_on(async {
            let world = world(Driving::ToTheEnd, true);
            world.caller().await.unwrap();
            let first = world.cached.ready().unwrap();
            world.make_due();
            world.cached.ready();

            let rejecter = {
                let cached = world.cached.clone();
                future::spawn(async move {
                    cached.reject(&first);
                    for _ in 0..4 {
                        assert!(cached.ready().is_none(), "brought back by an older request");
                        yield_now().await;
                    }
                })
            };
            rejecter.await.unwrap();
        });
    });
}

#[test]
fn p04_a_late_joiner_meets_the_flight_or_its_token() {
    check(|| {
        block_on(async {
            let world = world(Driving::ToTheEnd, false);
            let first = world.caller();
            yield_now().await;
            let late = world.caller();
            let later = {
                let world = world.clone();
                future::spawn(async move {
                    yield_now().await;
                    world.caller().await.unwrap()
                })
            };
            for caller in [first, late, later] {
                assert_eq!(caller.await.unwrap(), 1);
            }
            assert_eq!(world.asked(), 1);
        });
    });
}

/// The source, its flights and the task of the timers are gone: nobody has the clock any more.
async fn all_gone(clock: Still) {
    while Arc::strong_count(&clock.0) > 1 {
        yield_now().await;
    }
}

#[test]
fn p02_one_that_is_kept_warm_is_renewed_once_whoever_notices_first() {
    check(|| {
        block_on(async {
            let world = warm_world(Driving::ToTheEnd);
            world.caller().await.unwrap();
            world.make_due();
            let looker = {
                let cached = world.cached.clone();
                future::spawn(async move {
                    let generation = cached.ready().unwrap().generation();
                    assert!((1..=2).contains(&generation));
                })
            };
            while world.cached.status().generation() == 1 {
                yield_now().await;
            }
            looker.await.unwrap();
            assert_eq!(world.asked(), 2);
            let clock = world.clock.clone();
            drop(world);
            all_gone(clock).await;
        });
    });
}

#[test]
fn p05_one_that_is_kept_warm_goes_with_its_last_handle_at_whatever_moment() {
    for driving in [Driving::ToTheEnd, Driving::UntilShutdown] {
        check(move || {
            block_on(async {
                let world = warm_world(driving);
                let cached = world.cached.clone();
                // In a flight of its own time may have run out.
                let caller = future::spawn(async move {
                    drop(for_some_polls(cached.token()).await);
                });
                world.make_due();
                let handle = world.cached.clone();
                let dropper = future::spawn(async move {
                    yield_now().await;
                    drop(handle);
                });
                caller.await.unwrap();
                dropper.await.unwrap();
                let (asked, clock) = (world.asked.clone(), world.clock.clone());
                drop(world);
                all_gone(clock).await;
                assert!(asked.load(Ordering::SeqCst) <= 3);
            });
        });
    }
}
