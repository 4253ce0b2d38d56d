//! The contract of [`TokenSource`], rule by rule: what any source owes its callers, and what a cache does.
//!
//! Each rule takes a function that makes a source, and panics if the source breaks the rule.
//! [`token_source_conformance!`](crate::token_source_conformance) makes a test of each rule for any source,
//! [`token_cache_conformance!`](crate::token_cache_conformance) of those for caches: the promises P1 to P7, as far as
//! they can be judged from outside.

mod any;
mod cache;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use oauth_core::{AccessToken, BoxFuture, Error, TokenSource};

use super::drive::{PATIENCE, run};
use crate::{GatedSource, ManualClock, ScriptedSource};
pub use any::*;
pub use cache::*;

/// A source that can give a token, and how it is called.
pub struct SourceUnderTest {
    source: Arc<dyn TokenSource>,
    block_on: Box<BlockOn>,
    renews_ahead: bool,
}

type BlockOn = dyn Fn(BoxFuture<'_, ()>);

impl SourceUnderTest {
    /// A source that needs no runtime. A cache renews ahead of time.
    pub fn new(source: impl TokenSource + 'static) -> Self {
        Self {
            source: Arc::new(source),
            block_on: Box::new(|work| {
                let done = run(PATIENCE, work);
                assert_eq!(done, Some(()), "a call does not end");
            }),
            renews_ahead: true,
        }
    }

    /// Calls are run by this, for a source that needs a runtime.
    #[must_use]
    pub fn block_on(mut self, block_on: impl Fn(BoxFuture<'_, ()>) + 'static) -> Self {
        self.block_on = Box::new(block_on);
        self
    }

    /// It asks for a new token only when there is none that can be used. What happens during a renewal ahead of time is
    /// then left out.
    #[must_use]
    pub fn no_renewal_ahead(mut self) -> Self {
        self.renews_ahead = false;
        self
    }

    fn drive<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        let mut output = None;
        (self.block_on)(Box::pin(async { output = Some(future.await) }));
        output.expect("`block_on` runs the future to its end")
    }

    fn token(&self) -> Result<AccessToken, Error> {
        self.drive(self.source.token())
    }

    #[track_caller]
    fn secret(&self) -> String {
        let token = self
            .token()
            .unwrap_or_else(|error| panic!("there is no token: {error:#}"));
        token.secret().to_owned()
    }

    fn ready_secret(&self) -> Option<String> {
        Some(self.source.ready()?.secret().to_owned())
    }

    /// Polls a call once and drops it.
    fn glance(&self) -> Option<Result<AccessToken, Error>> {
        let source = Arc::clone(&self.source);
        self.drive(async move {
            let mut call = pin!(source.token());
            poll_fn(|context| match call.as_mut().poll(context) {
                Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                Poll::Pending => Poll::Ready(None),
            })
            .await
        })
    }

    /// So many calls at once; `meanwhile` is done when all of them have been polled, to those that wait.
    fn herd(
        &self,
        callers: usize,
        meanwhile: impl FnOnce(&mut Vec<Call<'_>>) + Send,
    ) -> Vec<Result<AccessToken, Error>> {
        let source = Arc::clone(&self.source);
        self.drive(async move {
            let mut calls: Vec<Call<'_>> = (0..callers).map(|_| source.token()).collect();
            let mut outcomes = Vec::new();
            let mut meanwhile = Some(meanwhile);
            poll_fn(|context| {
                calls.retain_mut(|call| match call.as_mut().poll(context) {
                    Poll::Ready(outcome) => {
                        outcomes.push(outcome);
                        false
                    }
                    Poll::Pending => true,
                });
                if let Some(meanwhile) = meanwhile.take() {
                    meanwhile(&mut calls);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if calls.is_empty() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            outcomes
        })
    }
}

type Call<'a> = BoxFuture<'a, Result<AccessToken, Error>>;

impl fmt::Debug for SourceUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceUnderTest")
            .field("renews_ahead", &self.renews_ahead)
            .finish_non_exhaustive()
    }
}

/// What a cache under test asks for tokens: it gives those it was scripted, when its gate lets it.
pub type Upstream = Arc<GatedSource<ScriptedSource>>;

/// What a cache is made of. Time stands still unless a rule moves it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Parts {
    /// Where it gets its tokens from.
    pub upstream: Upstream,
    /// The clock to judge by.
    pub clock: ManualClock,
}

/// Makes a source, a fresh one each time.
pub type Factory<'a> = dyn Fn() -> SourceUnderTest + 'a;

/// Makes an empty cache.
pub type CacheFactory<'a> = dyn Fn(Parts) -> SourceUnderTest + 'a;

/// The name of a rule, and what panics if the sources that it is given the factory of break it.
pub type Rule = (&'static str, fn(&Factory<'_>));

/// The name of a rule, and what panics if the caches that it is given the factory of break it.
pub type CacheRule = (&'static str, fn(&CacheFactory<'_>));

