//! The rules for caches.

use std::sync::Arc;
use std::time::Duration;

use oauth_core::{AccessToken, Error, ErrorKind};

use super::super::drive::{PATIENCE, eventually, left_out};
use super::{CacheFactory, Parts, SourceUnderTest, Upstream};
use crate::{GatedSource, ManualClock, ScriptedSource};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Of the life of a token: until then it is usable with any sensible margin.
const NEARLY_ALL: u32 = 96;

/// An empty cache, and what it is made of.
struct World {
    upstream: Upstream,
    clock: ManualClock,
    cache: SourceUnderTest,
}

impl World {
    fn new(make: &CacheFactory<'_>) -> Self {
        let upstream = Arc::new(GatedSource::new(ScriptedSource::new()));
        upstream.open();
        let clock = ManualClock::new();
        let parts = Parts {
            upstream: Arc::clone(&upstream),
            clock: clock.clone(),
        };
        Self {
            cache: make(parts),
            upstream,
            clock,
        }
    }

    /// What the cache gets when it asks.
    fn script(&self) -> &ScriptedSource {
        self.upstream.source()
    }

    fn requests(&self) -> usize {
        self.script().calls()
    }

    /// Gets a token that lives for an hour and closes the gate behind it.
    fn with_token(self) -> (Self, AccessToken) {
        let first = self.cache.token();
        let first = first.unwrap_or_else(|error| panic!("there is no token: {error:#}"));
        self.upstream.close();
        (self, first)
    }

    /// Lets the token in hand grow old, until a renewal is under way; `look` has a look now and then.
    fn renewal_begins(&self, look: impl Fn()) -> bool {
        for _ in 0..NEARLY_ALL {
            self.clock.advance(HOUR / 100);
            look();
            if self.upstream.waiting() > 0 {
                return true;
            }
        }
        eventually(PATIENCE, || self.upstream.waiting() > 0)
    }

    /// Without anybody waiting there is this token.
    #[track_caller]
    fn hands_out_at_once(&self, expected: &AccessToken) {
        match self.cache.glance() {
            None => panic!("a caller waits although there is a usable token"),
            Some(Err(error)) => {
                panic!("a caller gets an error although there is a usable token: {error:#}")
            }
            Some(Ok(token)) => assert_eq!(token.secret(), expected.secret()),
        }
    }
}

fn lasting_error() -> Error {
    Error::new(ErrorKind::MalformedResponse, "upstream was told to fail")
}

/// From the very moment on, for every way to get at it.
pub fn p01_a_token_is_dead_at_the_end_of_its_life(make: &CacheFactory<'_>) {
    let world = World::new(make);
    world.script().next_token("first", HOUR);
    assert_eq!(world.cache.secret(), "first");
    world.clock.advance(HOUR);
    let ready = world.cache.ready_secret();
    assert!(ready.as_deref() != Some("first"), "a dead token is ready");
    assert!(
        world.cache.secret() != "first",
        "a dead token is handed out"
    );
}

/// Not from the arrival of the token: the server began to count before that.
pub fn p01_life_counts_from_the_request(make: &CacheFactory<'_>) {
    let world = World::new(make);
    world.upstream.close();
    world.script().next_token("first", HOUR);
    let outcomes = world.cache.herd(1, |_| {
        let asked = eventually(PATIENCE, || world.upstream.waiting() > 0);
        assert!(asked, "nobody asks for a token");
        world.clock.advance(10 * SECOND);
        world.upstream.open();
    });
    assert!(matches!(&outcomes[..], [Ok(token)] if token.secret() == "first"));
    world.clock.advance(HOUR - 5 * SECOND);
    let ready = world.cache.ready_secret();
    assert!(
        ready.as_deref() != Some("first"),
        "a token outlives its server's count"
    );
    assert!(
        world.cache.secret() != "first",
        "a token outlives its server's count"
    );
}

/// Neither way.
pub fn p01_a_stepped_wall_changes_nothing(make: &CacheFactory<'_>) {
    let world = World::new(make);
    world.script().next_token("first", HOUR);
    assert_eq!(world.cache.secret(), "first");
    world.clock.step_wall(86_400);
    assert_eq!(world.cache.secret(), "first", "the wall was stepped ahead");
    world.clock.step_wall(-2 * 86_400);
    world.clock.advance(HOUR + SECOND);
    assert!(world.cache.secret() != "first", "the wall was stepped back");
}

