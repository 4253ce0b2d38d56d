//! Each rule for sources and caches finds the one that breaks it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::rules::each_finds_what_breaks_it;
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Clock, Error, ErrorKind, Instant, RefreshPolicy,
    TokenSource, async_trait,
};
use oauth_testkit::conformance::token_source::{
    CACHE_RULES, Parts, RULES, SourceUnderTest, Upstream,
};
use oauth_testkit::{ManualClock, ScriptedSource};

/// What is wrong with a source of tokens without a cache.
#[derive(Clone, Copy)]
enum Plain {
    GivesDeadTokens,
    ShowsTwice,
    IgnoresRejections,
    StaysBusy,
}

struct FlawedSource {
    flaw: Plain,
    source: CachedTokenSource<ScriptedSource>,
    echo: Mutex<Option<AccessToken>>,
    calls: AtomicUsize,
}

#[async_trait]
impl TokenSource for FlawedSource {
    async fn token(&self) -> Result<AccessToken, Error> {
        if matches!(self.flaw, Plain::GivesDeadTokens) {
            let dead = AccessToken::builder("dead").expires_in(Duration::ZERO);
            return Ok(dead.build()?);
        }
        // In three calls that are dropped at their first poll it gets here three times.
        if matches!(self.flaw, Plain::StaysBusy) && self.calls.fetch_add(1, Ordering::SeqCst) > 2 {
            return Err(Error::new(ErrorKind::Configuration, "busy for ever"));
        }
        self.source.token().await
    }

    fn ready(&self) -> Option<AccessToken> {
        let echo = self.echo.lock().unwrap().clone();
        echo.or_else(|| self.source.ready())
    }

    fn with_ready(&self, look: &mut dyn FnMut(&AccessToken)) -> bool {
        let Some(token) = self.ready() else {
            return false;
        };
        look(&token);
        if matches!(self.flaw, Plain::ShowsTwice) {
            look(&token);
        }
        true
    }

    fn reject(&self, token: &AccessToken) {
        if matches!(self.flaw, Plain::IgnoresRejections) {
            *self.echo.lock().unwrap() = Some(token.clone());
        }
        self.source.reject(token);
    }
}

#[test]
fn each_rule_finds_the_source_that_breaks_it() {
    let flaws = [
        ("a_token_can_be_had_and_used", Plain::GivesDeadTokens),
        ("ready_and_with_ready_agree", Plain::ShowsTwice),
        (
            "p07_a_rejected_token_is_not_ready",
            Plain::IgnoresRejections,
        ),
        ("p05_a_call_can_be_dropped", Plain::StaysBusy),
    ];
    let names: Vec<_> = RULES.iter().map(|(name, _)| *name).collect();
    each_finds_what_breaks_it(&names, &flaws, |rule, flaw| {
        let (_, check) = RULES.iter().find(|(name, _)| *name == rule).unwrap();
        check(&|| {
            SourceUnderTest::new(FlawedSource {
                flaw: *flaw,
                source: CachedTokenSource::new(ScriptedSource::new()),
                echo: Mutex::default(),
                calls: AtomicUsize::default(),
            })
        });
    });
}

/// What is wrong with a cache.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    ServesADeadToken,
    CountsFromTheArrival,
    GoesByTheWall,
    KeepsTheStillborn,
    AsksEveryTwoHundredthTime,
    RenewsWhenItMust,
    DropsTheTokenWhenARenewalFails,
    HerdAfterSuccess,
    HerdAfterFailure,
    FailsWhenTheFirstLeaves,
    ForgetsWhenTheLastLeaves,
    AsksOnAfterAFailure,
    IgnoresRetryAfter,
    ShowsARejectedTokenOnce,
    RenewsForEachRejection,
    BelievesLateRejections,
    BringsBackWhatWasRejected,
    NeverGivesUp,
}

/// Between the cache and what it asks.
struct Middle {
    flaw: Flaw,
    upstream: Upstream,
    clock: ManualClock,
    under_way: AtomicUsize,
    failed: AtomicUsize,
    /// What was rejected while a request was under way, and has come back by one.
    rejected: Mutex<Option<String>>,
    back: Mutex<Option<AccessToken>>,
}

