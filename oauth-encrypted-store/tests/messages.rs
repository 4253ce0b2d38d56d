//! Every error of this crate as its reader gets to see it. `INSTA_UPDATE=always` takes new texts over.

// Files, in the words of the system.
#![cfg(unix)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use oauth_encrypted_store::KeyRing;
use oauth_testkit::Messages;

/// 30 bytes, and no key.
const SHORT: &str = "dDBwLXMzY3JldCB0MHAtczNjcmV0IHQwcC1zM2Ny";

#[test]
fn p09_each_message_is_the_one_on_record_and_shows_no_secret() {
    let mut messages = Messages::new();
    messages.add_err("no text", KeyRing::parse(" \n"));
    messages.add_err("neither encoding", KeyRing::parse("t0p-s3cret!"));
    messages.add_err("another length", KeyRing::parse(SHORT));
    let second = format!("{},{SHORT}", "00".repeat(32));
    messages.add_err("the second of two", KeyRing::parse(&second));
    let unset = KeyRing::from_env("OAUTH_STORE_TEST_IS_NOT_SET");
    messages.add_err("a variable that is not set", unset);
    messages.add_err(
        "a file that is not there",
        KeyRing::from_file("/nonexistent/key"),
    );
    messages.add_err("a file that is empty", KeyRing::from_file("/dev/null"));
    messages.assert_free_of(&["t0p-s3cret", SHORT, &"00".repeat(32)]);
    insta::assert_snapshot!("encrypted_store", messages);
}