/// Whoever waited for it may have it, nobody else.
pub fn p01_a_token_dead_on_arrival_is_not_kept(make: &CacheFactory<'_>) {
    let world = World::new(make);
    world.script().next_token("stillborn", Duration::ZERO);
    let _ = world.cache.token();
    let ready = world.cache.ready_secret();
    assert!(
        ready.as_deref() != Some("stillborn"),
        "a token dead on arrival is ready"
    );
}

/// However often.
pub fn p02_a_usable_token_is_used_again(make: &CacheFactory<'_>) {
    let world = World::new(make);
    for _ in 0..300 {
        assert_eq!(world.cache.secret(), "token-1");
    }
    assert_eq!(world.requests(), 1, "requests for three hundred calls");
}

/// It happens in the background, ahead of time, and then the new token is handed out.
pub fn p02_nobody_waits_for_a_renewal(make: &CacheFactory<'_>) {
    let (world, first) = World::new(make).with_token();
    if !world.cache.renews_ahead {
        return left_out(
            "p02_nobody_waits_for_a_renewal",
            "the cache does not renew ahead",
        );
    }
    let begun = world.renewal_begins(|| world.hands_out_at_once(&first));
    assert!(
        begun,
        "no renewal began in {NEARLY_ALL} % of the life of a token"
    );
    (0..10).for_each(|_| world.hands_out_at_once(&first));
    world.upstream.open();
    let renewed = eventually(PATIENCE, || world.cache.secret() != first.secret());
    assert!(renewed, "the token of the renewal is not handed out");
}

/// It is handed out as long as it is usable.
pub fn p03_a_failed_renewal_costs_no_usable_token(make: &CacheFactory<'_>) {
    let (world, first) = World::new(make).with_token();
    world.script().always(Err(lasting_error()));
    world.upstream.open();
    for _ in 0..NEARLY_ALL {
        world.clock.advance(HOUR / 100);
        world.hands_out_at_once(&first);
    }
    // A renewal in the background may still be on its way to failure.
    if world.cache.renews_ahead && eventually(PATIENCE, || world.requests() > 1) {
        world.hands_out_at_once(&first);
    }
}

/// Fifty cold callers, one request.
pub fn p04_callers_at_once_share_one_token(make: &CacheFactory<'_>) {
    let world = World::new(make);
    world.upstream.close();
    let outcomes = world.cache.herd(50, |_| world.upstream.open());
    let all = outcomes.iter().all(|outcome| {
        outcome
            .as_ref()
            .is_ok_and(|token| token.secret() == "token-1")
    });
    assert!(
        all && outcomes.len() == 50,
        "not everybody got the one token: {outcomes:?}"
    );
    assert_eq!(world.requests(), 1, "requests for fifty callers");
}

/// Fifty cold callers, one request, also when it fails.
pub fn p04_callers_at_once_share_one_error(make: &CacheFactory<'_>) {
    let world = World::new(make);
    world.upstream.close();
    world.script().next_error(lasting_error());
    let outcomes = world.cache.herd(50, |_| world.upstream.open());
    let all = outcomes.iter().all(Result::is_err);
    assert!(
        all && outcomes.len() == 50,
        "not everybody got the one error: {outcomes:?}"
    );
    assert_eq!(world.requests(), 1, "requests for fifty callers");
}

/// Be it the one whose call made the request.
pub fn p05_a_caller_that_leaves_takes_nothing_from_the_others(make: &CacheFactory<'_>) {
    let world = World::new(make);
    world.upstream.close();
    let outcomes = world.cache.herd(3, |calls| {
        if !calls.is_empty() {
            drop(calls.remove(0));
        }
        world.upstream.open();
    });
    let all = outcomes.iter().all(Result::is_ok);
    assert!(
        all && outcomes.len() == 2,
        "those who stayed got {outcomes:?}"
    );
}

/// The request goes on, and what comes of it is there for who comes next.
pub fn p05_the_last_caller_that_leaves_loses_no_token(make: &CacheFactory<'_>) {
    let world = World::new(make);
    world.upstream.close();
    let outcomes = world.cache.herd(2, |calls| {
        calls.clear();
        world.upstream.open();
    });
    assert!(outcomes.is_empty(), "nobody stayed");
    assert_eq!(world.cache.secret(), "token-1");
    assert_eq!(
        world.requests(),
        1,
        "requests for two callers that left and one that came"
    );
}

