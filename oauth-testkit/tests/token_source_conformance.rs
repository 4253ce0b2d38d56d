//! The rules for sources and caches: ours keep them.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod any_source {
    mod scripted {
        use oauth_testkit::ScriptedSource;
        use oauth_testkit::conformance::token_source::SourceUnderTest;

        oauth_testkit::token_source_conformance! {
            source: || SourceUnderTest::new(ScriptedSource::new()),
        }
    }

    mod cached {
        use oauth_core::CachedTokenSource;
        use oauth_testkit::ScriptedSource;
        use oauth_testkit::conformance::token_source::SourceUnderTest;

        oauth_testkit::token_source_conformance! {
            source: || SourceUnderTest::new(CachedTokenSource::new(ScriptedSource::new())),
        }
    }
}

mod the_cache {
    use oauth_core::CachedTokenSource;
    use oauth_testkit::conformance::token_source::SourceUnderTest;

    oauth_testkit::token_cache_conformance! {
        cache: |parts| {
            let cache = CachedTokenSource::builder(parts.upstream).clock(parts.clock);
            SourceUnderTest::new(cache.build())
        },
    }
}

/// What happens during a renewal is left out for it, and everything else is not.
mod a_cache_that_does_not_renew_ahead {
    use oauth_core::{CachedTokenSource, RefreshPolicy};
    use oauth_testkit::conformance::token_source::SourceUnderTest;
    use std::time::Duration;

    oauth_testkit::token_cache_conformance! {
        cache: |parts| {
            let policy = RefreshPolicy::builder().refresh_margin(Duration::ZERO).no_jitter();
            let cache = CachedTokenSource::builder(parts.upstream)
                .clock(parts.clock)
                .policy(policy.build().unwrap());
            SourceUnderTest::new(cache.build()).no_renewal_ahead()
        },
    }
}
