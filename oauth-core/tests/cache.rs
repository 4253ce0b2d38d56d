//! What the cache does with sources of its users' own, and with work that is dropped.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Clock, Error, ErrorKind, Instant, RefreshPolicy,
    Spawner, TokenSource, async_trait,
};
use oauth_testkit::ManualClock;

const HOUR: Duration = Duration::from_secs(3600);

/// Gives out prepared answers in turn, each after it was let go.
struct Prepared {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<usize>,
}

enum Answer {
    Token(AccessToken),
    /// Ready at the second poll.
    Slow(AccessToken),
    Panic,
    Down,
    Never,
}

impl Prepared {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::new(0),
        })
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

#[async_trait]
impl TokenSource for Prepared {
    async fn token(&self) -> Result<AccessToken, Error> {
        *self.asked.lock().unwrap() += 1;
        let answer = self.answers.lock().unwrap().pop_front();
        match answer {
            Some(Answer::Token(token)) => Ok(token),
            Some(Answer::Slow(token)) => {
                let mut polled = false;
                poll_fn(|context| {
                    if std::mem::replace(&mut polled, true) {
                        Poll::Ready(())
                    } else {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                })
                .await;
                Ok(token)
            }
            Some(Answer::Panic) => panic!("a bug in a user's source"),
            Some(Answer::Down) => Err(Error::new(ErrorKind::Connect, "nobody is there")),
            Some(Answer::Never) => std::future::pending().await,
            None => panic!("asked once too often"),
        }
    }
}

/// Keeps the background work for the test to run, or to drop.
#[derive(Clone, Default)]
struct ByHand(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Spawner for ByHand {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }
}

impl ByHand {
    fn poll_all(&self) {
        let mut works = std::mem::take(&mut *self.0.lock().unwrap());
        works.retain_mut(|work| {
            work.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        });
        self.0.lock().unwrap().extend(works);
    }

    fn drop_all(&self) {
        let works = std::mem::take(&mut *self.0.lock().unwrap());
        drop(works);
    }
}

struct World {
    clock: ManualClock,
    spawner: ByHand,
    source: Arc<Prepared>,
    cached: CachedTokenSource<Arc<Prepared>>,
}

fn world(answers: impl IntoIterator<Item = Answer>) -> World {
    let (clock, spawner, source) = (
        ManualClock::new(),
        ByHand::default(),
        Prepared::new(answers),
    );
    let cached = CachedTokenSource::builder(source.clone())
        .clock(clock.clone())
        .spawner(spawner.clone())
        .build();
    World {
        clock,
        spawner,
        source,
        cached,
    }
}

fn token(secret: &str) -> Answer {
    Answer::Token(
        AccessToken::builder(secret)
            .expires_in(HOUR)
            .build()
            .unwrap(),
    )
}

fn slow(secret: &str) -> Answer {
    match token(secret) {
        Answer::Token(token) => Answer::Slow(token),
        other => other,
    }
}

fn stamped(secret: &str, requested_at: Instant) -> Answer {
    let token = AccessToken::builder(secret)
        .expires_in(HOUR)
        .requested_at(requested_at);
    Answer::Token(token.build().unwrap())
}

impl World {
    fn generation(&self) -> Option<u64> {
        self.cached.ready().map(|token| token.generation())
    }
}

#[test]
fn p01_a_life_counts_from_the_moment_the_source_states() {
    let world = world([stamped(
        "t1",
        ManualClock::new().now() - Duration::from_secs(600),
    )]);
    let token = block_on(world.cached.token()).unwrap();
    assert_eq!(
        token.requested_at(),
        Some(world.clock.now() - Duration::from_secs(600))
    );
    world.clock.advance(Duration::from_secs(3570 - 600 - 1));
    assert!(world.cached.ready().is_some());
    world.clock.advance(Duration::from_secs(1));
    assert!(world.cached.ready().is_none());
}

#[test]
fn p01_without_a_stamp_or_with_one_in_the_future_a_life_counts_from_when_the_source_was_asked() {
    let future = ManualClock::new().now() + HOUR;
    for answer in [token("t1"), stamped("t1", future)] {
        let world = world([answer]);
        let asked_at = world.clock.now();
        let token = block_on(world.cached.token()).unwrap();
        assert_eq!(token.requested_at(), Some(asked_at));
        world.clock.advance(Duration::from_secs(3570));
        assert!(world.cached.ready().is_none());
    }
}

#[test]
fn p05_a_renewal_that_is_dropped_lets_the_next_caller_start_over() {
    // Before it was ever polled, and half-way.
    for polled in [false, true] {
        let halfway = polled.then_some(Answer::Never);
        let world = world(
            [token("t1")]
                .into_iter()
                .chain(halfway)
                .chain([token("t2")]),
        );
        block_on(world.cached.token()).unwrap();
        world.clock.advance(Duration::from_secs(3300));

        assert_eq!(world.generation(), Some(1));
        if polled {
            world.spawner.poll_all();
            assert_eq!(world.source.asked(), 2);
        }
        assert!(world.cached.status().in_flight());
        world.spawner.drop_all();
        assert!(!world.cached.status().in_flight());

        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.generation(), Some(1), "and starts the next renewal");
        world.spawner.poll_all();
        assert_eq!(world.generation(), Some(2));
    }
}