/// Who comes in between gets an error at once.
pub fn p06_requests_are_spaced_after_a_failure(make: &CacheFactory<'_>) {
    let world = World::new(make);
    world.script().always(Err(lasting_error()));
    for _ in 0..20 {
        let outcome = world.cache.token();
        assert!(outcome.is_err(), "there is a token: {outcome:?}");
    }
    assert_eq!(world.requests(), 1, "requests within no time");
}

/// Whoever asks.
pub fn p06_retry_after_is_obeyed(make: &CacheFactory<'_>) {
    let world = World::new(make);
    let error = Error::builder(ErrorKind::RateLimited, "upstream was told to fail");
    world
        .script()
        .always(Err(error.retry_after(60 * SECOND).build()));
    let _ = world.cache.glance();
    let asked = eventually(PATIENCE, || world.requests() > 0);
    assert!(asked, "nobody asks for a token");
    for second in 0..60 {
        let _ = world.cache.glance();
        assert_eq!(
            world.requests(),
            1,
            "requests in {second} of the 60 s to wait"
        );
        world.clock.advance(SECOND);
    }
}

/// Another is fetched.
pub fn p07_a_rejected_token_is_not_handed_out_again(make: &CacheFactory<'_>) {
    let world = World::new(make);
    let first = world.cache.token();
    let first = first.unwrap_or_else(|error| panic!("there is no token: {error:#}"));
    world.cache.source.reject(&first);
    let ready = world.cache.ready_secret();
    assert!(
        ready.as_deref() != Some(first.secret()),
        "a rejected token is ready"
    );
    assert_eq!(world.cache.secret(), "token-2");
}

/// As when many answers to requests with one token come in.
pub fn p07_many_rejections_cause_one_renewal(make: &CacheFactory<'_>) {
    let world = World::new(make);
    if let Ok(first) = world.cache.token() {
        (0..50).for_each(|_| world.cache.source.reject(&first));
    }
    let _ = world.cache.token();
    assert!(
        world.requests() <= 2,
        "{} requests for one token that was rejected",
        world.requests()
    );
}

/// The answer to a request with an old token says nothing of the present one.
pub fn p07_a_late_rejection_takes_no_newer_token(make: &CacheFactory<'_>) {
    let world = World::new(make);
    let Ok(first) = world.cache.token() else {
        return;
    };
    world.cache.source.reject(&first);
    let second = world.cache.secret();
    let requests = world.requests();
    world.cache.source.reject(&first);
    assert_eq!(world.cache.secret(), second, "the newer token is gone");
    assert_eq!(
        world.requests(),
        requests,
        "requests after a late rejection"
    );
}

/// Its token may be the rejected one.
pub fn p07_a_request_begun_before_a_rejection_brings_nothing_back(make: &CacheFactory<'_>) {
    let rule = "p07_a_request_begun_before_a_rejection_brings_nothing_back";
    let (world, first) = World::new(make).with_token();
    // That there is a renewal is the business of another rule.
    if !world.cache.renews_ahead || !world.renewal_begins(|| drop(world.cache.glance())) {
        return left_out(rule, "the cache does not renew ahead");
    }
    world.cache.source.reject(&first);
    world.script().next_token(first.secret(), HOUR);
    world.upstream.open();
    world.script().await_calls(2);
    let is_ready = || world.cache.ready_secret().as_deref() == Some(first.secret());
    assert!(
        !eventually(PATIENCE / 100, is_ready),
        "the rejected token is back"
    );
    let after = world.cache.token();
    let is_given = after.is_ok_and(|token| token.secret() == first.secret());
    // Who had to wait for a token has waited for the request that was under way.
    assert!(!is_given && !is_ready(), "the rejected token is back");
}

/// If the API refuses whatever it is sent, the token endpoint must not pay for it.
pub fn p07_the_rejection_of_every_token_is_bounded(make: &CacheFactory<'_>) {
    let world = World::new(make);
    for _ in 0..100 {
        if let Ok(token) = world.cache.token() {
            world.cache.source.reject(&token);
        }
    }
    assert!(
        world.requests() <= 20,
        "{} requests within no time",
        world.requests()
    );
}
