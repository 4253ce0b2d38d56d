//! Each rule for HTTP clients finds the one that breaks it.

use std::sync::RwLock;

use crate::bare_http_client::{Bare, Flaw};
use crate::rules::each_finds_what_breaks_it;
use futures_executor::block_on;

const LOGGED: &str = "p09_nothing_that_is_logged_shows_credentials";

/// What one client logs is heard by all who listen at the time: those write, as it were.
static LOG: RwLock<()> = RwLock::new(());

type Check = (&'static str, Box<dyn Fn()>);

fn checks(flaw: Flaw) -> Vec<Check> {
    Vec::from(oauth_testkit::http_client_conformance! {
        @checks
        client: move |limit| Bare::new(flaw, limit),
        block_on: block_on,
    })
}

#[test]
fn without_a_flaw_the_bare_client_keeps_the_rules() {
    for (rule, check) in checks(Flaw::None) {
        let _listens = (rule == LOGGED).then(|| LOG.write());
        check();
    }
}

#[test]
fn each_rule_finds_the_client_that_breaks_it() {
    let flaws = [
        ("sends_the_request_as_it_is", Flaw::DropsHeaders),
        ("any_status_is_a_response", Flaw::StatusIsAnError),
        ("p10_follows_no_redirect", Flaw::FollowsRedirects),
        ("keeps_no_cookies", Flaw::KeepsCookies),
        (
            "p08_reads_one_byte_too_many_of_a_body_that_is_too_long",
            Flaw::ReadsTooMuch,
        ),
        (
            "a_refused_connection_is_a_connect_error",
            Flaw::RefusalIsTransport,
        ),
        ("a_reset_is_a_transport_error", Flaw::ResetIsConnect),
        (
            "a_truncated_body_is_a_transport_error",
            Flaw::TruncatedIsFine,
        ),
        ("garbage_is_a_transport_error", Flaw::GarbageIsUnusable),
        (
            "an_answer_in_http_1_0_is_read_to_its_end",
            Flaw::KnowsOneVersion,
        ),
        ("a_body_in_chunks_is_put_together", Flaw::KnowsNoChunks),
        (
            "a_connection_that_the_server_has_closed_is_given_up",
            Flaw::ClingsToConnections,
        ),
        ("a_server_that_hangs_is_a_timeout", Flaw::HangIsTransport),
        ("a_body_that_drips_is_a_timeout", Flaw::LimitsEachRead),
        (
            "p05_a_request_given_up_does_not_disturb_the_next",
            Flaw::StaysBusy,
        ),
        ("an_error_shows_no_credentials", Flaw::TellsEverything),
        (LOGGED, Flaw::LogsEverything),
    ];
    let names: Vec<_> = checks(Flaw::None).iter().map(|(name, _)| *name).collect();
    each_finds_what_breaks_it(&names, &flaws, |rule, flaw| {
        let _listens = (rule == LOGGED).then(|| LOG.write());
        let _is_heard = (rule != LOGGED && *flaw == Flaw::LogsEverything).then(|| LOG.read());
        let checks = checks(*flaw);
        let (_, check) = checks.iter().find(|(name, _)| *name == rule).unwrap();
        check();
    });
}
