//! What an assertion has to say, and when.

use std::time::Duration;

use oauth_testkit::{AssertionAudience, AssertionRules, ManualClock};
use serde_json::{Value, json};

use crate::jose::{now, with};
use crate::setup::{Setup, TYPE, body, refused};
use crate::support::{GRANT, Response, ask, form};

#[test]
fn the_type_has_to_be_exactly_right() {
    let setup = Setup::plain();
    let assertion = setup.sign(&setup.header(), &setup.claims());
    for wrong in [
        format!("client_assertion={assertion}"),
        format!("client_assertion={assertion}&client_assertion_type={TYPE}s"),
        format!("client_assertion={assertion}&client_assertion_type=jwt-bearer"),
    ] {
        let response = ask(&setup.server, form("", &format!("{GRANT}&{wrong}")));
        refused(&response, "client_assertion_type is not");
    }
    let without = form("", &format!("{GRANT}&client_assertion_type={TYPE}"));
    refused(&ask(&setup.server, without), "there is no client_assertion");
}

#[test]
fn what_is_no_jwt_is_refused() {
    let setup = Setup::plain();
    for (wrong, reason) in [
        ("nothing", "it has no parts"),
        ("e30.e30", "three parts"),
        ("e30.e30.e30.e30", "three parts"),
        ("e30!.e30.e30", "its header"),
        ("e30.W10.e30", "its claims"),
        ("e30.e30.e30%3D", "its signature"),
    ] {
        refused(&ask(&setup.server, form("", &body(wrong))), reason);
    }
}

#[test]
fn iss_and_sub_have_to_be_the_client() {
    let setup = Setup::plain();
    refused(&setup.ask_with(json!({ "iss": null })), "there is no iss");
    refused(&setup.ask_with(json!({ "sub": null })), "there is no sub");
    refused(&setup.ask_with(json!({ "sub": 7 })), "sub is not text");
    refused(&setup.ask_with(json!({ "iss": "else" })), "is not sub");
    let nobody = json!({ "iss": "nobody", "sub": "nobody" });
    refused(&setup.ask_with(nobody), "no client \"nobody\"");
}

#[test]
fn a_client_id_has_to_be_the_same() {
    let setup = Setup::plain();
    let right = format!(
        "{}&client_id=service",
        body(&setup.sign(&setup.header(), &setup.claims()))
    );
    ask(&setup.server, form("", &right)).token();
    let wrong = format!(
        "{}&client_id=else",
        body(&setup.sign(&setup.header(), &setup.claims()))
    );
    refused(
        &ask(&setup.server, form("", &wrong)),
        "client_id \"else\" is not sub",
    );
}

#[test]
fn the_audience_is_the_token_endpoint_or_the_issuer() {
    let setup = Setup::plain();
    let (endpoint, issuer) = (setup.server.token_url(), setup.server.issuer());
    setup.ask_with(json!({ "aud": issuer })).token();
    setup.ask_with(json!({ "aud": [endpoint, issuer] })).token();
    refused(&setup.ask_with(json!({ "aud": null })), "there is no aud");
    refused(&setup.ask_with(json!({ "aud": 1 })), "neither text nor");
    refused(&setup.ask_with(json!({ "aud": [] })), "neither text nor");
    refused(
        &setup.ask_with(json!({ "aud": "https://else.test" })),
        "is none of",
    );
    let one_of_two = json!({ "aud": [endpoint, "https://else.test"] });
    refused(&setup.ask_with(one_of_two), "is none of");
    let with_slash = json!({ "aud": format!("{endpoint}/") });
    refused(&setup.ask_with(with_slash), "is none of");
}

#[test]
fn the_audience_may_be_narrowed() {
    let rules = AssertionRules::new().audience(AssertionAudience::TokenEndpoint);
    let setup = Setup::new(|builder| builder.assertion_rules(rules.audience_as_text()));
    let (endpoint, issuer) = (setup.server.token_url(), setup.server.issuer());
    setup.ask_right().token();
    refused(&setup.ask_with(json!({ "aud": issuer })), "is none of");
    refused(
        &setup.ask_with(json!({ "aud": [endpoint] })),
        "aud is an array",
    );

    let rules = AssertionRules::new().audience(AssertionAudience::Issuer);
    let setup = Setup::new(|builder| builder.assertion_rules(rules));
    setup
        .ask_with(json!({ "aud": setup.server.issuer() }))
        .token();
    refused(&setup.ask_right(), "is none of");
}

/// Where a clock that is moved by hand begins.
const START: u64 = 1_750_000_000;

/// On a clock that stands, so that a second more or less is told apart.
fn at_start(rules: AssertionRules) -> Setup {
    Setup::new(|builder| builder.clock(ManualClock::new()).assertion_rules(rules))
}

/// The right assertion at [`START`], with these claims instead.
fn ask_at_start(setup: &Setup, changes: Value) -> Response {
    let right = json!({ "exp": START + 60, "iat": START });
    let claims = with(setup.claims(), right);
    setup.ask(&setup.header(), &with(claims, changes))
}

#[test]
fn exp_has_to_be_there_ahead_and_near() {
    let setup = at_start(AssertionRules::new());
    let ask = |exp: Value| ask_at_start(&setup, json!({ "exp": exp }));
    ask(json!(START + 300)).token();
    ask(json!(START + 1)).token();
    refused(&ask(Value::Null), "there is no exp");
    refused(&ask(json!("60")), "exp is not a number");
    refused(&ask(json!(START)), "has passed");
    refused(&ask(json!(START + 301)), "more than 300 s ahead");
    let strict = at_start(AssertionRules::new().max_lifetime(Duration::from_secs(60)));
    ask_at_start(&strict, json!({ "exp": START + 60 })).token();
    refused(
        &ask_at_start(&strict, json!({ "exp": START + 61 })),
        "more than 60 s ahead",
    );
}

#[test]
fn iat_and_nbf_may_not_be_in_the_future() {
    let setup = at_start(AssertionRules::new());
    let ask = |changes| ask_at_start(&setup, changes);
    ask(json!({ "iat": null, "nbf": START })).token();
    refused(&ask(json!({ "iat": START + 1 })), "iat");
    refused(&ask(json!({ "nbf": START + 1 })), "nbf");
    refused(&ask(json!({ "nbf": "now" })), "nbf is not a number");
}

#[test]
fn the_servers_clock_judges() {
    let clock = ManualClock::new();
    let setup = Setup::new(|builder| builder.clock(clock.clone()));
    let start = START;
    let claims = |iat: u64, exp: u64| json!({ "iat": iat, "exp": exp });
    setup.ask_with(claims(start, start + 60)).token();
    refused(
        &setup.ask_with(claims(start + 1, start + 60)),
        "is in the future",
    );
    clock.advance(Duration::from_secs(60));
    refused(&setup.ask_with(claims(start, start + 60)), "has passed");
    setup.ask_with(claims(start + 1, start + 61)).token();
}

#[test]
fn an_assertion_is_good_once() {
    let setup = Setup::plain();
    refused(&setup.ask_with(json!({ "jti": null })), "there is no jti");
    refused(&setup.ask_with(json!({ "jti": "" })), "jti is not text");
    let claims = setup.claims();
    // What is refused for another reason is not used up.
    refused(
        &setup.ask(&setup.header(), &with(claims.clone(), json!({ "exp": 1 }))),
        "has passed",
    );
    setup.ask(&setup.header(), &claims).token();
    refused(&setup.ask(&setup.header(), &claims), "was used before");
    let later = with(claims, json!({ "exp": now() + 100 }));
    refused(&setup.ask(&setup.header(), &later), "was used before");
}
