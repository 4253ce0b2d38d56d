//! What contradicts itself is refused before the server starts.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::ErrorKind;
use std::thread;

use oauth_testkit::{FakeTokenServer, FakeTokenServerBuilder, Gate, Reply};
use support::{ask, good};

#[track_caller]
fn refused(builder: FakeTokenServerBuilder, told: &str) {
    let error = builder.start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains(told), "{error}");
}

#[test]
fn a_client_is_public_or_has_something_to_prove() {
    let both = FakeTokenServer::builder().client("app", "secret");
    refused(
        both.public_client("app"),
        "\"app\" is public, and has a secret",
    );
    let each = FakeTokenServer::builder().client("app", "secret");
    drop(each.public_client("other").start().unwrap());
}

#[cfg(feature = "tls")]
#[test]
fn a_public_client_shows_no_certificate_either() {
    use oauth_testkit::CertificateSubject;
    let by_certificate =
        FakeTokenServer::builder().tls_client("app", CertificateSubject::Dn("CN=app".to_owned()));
    refused(by_certificate.public_client("app"), "\"app\" is public");
}

#[test]
fn the_path_of_an_issuer_begins_with_a_slash_and_ends_without() {
    for wrong in ["tenant", "/tenant/", "/"] {
        let builder = FakeTokenServer::builder().issuer_path(wrong);
        refused(builder, "has to begin with a slash");
    }
    let right = FakeTokenServer::builder().issuer_path("/tenant");
    assert!(right.start().unwrap().issuer().ends_with("/tenant"));
}

#[test]
fn callers_at_once_get_the_same_token_if_that_is_what_the_server_gives() {
    let server = FakeTokenServer::builder()
        .same_token_while_live()
        .start()
        .unwrap();
    let gate = Gate::new();
    server.always_token_reply(Reply::usual().gated(&gate));
    thread::scope(|scope| {
        let callers: Vec<_> = (0..30)
            .map(|_| scope.spawn(|| ask(&server, good()).token()))
            .collect();
        server.await_token_requests(30);
        gate.open();
        callers
            .into_iter()
            .for_each(|caller| drop(caller.join().unwrap()));
    });
    assert_eq!(server.issued(), 1);
}
