//! Every rule for adapters is broken by some adapter, which breaks no other: a rule that nothing can break proves
//! nothing.

use std::collections::BTreeSet;

use crate::honest_adapter::{Bug, Honest};
use crate::side_by_side::failing;
use oauth_testkit::conformance::adapter::{RULES, Rule, factory};

/// What is wrong, and all the rules that it breaks: the one it is about first.
const BROKEN: &[(Bug, &[&str])] = &[
    // Takes as long as all the others together, while a caller is waited for in vain.
    (Bug::WantsALongLife, &["p02_nobody_waits_for_a_renewal"]),
    (
        Bug::DoublesTheHeaderOfDelete,
        &["every_method_bears_the_token_once"],
    ),
    (
        Bug::DropsSecondValuesOfPost,
        &["the_request_is_sent_as_it_is"],
    ),
    (
        Bug::TokenIsNotSensitive,
        &["p09_the_token_is_marked_sensitive"],
    ),
    (
        Bug::ShowsHeadersUnclaimed,
        &["p09_the_token_is_marked_sensitive"],
    ),
    (Bug::ErrorQuotesTheRequest, &["p09_an_error_shows_no_token"]),
    (
        Bug::LogsTheRequest,
        &["p09_nothing_that_is_logged_shows_a_token"],
    ),
    (Bug::RefusesLongHeaders, &["a_token_of_8_kib_is_sent"]),
    (Bug::SendsWithoutToken, &["without_a_token_nothing_is_sent"]),
    (
        Bug::ReplacesBasicCredentials,
        &["the_callers_own_authorization_is_kept"],
    ),
    (
        Bug::RejectsForOwnCredentials,
        &["p07_a_401_to_the_callers_own_authorization_is_not_healed"],
    ),
    (
        Bug::HealsWithTheOldTokenAtItsSecondRequest,
        &[
            "p07_a_401_invalid_token_is_healed",
            "p09_the_token_is_marked_sensitive",
        ],
    ),
    (
        Bug::NeverHeals,
        &[
            "p07_a_401_invalid_token_is_healed",
            // All of these have a 401 healed on their way.
            "p07_a_second_401_is_the_callers",
            "every_challenge_of_a_401_is_read",
            "a_repeatable_body_is_sent_again_byte_for_byte",
            "a_streaming_body_is_not_sent_again",
            "a_head_request_has_no_body",
            "a_server_of_http_1_0_is_understood",
            "if_no_new_token_comes_the_401_is_the_callers",
            "p07_fifty_401s_of_one_token_cause_one_renewal",
            "p09_nothing_that_is_logged_shows_a_token",
            "p09_the_token_is_marked_sensitive",
        ],
    ),
    (Bug::HidesTheResend, &["p07_a_401_invalid_token_is_healed"]),
    (
        Bug::HidesWhyNotResent,
        &["if_no_new_token_comes_the_401_is_the_callers"],
    ),
    (Bug::HealsTwice, &["p07_a_second_401_is_the_callers"]),
    (
        Bug::ReadsOneChallenge,
        &["every_challenge_of_a_401_is_read"],
    ),
    (Bug::HealsBare401, &["p07_a_bare_401_is_not_healed"]),
    (
        Bug::Heals403,
        &["p07_a_403_insufficient_scope_is_left_alone"],
    ),
    (
        Bug::ResendsNoBody,
        &["a_repeatable_body_is_sent_again_byte_for_byte"],
    ),
    (
        Bug::ResendsStreamWithoutBody,
        &["a_streaming_body_is_not_sent_again"],
    ),
    (Bug::FailsOnStream, &["a_streaming_body_is_not_sent_again"]),
    (
        Bug::StreamsUnclaimed,
        &["a_streaming_body_is_not_sent_again"],
    ),
    (
        Bug::TokenErrorHidesThe401,
        &["if_no_new_token_comes_the_401_is_the_callers"],
    ),
    (
        Bug::TakesAnyPort,
        &["p10_a_request_to_a_foreign_origin_is_not_sent"],
    ),
    (
        Bug::AsksForATokenFirst,
        &[
            "p10_a_request_to_a_foreign_origin_is_not_sent",
            // These are not asked for a token either.
            "p10_user_information_in_a_url_keeps_the_token_away",
            "the_callers_own_authorization_is_kept",
        ],
    ),
    (
        Bug::StripsUserInformation,
        &["p10_user_information_in_a_url_keeps_the_token_away"],
    ),
    (
        Bug::DropsTokenOnRedirect,
        &["a_redirect_within_the_origin_keeps_the_token"],
    ),
    (
        Bug::KeepsTokenOnRedirect,
        &["p10_a_redirect_to_another_origin_drops_the_token"],
    ),
    (
        Bug::FollowsUnclaimed,
        &[
            "a_redirect_within_the_origin_keeps_the_token",
            // Each of these holds it to its claim.
            "p10_a_redirect_to_another_origin_drops_the_token",
            "p07_a_401_of_another_origin_is_not_believed",
            "p07_a_redirect_there_and_back_gets_no_good_token_rejected",
        ],
    ),
    (
        Bug::BelievesOtherOrigins,
        &["p07_a_401_of_another_origin_is_not_believed"],
    ),
    (
        Bug::FollowsBack,
        &["p07_a_redirect_there_and_back_gets_no_good_token_rejected"],
    ),
    (Bug::CapsBodies, &["a_body_of_4_mib_arrives_whole"]),
    (
        Bug::CapsErrorBodies,
        &["the_body_of_an_error_arrives_whole"],
    ),
    (Bug::LeavesGzip, &["gzip_is_decoded_or_left_alone"]),
    (
        Bug::DecodesGzipUnclaimed,
        &["gzip_is_decoded_or_left_alone"],
    ),
    (Bug::RefusesLongHeads, &["headers_of_16_kib_arrive"]),
    (Bug::ResendsNoHead, &["a_head_request_has_no_body"]),
    (
        Bug::WantsContentLength,
        &["a_server_of_http_1_0_is_understood"],
    ),
    (
        Bug::TrustsIdleConnections,
        &["a_connection_that_was_closed_while_idle_is_not_missed"],
    ),
    (Bug::WaitsForTheFirstByte, &["a_slow_answer_times_out"]),
    (Bug::LimitsEachRead, &["a_slow_body_times_out"]),
    (Bug::RejectsAfterReset, &["a_reset_is_a_transport_failure"]),
    (
        Bug::AcceptsTruncation,
        &["a_truncated_body_is_a_transport_failure"],
    ),
    (
        Bug::ContendersAskTwice,
        &["p04_a_cold_herd_makes_one_token_request"],
    ),
    (
        Bug::RejectsTheTokenInHand,
        &["p07_fifty_401s_of_one_token_cause_one_renewal"],
    ),
];

