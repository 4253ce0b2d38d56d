//! The rules about tokens.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use oauth_core::{AccessToken, Scopes, StoredToken, TokenStore, TokenType};
use serde_json::json;

use super::super::drive::left_out;
use super::{Factory, Handle, MINUTE, NOW, StoreUnderTest, built, is_shared, key};

/// The token with its type, scopes, times, these to the second, and whatever else the server said of it.
pub fn what_is_saved_is_loaded(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = keeps(&under_test, "what_is_saved_is_loaded") else {
        return;
    };
    let scopes = Scopes::new(["read", "https://api.example.com/.default"]);
    let token = AccessToken::builder(r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~0aZ"##)
        .token_type(TokenType::Dpop)
        .expires_in(Duration::from_secs(3600))
        .refresh_in(Duration::from_secs(1800))
        .scopes(scopes.expect("these are scopes"))
        .extra("tenant", json!("a"))
        .extra("limits", json!({ "rate": [1, 2.5, null], "burst": true }));
    let now = under_test.clock.wall();
    let saved = StoredToken::new(built(token), now - MINUTE, now + Duration::from_secs(3540))
        .with_fencing(7);
    store.save(&key("a"), &saved);
    let loaded = store.load(&key("a")).expect("what was saved is there");
    let (saved_token, token) = (saved.token(), loaded.token());
    assert_eq!(token.secret(), saved_token.secret());
    assert_eq!(token.token_type(), saved_token.token_type());
    assert_eq!(token.scopes(), saved_token.scopes(), "the scopes");
    assert_eq!(token.lifetime(), saved_token.lifetime(), "the lifetime");
    assert_eq!(token.refresh_in(), saved_token.refresh_in(), "refresh_in");
    for name in ["tenant", "limits"] {
        let (extra, saved) = (token.extra(name), saved_token.extra(name));
        assert_eq!(extra, saved, "the field {name:?} of the response");
    }
    assert_eq!(loaded.fencing(), 7, "the fencing number");
    let second = Duration::from_secs(1);
    assert!(apart(loaded.requested_at(), saved.requested_at()) <= second);
    assert!(apart(loaded.expires_at(), saved.expires_at()) <= second);
}

/// Whatever the keys have in common.
pub fn p13_keys_share_nothing(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = keeps(&under_test, "p13_keys_share_nothing") else {
        return;
    };
    let tenants: Vec<String> = (0..300).map(|tenant| tenant.to_string()).collect();
    for tenant in &tenants {
        assert_eq!(store.secret(&key(tenant)), None, "nothing was saved there");
        store.save(&key(tenant), &under_test.token(tenant, NOW));
    }
    for tenant in &tenants {
        assert_eq!(store.secret(&key(tenant)).as_deref(), Some(tenant.as_str()));
    }
}

/// One requested at the same time is replaced, too.
pub fn a_save_replaces_an_older_token(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = keeps(&under_test, "a_save_replaces_an_older_token") else {
        return;
    };
    store.save(&key("a"), &under_test.token("old", MINUTE));
    store.save(&key("a"), &under_test.token("new", NOW));
    assert_eq!(store.secret(&key("a")).as_deref(), Some("new"));
    let first = under_test.token("first", NOW);
    let requested = first.requested_at();
    let second = under_test.token("second", NOW);
    let second = StoredToken::new(second.token().clone(), requested, second.expires_at());
    store.save(&key("b"), &first);
    store.save(&key("b"), &second);
    assert_eq!(store.secret(&key("b")).as_deref(), Some("second"));
}

/// Of tokens with one fencing number, the moment of the request decides, not that of the write.
pub fn a_late_save_never_replaces_a_newer_token(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = keeps(&under_test, "a_late_save_never_replaces_a_newer_token") else {
        return;
    };
    store.save(&key("a"), &under_test.token("new", NOW));
    store.save(&key("a"), &under_test.token("old", MINUTE));
    assert_eq!(store.secret(&key("a")).as_deref(), Some("new"));
}

/// A late holder of a lease may have a clock that runs ahead, and so may one without a lease.
pub fn p12_the_fencing_number_counts_more_than_what_clocks_say(make: &Factory<'_>) {
    let under_test = make();
    let rule = "p12_the_fencing_number_counts_more_than_what_clocks_say";
    let Some(store) = keeps(&under_test, rule) else {
        return;
    };
    let present = under_test.token("present", MINUTE).with_fencing(2);
    store.save(&key("a"), &present);
    store.save(&key("a"), &under_test.token("unleased", NOW));
    store.save(&key("a"), &under_test.token("late", NOW).with_fencing(1));
    assert_eq!(store.secret(&key("a")).as_deref(), Some("present"));
}

/// For every handle, and only under its key.
pub fn p07_a_removed_token_is_gone(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = keeps(&under_test, "p07_a_removed_token_is_gone") else {
        return;
    };
    let token = under_test.token("rejected", NOW);
    store.save(&key("a"), &token);
    store.save(&key("b"), &token);
    store.remove(&key("a"), &token);
    assert_eq!(store.secret(&key("a")), None);
    assert_eq!(store.secret(&key("b")).as_deref(), Some("rejected"));
}

/// A late rejection does not take away the token that came after.
pub fn p07_only_the_token_given_is_removed(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = keeps(&under_test, "p07_only_the_token_given_is_removed") else {
        return;
    };
    store.save(&key("a"), &under_test.token("new", NOW));
    store.remove(&key("a"), &under_test.token("old", MINUTE));
    assert_eq!(store.secret(&key("a")).as_deref(), Some("new"));
}

/// Somebody else was faster.
pub fn removing_what_is_not_there_is_no_error(make: &Factory<'_>) {
    let under_test = make();
    let store = under_test.handle();
    store.remove(&key("a"), &under_test.token("gone", NOW));
}

/// Unless the store claims otherwise.
pub fn p01_an_expired_token_is_not_given_back(make: &Factory<'_>) {
    let under_test = make();
    let store = under_test.handle();
    if !under_test.capabilities.drops_expired {
        let why = "the store gives back expired tokens";
        return left_out("p01_an_expired_token_is_not_given_back", why);
    }
    let span = under_test.span();
    store.save(&key("a"), &under_test.token_until("short", NOW, span));
    under_test.pass(span);
    assert_eq!(store.secret(&key("a")), None, "it has expired");
}

/// Dropping the future leaves the old token or the new one.
pub fn p05_a_dropped_save_leaves_a_whole_token(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = keeps(&under_test, "p05_a_dropped_save_leaves_a_whole_token") else {
        return;
    };
    let (key, new) = (key("a"), under_test.token("new", NOW));
    store.save(&key, &under_test.token("old", MINUTE));
    for polls in 1..10 {
        let ended = under_test.drive(async {
            let mut saving = pin!(store.store.save(&key, &new));
            let mut left = polls;
            poll_fn(|context| match saving.as_mut().poll(context) {
                Poll::Ready(_) => Poll::Ready(true),
                Poll::Pending => {
                    left -= 1;
                    if left == 0 {
                        return Poll::Ready(false);
                    }
                    Poll::Pending
                }
            })
            .await
        });
        let secret = store.secret(&key);
        let whole = matches!(secret.as_deref(), Some("old" | "new"));
        assert!(
            whole,
            "the store has lost its token, dropped at poll {polls}"
        );
        if ended {
            return;
        }
    }
}

/// As processes that share a store do.
pub fn every_handle_sees_the_same_tokens(make: &Factory<'_>) {
    let under_test = make();
    let rule = "every_handle_sees_the_same_tokens";
    let (Some(one), true) = (keeps(&under_test, rule), is_shared(&under_test, rule)) else {
        return;
    };
    one.save(&key("a"), &under_test.token("shared", NOW));
    let other = under_test.handle();
    assert_eq!(other.secret(&key("a")).as_deref(), Some("shared"));
}

pub(super) fn keeps<'a>(under_test: &'a StoreUnderTest, rule: &str) -> Option<Handle<'a>> {
    if !under_test.capabilities.keeps_tokens {
        left_out(rule, "the store forgets tokens");
        return None;
    }
    Some(under_test.handle())
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other)
        .unwrap_or_else(|error| error.duration())
}