#[test]
fn p05_a_flight_without_a_spawner_to_drive_it_is_driven_by_its_callers() {
    let world = world([token("t1")]);
    let mut caller = pin!(world.cached.token());
    let mut context = Context::from_waker(Waker::noop());
    world.spawner.drop_all();
    assert!(matches!(
        caller.as_mut().poll(&mut context),
        Poll::Ready(Ok(_))
    ));
}

#[test]
fn p05_dropping_all_who_drive_a_flight_lets_the_next_caller_start_over() {
    let world = world([Answer::Never, token("t1")]);
    {
        let mut caller = pin!(world.cached.token());
        assert!(
            caller
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        world.spawner.drop_all();
        assert!(
            world.cached.status().in_flight(),
            "the caller still drives it"
        );
    }
    assert!(!world.cached.status().in_flight());
    assert_eq!(block_on(world.cached.token()).unwrap().generation(), 1);
    assert_eq!(world.source.asked(), 2);
}

#[test]
fn p05_the_end_of_a_dropped_flight_does_not_touch_the_one_that_took_its_place() {
    let world = world([Answer::Never, Answer::Never]);
    let mut context = Context::from_waker(Waker::noop());
    let mut first = Box::pin(world.cached.token());
    assert!(first.as_mut().poll(&mut context).is_pending());

    // The first flight is past its deadline, and nobody has polled it since: who comes next starts over.
    world.clock.suspend(Duration::from_secs(31));
    let mut second = Box::pin(world.cached.token());
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert_eq!(world.source.asked(), 2);

    drop(first);
    drop(world.spawner.0.lock().unwrap().remove(0));
    assert!(world.cached.status().in_flight());
    let mut third = Box::pin(world.cached.token());
    assert!(third.as_mut().poll(&mut context).is_pending());
    assert_eq!(world.source.asked(), 2, "it joined");
}

#[test]
fn p04_a_source_that_panics_gives_all_its_callers_an_error() {
    let world = world([Answer::Panic, Answer::Panic, Answer::Panic, token("t1")]);
    let mut context = Context::from_waker(Waker::noop());
    let mut callers = [(); 2].map(|()| Box::pin(world.cached.token()));
    for _ in 0..3 {
        for caller in &mut callers {
            let _ = caller.as_mut().poll(&mut context);
        }
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(world.source.asked(), 3, "such a failure may pass");
    assert_eq!(
        world.cached.status().last_error().unwrap().kind(),
        ErrorKind::Transport
    );
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(block_on(world.cached.token()).unwrap().generation(), 1);
}

#[test]
fn a_clone_shares_the_cache_and_debug_shows_the_token_redacted() {
    let world = world([token("t0p-s3cret")]);
    let clone = world.cached.clone();
    assert!(format!("{clone:?}").contains("None"));
    block_on(clone.token()).unwrap();
    assert_eq!(world.generation(), Some(1));
    let shown = format!("{:?}", world.cached);
    assert!(
        shown.contains("redacted") && !shown.contains("s3cret"),
        "{shown}"
    );
    assert_eq!(world.cached.source().asked(), 1);
}

#[test]
fn p01_p07_a_caller_who_comes_late_to_what_it_waited_for_gets_no_dead_token() {
    for rejected in [false, true] {
        let world = world([slow("t1"), token("t2")]);
        let mut context = Context::from_waker(Waker::noop());
        let mut late = Box::pin(world.cached.token());
        assert!(late.as_mut().poll(&mut context).is_pending());
        // Its flight is ended by somebody else.
        world.spawner.poll_all();
        let first = world.cached.ready().unwrap();
        if rejected {
            world.cached.reject(&first);
        } else {
            world.clock.suspend(HOUR);
        }
        assert_eq!(block_on(late).unwrap().secret(), "t2");
    }
}

#[test]
fn p07_a_rejection_reaches_a_source_with_a_cache_of_its_own() {
    let inner = CachedTokenSource::new(Prepared::new([token("t1"), token("t2")]));
    let first = block_on(inner.token()).unwrap();
    let outer = CachedTokenSource::new(inner);
    let same = block_on(outer.token()).unwrap();
    assert_eq!(same.secret(), first.secret());
    outer.reject(&same);
    assert_eq!(block_on(outer.token()).unwrap().secret(), "t2");
}

/// Tells, when a token of it is rejected, whether the cache around it still had that in hand.
#[derive(Default)]
struct Witness {
    around: OnceLock<CachedTokenSource<Arc<Witness>>>,
    in_hand: Mutex<Vec<bool>>,
}

#[async_trait]
impl TokenSource for Witness {
    async fn token(&self) -> Result<AccessToken, Error> {
        Ok(AccessToken::builder("t1").expires_in(HOUR).build()?)
    }

    fn reject(&self, _: &AccessToken) {
        let around = self.around.get().unwrap();
        self.in_hand.lock().unwrap().push(around.ready().is_some());
    }
}

#[test]
fn p07_a_source_hears_of_a_rejection_before_it_can_be_asked_for_another_token() {
    let source = Arc::new(Witness::default());
    let cached = CachedTokenSource::new(Arc::clone(&source));
    assert!(source.around.set(cached.clone()).is_ok());
    let token = block_on(cached.token()).unwrap();
    cached.reject(&token);
    assert!(cached.ready().is_none());
    cached.reject(&token);
    assert_eq!(*source.in_hand.lock().unwrap(), [true], "once, and first");
}

#[test]
fn p07_a_cache_around_a_cache_whose_tokens_come_too_old_serves_and_rejects_them() {
    let clock = ManualClock::new();
    let unstated = |secret: &str| Answer::Token(AccessToken::builder(secret).build().unwrap());
    let policy = RefreshPolicy::builder().assumed_lifetime(HOUR).build();
    let inner = CachedTokenSource::builder(Prepared::new([unstated("t1"), unstated("t2")]))
        .clock(clock.clone())
        .policy(policy.unwrap())
        .build();
    let outer = CachedTokenSource::builder(inner)
        .clock(clock.clone())
        .build();
    block_on(outer.token()).unwrap();
    // The outer cache takes its life for 5 minutes; the inner one goes on handing it out.
    clock.advance(Duration::from_secs(600));
    let fleeting = block_on(outer.token()).unwrap();
    assert_eq!((fleeting.secret(), fleeting.generation()), ("t1", 0));
    outer.reject(&fleeting);
    assert_eq!(block_on(outer.token()).unwrap().secret(), "t2");
}

#[test]
fn the_error_of_a_flight_that_outlived_its_time_says_what_its_last_attempt_failed_of() {
    let world = world([Answer::Down, Answer::Never]);
    let mut asking = world.cached.token();
    let mut context = Context::from_waker(Waker::noop());
    assert!(asking.as_mut().poll(&mut context).is_pending());
    world.clock.advance(Duration::from_secs(1));
    assert!(asking.as_mut().poll(&mut context).is_pending());
    assert_eq!(world.source.asked(), 2);
    world.clock.advance(Duration::from_secs(30));
    let error = block_on(asking).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_retryable());
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "nobody is there");
    assert!(
        format!("{error:#}").ends_with("RefreshPolicyBuilder::acquire_timeout: nobody is there")
    );
}
