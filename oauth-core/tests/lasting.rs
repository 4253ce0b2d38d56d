//! Callers who need a token with so much of its life left.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use futures_executor::block_on;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use oauth_core::{
    AccessToken, Authorizer, CachedTokenSource, Error, ErrorKind, RefreshPolicy, SharedTokenSource,
    Target, TokenSource, async_trait,
};
use oauth_testkit::{GatedSource, ManualClock};

const API: Target<'static> = Target::new("https", "api.example.com", None);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Gives `t1`, `t2`, … that live for so many seconds, or fails.
struct Numbered {
    lifetime: usize,
    asked: AtomicUsize,
    fails: AtomicUsize,
}

impl Numbered {
    fn new(lifetime: usize) -> Arc<Self> {
        Arc::new(Self {
            lifetime,
            asked: AtomicUsize::new(0),
            fails: AtomicUsize::new(0),
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenSource for Numbered {
    async fn token(&self) -> Result<AccessToken, Error> {
        let ordinal = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fails.load(Ordering::SeqCst) > 0 {
            return Err(Error::new(ErrorKind::ServerUnavailable, "out of order"));
        }
        Ok(AccessToken::builder(format!("t{ordinal}"))
            .expires_in(secs(self.lifetime as u64))
            .build()?)
    }
}

fn cached<S: TokenSource + 'static>(source: S, clock: &ManualClock) -> CachedTokenSource<S> {
    let policy = RefreshPolicy::builder().no_jitter().attempts(1);
    CachedTokenSource::builder(source)
        .policy(policy.build().unwrap())
        .clock(clock.clone())
        .build()
}

#[test]
fn p02_a_token_that_lasts_is_a_hit_without_waiting_or_allocating() {
    let (clock, source) = (ManualClock::new(), Numbered::new(3600));
    let shared: SharedTokenSource = Arc::new(cached(source.clone(), &clock));
    assert!(shared.ready_lasting(secs(1)).is_none());
    assert_eq!(
        block_on(shared.token_lasting(secs(3600))).unwrap().secret(),
        "t1"
    );
    clock.advance(secs(600));
    let counted = measure(|| {
        assert!(shared.ready_lasting(secs(3000)).is_some());
        assert!(shared.token_lasting_blocking(secs(3000)).is_ok());
    });
    assert_eq!(counted.count_total, 0);
    assert!(shared.ready_lasting(secs(3001)).is_none());
    assert_eq!(source.asked(), 1, "looking alone renews nothing yet");
    assert_eq!(
        block_on(shared.token_lasting(secs(3001))).unwrap().secret(),
        "t2"
    );
    assert_eq!(
        shared.ready().unwrap().secret(),
        "t2",
        "the new one is everybody's"
    );
}

#[test]
fn p04_any_number_of_callers_who_need_more_cause_one_request_while_the_others_go_on() {
    let (clock, source) = (ManualClock::new(), Numbered::new(3600));
    let gated = Arc::new(GatedSource::new(source.clone()));
    let cached = cached(gated.clone(), &clock);
    gated.release(1);
    block_on(cached.warm_up()).unwrap();
    clock.advance(secs(2000));
    thread::scope(|scope| {
        let callers: Vec<_> = (0..50)
            .map(|_| scope.spawn(|| cached.token_lasting_blocking(secs(3000))))
            .collect();
        gated.await_waiting(1);
        assert_eq!(cached.ready().unwrap().secret(), "t1");
        assert_eq!(cached.ready_lasting(secs(1600)).unwrap().secret(), "t1");
        gated.release(1);
        for caller in callers {
            assert_eq!(caller.join().unwrap().unwrap().secret(), "t2");
        }
    });
    assert_eq!(source.asked(), 2);
}

#[test]
fn p06_while_the_gate_is_shut_who_needs_more_is_told_and_no_request_is_sent() {
    let (clock, source) = (ManualClock::new(), Numbered::new(3600));
    let cached = cached(source.clone(), &clock);
    block_on(cached.warm_up()).unwrap();
    clock.advance(secs(2000));
    source.fails.store(1, Ordering::SeqCst);
    for _ in 0..10 {
        let error = block_on(cached.token_lasting(secs(3000))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ServerUnavailable);
    }
    assert_eq!(source.asked(), 2);
    assert_eq!(cached.ready().unwrap().secret(), "t1");
    source.fails.store(0, Ordering::SeqCst);
    clock.advance(secs(60));
    assert_eq!(
        block_on(cached.token_lasting(secs(3000))).unwrap().secret(),
        "t3"
    );
}

#[test]
fn p06_more_than_a_new_token_has_is_refused_without_asking_over_and_over() {
    let (clock, source) = (ManualClock::new(), Numbered::new(300));
    let cached = cached(source.clone(), &clock);
    for _ in 0..10 {
        let error = block_on(cached.token_lasting(secs(600))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let text = error.to_string();
        assert!(text.contains("300 s") && text.contains("600 s"), "{text}");
    }
    assert_eq!(source.asked(), 1);
    assert_eq!(cached.ready().unwrap().secret(), "t1", "good for others");
}

#[test]
fn a_token_too_old_to_keep_serves_who_waited_if_it_lasts() {
    let (clock, source) = (ManualClock::new(), Numbered::new(0));
    let cached = cached(source.clone(), &clock);
    assert!(block_on(cached.token_lasting(Duration::ZERO)).is_ok());
    let error = block_on(cached.token_lasting(secs(1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(source.asked(), 2);
}

#[test]
fn p07_after_a_rejection_who_needs_more_gets_a_new_token() {
    let (clock, source) = (ManualClock::new(), Numbered::new(3600));
    let cached = cached(source, &clock);
    let first = block_on(cached.token_lasting(secs(60))).unwrap();
    cached.reject(&first);
    assert!(cached.ready_lasting(secs(60)).is_none());
    assert_eq!(
        block_on(cached.token_lasting(secs(60))).unwrap().secret(),
        "t2"
    );
}

#[test]
fn an_authorizer_asks_for_the_minimum_life_of_its_api() {
    let (clock, source) = (ManualClock::new(), Numbered::new(3600));
    let cached = cached(source.clone(), &clock);
    let quick = Authorizer::new(cached.clone(), ["https://api.example.com"]).unwrap();
    let slow = quick.clone().minimum_life(secs(3000));
    assert!(format!("{slow:?}").contains("3000s"));
    let header = |authorizer: &Authorizer, blocking: bool| {
        let mut headers = HeaderMap::new();
        let mut exchange = authorizer.exchange(&API).unwrap();
        if blocking {
            exchange.authorize_blocking(&mut headers).unwrap();
        } else {
            block_on(exchange.authorize(&mut headers)).unwrap();
        }
        headers[AUTHORIZATION].to_str().unwrap().to_owned()
    };
    for (blocking, before, after) in [
        (false, "Bearer t1", "Bearer t2"),
        (true, "Bearer t2", "Bearer t3"),
    ] {
        assert_eq!(header(&slow, blocking), before);
        clock.advance(secs(2000));
        assert_eq!(header(&quick, blocking), before);
        assert_eq!(header(&slow, blocking), after);
        assert_eq!(header(&quick, blocking), after);
    }
    assert_eq!(source.asked(), 3);
}

#[test]
fn warming_up_fetches_once_and_does_nothing_with_a_token_in_hand() {
    let (clock, source) = (ManualClock::new(), Numbered::new(3600));
    let cached = cached(source.clone(), &clock);
    cached.warm_up_blocking().unwrap();
    block_on(cached.warm_up()).unwrap();
    assert_eq!(
        (source.asked(), cached.ready().unwrap().generation()),
        (1, 1)
    );
}

#[test]
fn warming_up_says_why_there_is_no_token() {
    let (clock, source) = (ManualClock::new(), Numbered::new(3600));
    source.fails.store(1, Ordering::SeqCst);
    let cached = cached(source, &clock);
    let error = block_on(cached.warm_up()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerUnavailable);
}
