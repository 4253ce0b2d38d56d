//! Tokens that live for seconds: no hot loop, and no caller without a token.

use std::time::Duration;

use oauth_core::RefreshPolicy;
use oauth_testkit::VirtualWorld;
use oauth_testkit::scenario::{Reply, Subject};

const LIFETIMES: u64 = 100;
const CALLS_A_LIFETIME: u32 = 20;

#[test]
fn p06_short_lived_tokens_cause_at_most_two_requests_a_lifetime() {
    for seconds in [1, 2, 5, 30] {
        for policy in [
            RefreshPolicy::builder(),
            RefreshPolicy::builder().no_jitter(),
        ] {
            let policy = policy.build().expect("the policy is sound");
            let requests = requests_over_lifetimes(policy, seconds);
            assert!(
                (LIFETIMES..=2 * LIFETIMES).contains(&requests),
                "{requests} requests in {LIFETIMES} lifetimes of {seconds} s"
            );
        }
    }
}

/// How many requests callers cause who come all the time, each of whom gets a token.
fn requests_over_lifetimes(policy: RefreshPolicy, seconds: u64) -> u64 {
    let mut world = VirtualWorld::new(policy).expect("a world can be made");
    let mut answered = 0;
    for call in 0..LIFETIMES * u64::from(CALLS_A_LIFETIME) {
        let caller = format!("c{call}");
        world.call(&caller);
        while answered < world.requests() {
            answered += 1;
            let body = format!(r#"{{"access_token": "t{answered}", "expires_in": {seconds}}}"#);
            world.reply(&Reply::json(&body));
        }
        let result = world.result(&caller).unwrap_or_default();
        assert!(result.starts_with("token "), "{caller} got {result:?}");
        world.advance(Duration::from_secs(seconds) / CALLS_A_LIFETIME);
    }
    world.requests()
}