#[async_trait]
impl TokenSource for Middle {
    async fn token(&self) -> Result<AccessToken, Error> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let outcome = self.upstream.token().await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let token = match outcome {
            Ok(token) => token,
            Err(error) => {
                self.failed.fetch_add(1, Ordering::SeqCst);
                return Err(match self.flaw {
                    Flaw::IgnoresRetryAfter => Error::new(error.kind(), "as upstream says"),
                    _ => error,
                });
            }
        };
        let lifetime = token.lifetime().unwrap();
        let rebuilt = AccessToken::builder(token.secret());
        let token = match self.flaw {
            Flaw::ServesADeadToken if !lifetime.is_zero() => rebuilt
                .expires_in(lifetime + Duration::from_secs(1))
                .build()?,
            Flaw::CountsFromTheArrival => rebuilt
                .expires_in(lifetime)
                .requested_at(self.clock.now())
                .build()?,
            Flaw::KeepsTheStillborn if lifetime.is_zero() => rebuilt.build()?,
            _ => token,
        };
        if self.rejected.lock().unwrap().as_deref() == Some(token.secret()) {
            *self.back.lock().unwrap() = Some(token.clone());
        }
        Ok(token)
    }
}

/// A clock that counts by the time of day.
struct WallClock(ManualClock);

impl Clock for WallClock {
    fn now(&self) -> Instant {
        let since_epoch = self.0.wall().duration_since(SystemTime::UNIX_EPOCH);
        Instant::from_origin(since_epoch.unwrap())
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }
}

struct FlawedCache {
    flaw: Flaw,
    middle: Arc<Middle>,
    cache: CachedTokenSource<Arc<Middle>>,
    hits: AtomicUsize,
    waiting: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The most callers that have waited at once.
    crowd: usize,
    first_has_left: bool,
    last_has_left: bool,
    echo: Option<AccessToken>,
    rejections: usize,
    failures_seen: usize,
}

fn flawed(flaw: Flaw, parts: Parts) -> SourceUnderTest {
    let middle = Arc::new(Middle {
        flaw,
        upstream: parts.upstream,
        clock: parts.clock.clone(),
        under_way: AtomicUsize::default(),
        failed: AtomicUsize::default(),
        rejected: Mutex::default(),
        back: Mutex::default(),
    });
    let mut policy = RefreshPolicy::builder();
    if matches!(flaw, Flaw::ServesADeadToken | Flaw::CountsFromTheArrival) {
        policy = policy.safety_margin(Duration::ZERO);
    }
    if flaw == Flaw::RenewsWhenItMust {
        policy = policy
            .refresh_margin(Duration::ZERO)
            .safety_margin(Duration::ZERO)
            .no_jitter();
    }
    let cache = CachedTokenSource::builder(Arc::clone(&middle)).policy(policy.build().unwrap());
    let cache = match flaw {
        Flaw::GoesByTheWall => cache.clock(WallClock(parts.clock)).build(),
        _ => cache.clock(parts.clock).build(),
    };
    SourceUnderTest::new(FlawedCache {
        flaw,
        middle,
        cache,
        hits: AtomicUsize::default(),
        waiting: AtomicUsize::default(),
        state: Mutex::default(),
    })
}

/// One who waits for a token.
struct Waits<'a> {
    cache: &'a FlawedCache,
    is_first: bool,
    is_over: bool,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let left = self.cache.waiting.fetch_sub(1, Ordering::SeqCst) - 1;
        let mut state = self.cache.state.lock().unwrap();
        if !self.is_over {
            state.first_has_left |= self.is_first;
            state.last_has_left |= left == 0;
        }
        if left == 0 {
            state.crowd = 0;
            // Nobody is left to suffer for it.
            state.first_has_left = false;
        }
    }
}

#[async_trait]
impl TokenSource for FlawedCache {
    async fn token(&self) -> Result<AccessToken, Error> {
        let forgot = std::mem::take(&mut self.state.lock().unwrap().last_has_left);
        if forgot && self.flaw == Flaw::ForgetsWhenTheLastLeaves {
            self.middle.token().await?;
        }
        if let Some(token) = self.ready() {
            if self.hits.fetch_add(1, Ordering::SeqCst) % 200 == 199
                && self.flaw == Flaw::AsksEveryTwoHundredthTime
            {
                self.middle.token().await?;
            }
            return Ok(token);
        }
        let upstream = || self.middle.token();
        let was = self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut waits = Waits {
            cache: self,
            is_first: was == 0,
            is_over: false,
        };
        {
            let mut state = self.state.lock().unwrap();
            state.crowd = state.crowd.max(was + 1);
        }
        let outcome = self.cache.token().await;
        waits.is_over = true;
        let (crowd, first_has_left) = {
            let state = self.state.lock().unwrap();
            (state.crowd, state.first_has_left)
        };
        let kind = outcome.as_ref().err().map(Error::kind);
        let again = match self.flaw {
            Flaw::HerdAfterSuccess => crowd > 10 && kind.is_none(),
            Flaw::HerdAfterFailure => crowd > 10 && kind.is_some(),
            Flaw::AsksOnAfterAFailure => crowd == 1 && kind == Some(ErrorKind::MalformedResponse),
            Flaw::NeverGivesUp => kind == Some(ErrorKind::TokenRejected),
            _ => false,
        };
        if first_has_left && self.flaw == Flaw::FailsWhenTheFirstLeaves {
            return Err(Error::new(
                ErrorKind::Transport,
                "the one who asked has left",
            ));
        }
        if again { upstream().await } else { outcome }
    }