/// Makes a named test of each rule for any [`TokenSource`](oauth_core::TokenSource).
///
/// `source` is a function that makes a [`SourceUnderTest`](crate::conformance::token_source::SourceUnderTest).
///
/// ```
/// use oauth_testkit::ScriptedSource;
/// use oauth_testkit::conformance::token_source::SourceUnderTest;
///
/// oauth_testkit::token_source_conformance! {
///     source: || SourceUnderTest::new(ScriptedSource::new()),
/// }
/// ```
#[macro_export]
macro_rules! token_source_conformance {
    (source: $source:expr $(,)?) => {
        $crate::token_source_conformance! { @each tests($source) }
    };
    (@each $then:ident($($argument:tt)*)) => {
        $crate::token_source_conformance! {
            @$then($($argument)*)
            a_token_can_be_had_and_used
            ready_and_with_ready_agree
            p07_a_rejected_token_is_not_ready
            p05_a_call_can_be_dropped
        }
    };
    (@tests($source:expr) $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                $crate::conformance::token_source::$rule(&$source);
            }
        )*
    };
    (@list() $($rule:ident)*) => {
        &[$((stringify!($rule), $crate::conformance::token_source::$rule)),*]
    };
}

/// Makes a named test of each rule for caches: sources that keep the tokens of another.
///
/// `cache` is a function from [`Parts`](crate::conformance::token_source::Parts) to a
/// [`SourceUnderTest`](crate::conformance::token_source::SourceUnderTest).
///
/// ```
/// use oauth_core::CachedTokenSource;
/// use oauth_testkit::conformance::token_source::SourceUnderTest;
///
/// oauth_testkit::token_cache_conformance! {
///     cache: |parts| {
///         let cache = CachedTokenSource::builder(parts.upstream).clock(parts.clock);
///         SourceUnderTest::new(cache.build())
///     },
/// }
/// ```
#[macro_export]
macro_rules! token_cache_conformance {
    (cache: $cache:expr $(,)?) => {
        $crate::token_cache_conformance! { @each tests($cache) }
    };
    (@each $then:ident($($argument:tt)*)) => {
        $crate::token_cache_conformance! {
            @$then($($argument)*)
            p01_a_token_is_dead_at_the_end_of_its_life
            p01_life_counts_from_the_request
            p01_a_stepped_wall_changes_nothing
            p01_a_token_dead_on_arrival_is_not_kept
            p02_a_usable_token_is_used_again
            p02_nobody_waits_for_a_renewal
            p03_a_failed_renewal_costs_no_usable_token
            p04_callers_at_once_share_one_token
            p04_callers_at_once_share_one_error
            p05_a_caller_that_leaves_takes_nothing_from_the_others
            p05_the_last_caller_that_leaves_loses_no_token
            p06_requests_are_spaced_after_a_failure
            p06_retry_after_is_obeyed
            p07_a_rejected_token_is_not_handed_out_again
            p07_many_rejections_cause_one_renewal
            p07_a_late_rejection_takes_no_newer_token
            p07_a_request_begun_before_a_rejection_brings_nothing_back
            p07_the_rejection_of_every_token_is_bounded
        }
    };
    (@tests($cache:expr) $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                let make: &$crate::conformance::token_source::CacheFactory<'_> = &$cache;
                $crate::conformance::token_source::$rule(make);
            }
        )*
    };
    (@list() $($rule:ident)*) => {
        &[$((stringify!($rule), $crate::conformance::token_source::$rule)),*]
    };
}

/// Every rule for any source, in the order of the tests.
pub const RULES: &[Rule] = token_source_conformance!(@each list());

/// Every rule for caches, in the order of the tests.
pub const CACHE_RULES: &[CacheRule] = token_cache_conformance!(@each list());
