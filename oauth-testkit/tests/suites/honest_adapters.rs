//! The suite for adapters, passed by an honest one.

use crate::honest_adapter::Honest;
use oauth_testkit::conformance::adapter::{RULES, Redirects, factory};

oauth_testkit::adapter_conformance! {
    adapter: Honest::new,
}

/// What an adapter does with redirects is its own affair, if it says so.
#[test]
fn redirects_may_be_handled_in_any_way_that_keeps_the_token_safe() {
    for redirects in [
        Redirects::FollowedBack,
        Redirects::WithinOrigin,
        Redirects::PerHop,
        Redirects::Returned,
    ] {
        let make = factory(Honest::with_redirects(redirects));
        for rule in RULES {
            if rule.name.contains("redirect") || rule.name.contains("another_origin") {
                (rule.check)(&make);
            }
        }
    }
}
