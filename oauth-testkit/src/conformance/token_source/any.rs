//! The rules for any source.

use super::Factory;

/// At the first call, and again. A token that says when it dies is not dead.
pub fn a_token_can_be_had_and_used(make: &Factory<'_>) {
    let under_test = make();
    for _ in 0..2 {
        let token = under_test.token();
        let token = token.unwrap_or_else(|error| panic!("there is no token: {error:#}"));
        let dead = token.lifetime().is_some_and(|lifetime| lifetime.is_zero());
        assert!(!dead, "the token is dead");
    }
}

/// Both show the token in hand, and `with_ready` shows it once; or neither does.
pub fn ready_and_with_ready_agree(make: &Factory<'_>) {
    let under_test = make();
    for _ in 0..2 {
        let ready = under_test.ready_secret();
        let mut looks = Vec::new();
        let shown = under_test
            .source
            .with_ready(&mut |token| looks.push(token.secret().to_owned()));
        assert_eq!(
            shown,
            !looks.is_empty(),
            "with_ready tells whether it showed a token"
        );
        assert!(
            looks.len() <= 1,
            "with_ready shows a token {} times",
            looks.len()
        );
        assert_eq!(looks.pop(), ready, "with_ready and ready show the same");
        let _ = under_test.token();
    }
}

/// It is the business of [`token`](oauth_core::TokenSource::token) to get another.
pub fn p07_a_rejected_token_is_not_ready(make: &Factory<'_>) {
    let under_test = make();
    let Ok(token) = under_test.token() else {
        return;
    };
    under_test.source.reject(&token);
    let ready = under_test.ready_secret();
    assert!(
        ready.as_deref() != Some(token.secret()),
        "the rejected token is ready"
    );
}

/// The next one is none the worse for it.
pub fn p05_a_call_can_be_dropped(make: &Factory<'_>) {
    let under_test = make();
    for _ in 0..3 {
        let _ = under_test.glance();
    }
    let after = under_test.token();
    assert!(
        after.is_ok(),
        "after calls that were dropped there is no token: {after:?}"
    );
}