    fn ready(&self) -> Option<AccessToken> {
        let mut state = self.state.lock().unwrap();
        if let Some(echo) = state.echo.take() {
            return Some(echo);
        }
        let ready = self.cache.ready();
        let failures = self.middle.failed.load(Ordering::SeqCst);
        if self.flaw == Flaw::DropsTheTokenWhenARenewalFails && failures > state.failures_seen {
            state.failures_seen = failures;
            if let Some(ready) = &ready {
                self.cache.reject(ready);
                return None;
            }
        }
        if self.flaw == Flaw::BringsBackWhatWasRejected {
            let back = self.middle.back.lock().unwrap().clone();
            return back.or(ready);
        }
        ready
    }

    fn reject(&self, token: &AccessToken) {
        let present = self.cache.ready();
        let mut state = self.state.lock().unwrap();
        state.rejections += 1;
        let under_way = self.middle.under_way.load(Ordering::SeqCst) > 0;
        if under_way {
            *self.middle.rejected.lock().unwrap() = Some(token.secret().to_owned());
        }
        match self.flaw {
            Flaw::ShowsARejectedTokenOnce if !under_way => state.echo = Some(token.clone()),
            Flaw::RenewsForEachRejection if state.rejections.is_multiple_of(10) => {
                drop(futures_executor::block_on(self.middle.token()));
            }
            Flaw::BelievesLateRejections => {
                if let Some(present) = present {
                    self.cache.reject(&present);
                }
            }
            _ => {}
        }
        self.cache.reject(token);
    }
}

#[test]
fn without_a_flaw_the_flawed_cache_keeps_the_rules() {
    for (_, check) in CACHE_RULES {
        check(&|parts| flawed(Flaw::None, parts));
    }
}

#[test]
fn each_rule_finds_the_cache_that_breaks_it() {
    let flaws = [
        (
            "p01_a_token_is_dead_at_the_end_of_its_life",
            Flaw::ServesADeadToken,
        ),
        (
            "p01_life_counts_from_the_request",
            Flaw::CountsFromTheArrival,
        ),
        ("p01_a_stepped_wall_changes_nothing", Flaw::GoesByTheWall),
        (
            "p01_a_token_dead_on_arrival_is_not_kept",
            Flaw::KeepsTheStillborn,
        ),
        (
            "p02_a_usable_token_is_used_again",
            Flaw::AsksEveryTwoHundredthTime,
        ),
        ("p02_nobody_waits_for_a_renewal", Flaw::RenewsWhenItMust),
        (
            "p03_a_failed_renewal_costs_no_usable_token",
            Flaw::DropsTheTokenWhenARenewalFails,
        ),
        (
            "p04_callers_at_once_share_one_token",
            Flaw::HerdAfterSuccess,
        ),
        (
            "p04_callers_at_once_share_one_error",
            Flaw::HerdAfterFailure,
        ),
        (
            "p05_a_caller_that_leaves_takes_nothing_from_the_others",
            Flaw::FailsWhenTheFirstLeaves,
        ),
        (
            "p05_the_last_caller_that_leaves_loses_no_token",
            Flaw::ForgetsWhenTheLastLeaves,
        ),
        (
            "p06_requests_are_spaced_after_a_failure",
            Flaw::AsksOnAfterAFailure,
        ),
        ("p06_retry_after_is_obeyed", Flaw::IgnoresRetryAfter),
        (
            "p07_a_rejected_token_is_not_handed_out_again",
            Flaw::ShowsARejectedTokenOnce,
        ),
        (
            "p07_many_rejections_cause_one_renewal",
            Flaw::RenewsForEachRejection,
        ),
        (
            "p07_a_late_rejection_takes_no_newer_token",
            Flaw::BelievesLateRejections,
        ),
        (
            "p07_a_request_begun_before_a_rejection_brings_nothing_back",
            Flaw::BringsBackWhatWasRejected,
        ),
        (
            "p07_the_rejection_of_every_token_is_bounded",
            Flaw::NeverGivesUp,
        ),
    ];
    let names: Vec<_> = CACHE_RULES.iter().map(|(name, _)| *name).collect();
    each_finds_what_breaks_it(&names, &flaws, |rule, flaw| {
        let (_, check) = CACHE_RULES.iter().find(|(name, _)| *name == rule).unwrap();
        check(&|parts| flawed(*flaw, parts));
    });
}