#[test]
fn every_rule_is_broken_by_an_adapter_that_is_broken_for_it() {
    let jobs: Vec<(Bug, &Rule)> = BROKEN
        .iter()
        .flat_map(|(bug, _)| RULES.iter().map(|rule| (*bug, rule)))
        .collect();
    let failures: BTreeSet<_> = failing(&jobs, |(bug, rule)| {
        (rule.check)(&factory(Honest::broken(*bug)));
    })
    .into_iter()
    .map(|(bug, rule)| (format!("{bug:?}"), rule.name))
    .collect();

    let expected: BTreeSet<_> = BROKEN
        .iter()
        .flat_map(|(bug, rules)| rules.iter().map(move |rule| (format!("{bug:?}"), *rule)))
        .collect();
    let missed: Vec<_> = expected.difference(&failures).collect();
    let beside: Vec<_> = failures.difference(&expected).collect();
    assert!(
        missed.is_empty() && beside.is_empty(),
        "passed, and should not: {missed:#?}\nfailed, and should not: {beside:#?}"
    );
    let alone = BROKEN.iter().filter(|(_, rules)| rules.len() == 1);
    let broken: BTreeSet<_> = alone.map(|(_, rules)| rules[0]).collect();
    let rules: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(
        broken, rules,
        "each rule has an adapter that breaks it and no other"
    );
}
