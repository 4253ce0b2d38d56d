//! Records of tokens: what is written is read again, and nothing else is.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oauth_core::{AccessToken, InvalidRecord, Scopes, StoredToken, TokenType};
use proptest::prelude::*;
use serde_json::json;

fn moment(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

prop_compose! {
    fn stored()(
        secret in "[!-~]{1,40}",
        is_dpop in any::<bool>(),
        scopes in proptest::option::of("[a-z:]{1,5}( [a-z:]{1,5}){0,2}"),
        lifetime in proptest::option::of(0u64..1 << 40),
        refresh_in in proptest::option::of(1u64..1 << 40),
        extra in proptest::option::of(".{0,20}"),
        requested_at in 0u64..1 << 41,
        expires_at in 0u64..1 << 41,
        fencing: u64,
    ) -> StoredToken {
        let mut token = AccessToken::builder(secret);
        if is_dpop {
            token = token.token_type(TokenType::Dpop);
        }
        if let Some(scopes) = scopes {
            token = token.scopes(scopes.parse::<Scopes>().unwrap());
        }
        if let Some(lifetime) = lifetime {
            token = token.expires_in(Duration::from_millis(lifetime));
        }
        if let Some(refresh_in) = refresh_in {
            token = token.refresh_in(Duration::from_millis(refresh_in));
        }
        if let Some(extra) = extra {
            token = token.extra("extra", json!({ "nested": [extra, 1, null] }));
        }
        let token = token.build().unwrap();
        StoredToken::new(token, moment(requested_at), moment(expires_at)).with_fencing(fencing)
    }
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(stored in stored()) {
        let same = StoredToken::decode(&stored.encode()).unwrap();
        prop_assert_eq!(same.token().secret(), stored.token().secret());
        prop_assert_eq!(same.token().token_type(), stored.token().token_type());
        prop_assert_eq!(same.token().scopes(), stored.token().scopes());
        prop_assert_eq!(same.token().lifetime(), stored.token().lifetime());
        prop_assert_eq!(same.token().refresh_in(), stored.token().refresh_in());
        prop_assert_eq!(same.token().extra("extra"), stored.token().extra("extra"));
        prop_assert_eq!(same.requested_at(), stored.requested_at());
        prop_assert_eq!(same.expires_at(), stored.expires_at());
        prop_assert_eq!(same.fencing(), stored.fencing());
    }

    #[test]
    fn p08_a_record_cut_anywhere_is_damaged(stored in stored(), at in any::<prop::sample::Index>()) {
        let record = stored.encode();
        let cut = &record[..at.index(record.len())];
        prop_assert_eq!(StoredToken::decode(cut).unwrap_err(), InvalidRecord::Damaged);
    }

    #[test]
    fn p08_any_bytes_have_an_outcome(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = StoredToken::decode(&bytes);
    }

    #[test]
    fn p01_no_wall_clock_makes_a_life_longer_than_it_was(stored in stored(), wall in 0u64..1 << 41) {
        let left = stored.remaining_life(moment(wall));
        prop_assert!(left <= stored.lifetime());
        prop_assert!(moment(wall) + left <= stored.expires_at().max(moment(wall)));
    }
}

#[test]
fn a_record_of_a_version_to_come_is_known_as_one() {
    let record = br#"{"version": 2, "whatever": true}"#;
    assert_eq!(
        StoredToken::decode(record).unwrap_err(),
        InvalidRecord::Version(2)
    );
}

#[test]
fn a_record_that_lacks_something_or_holds_nonsense_is_damaged() {
    let token = AccessToken::builder("secret").build().unwrap();
    let record = StoredToken::new(token, moment(1), moment(2)).encode();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    for (member, value) in [
        ("access_token", json!("two words")),
        ("access_token", json!(null)),
        ("token_type", json!("mac")),
        ("scope", json!("quo\"te")),
        ("requested_at_ms", json!(-1)),
        ("expires_at_ms", json!("soon")),
        ("fencing", json!(null)),
        ("extra", json!([])),
        ("version", json!("1")),
    ] {
        let mut broken = record.clone();
        broken[member] = value;
        let outcome = StoredToken::decode(broken.to_string().as_bytes());
        assert_eq!(outcome.unwrap_err(), InvalidRecord::Damaged, "{member}");
    }
}
