//! Whatever departs from the format is refused, with the place and the reason.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use oauth_testkit::scenario::Scenario;

#[test]
fn a_file_that_departs_from_the_format_is_refused_with_the_reason() {
    let cases = [
        ("", "EOF while parsing"),
        (r#"["x", "P1", {}, []]"#, "expected an object"),
        (r#"{"promise": "P1", "steps": []}"#, "missing field `name`"),
        (r#"{"name": "x", "steps": []}"#, "missing field `promise`"),
        (r#"{"name": "x", "promise": "P1"}"#, "missing field `steps`"),
        (
            r#"{"name": "x", "promise": "P1", "steps": [], "speed": 1}"#,
            "unknown field `speed`",
        ),
        (
            r#"{"name": "x", "name": "x", "promise": "P1", "steps": []}"#,
            "duplicate field `name`",
        ),
        (
            r#"{"name": "x", "promise": "P1", "steps": []} {}"#,
            "trailing characters",
        ),
        (
            r#"{"name": "y", "promise": "P1", "steps": []}"#,
            "the name is `y`, but the file is `x`",
        ),
        (
            r#"{"name": "x", "promise": "speed", "steps": []}"#,
            "`speed` is no promise",
        ),
    ];
    for (text, reason) in cases {
        refused(text, reason);
    }
    let shouted = Scenario::parse(
        Path::new("Shout.json"),
        r#"{"name": "Shout", "promise": "P1", "steps": []}"#,
    );
    assert!(shouted.unwrap_err().reason().contains("snake_case"));
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    let cases = [
        (r#"{"attempts": 0}"#, "attempts is 0"),
        (r#"{"attempts": 1.5}"#, "expected u32"),
        (r#"{"attempts": "3"}"#, "expected u32"),
        (r#"{"jitter": true}"#, "unknown field `jitter`"),
        (r#"{"refresh_margin": -1}"#, "-1 s is not between"),
        (r#"{"refresh_margin": 1e300}"#, "is not between"),
        (r#"{"acquire_timeout": 0}"#, "acquire_timeout is zero"),
        (r#"{"backoff_cap": 0.5}"#, "shorter than its base"),
        ("null", "invalid type: null"),
        ("[]", "expected an object"),
    ];
    for (policy, reason) in cases {
        let text = format!(r#"{{"name": "x", "promise": "P1", "policy": {policy}, "steps": []}}"#);
        refused(&text, reason);
    }
}

#[test]
fn a_step_that_is_none_is_refused_with_its_number() {
    let cases = [
        ("{}", "exactly one key, this has none"),
        (r#"{"advance": 1, "wall": 1}"#, "this has also `wall`"),
        (r#"{"advance": 1, "advance": 1}"#, "this has also `advance`"),
        (r#"{"dance": 1}"#, "unknown variant `dance`"),
        (r#""advance""#, "expected a step"),
        (r#"{"call": "a"}"#, "expected a sequence"),
        (r#"{"call": [1]}"#, "expected a string"),
        (r#"{"drop": {}}"#, "expected a sequence"),
        (r#"{"advance": "1"}"#, "expected f64"),
        (r#"{"advance": -1}"#, "-1 s is not between"),
        (r#"{"suspend": null}"#, "expected f64"),
        (r#"{"wall": 0.5}"#, "expected i64"),
        (r#"{"reject": 1}"#, "expected a string"),
        (r#"{"fail": "dns"}"#, "unknown variant `dns`"),
        (r#"{"reply": []}"#, "expected an object"),
        (r#"{"expect": []}"#, "expected an object"),
        (r#"{"reply": {"code": 1}}"#, "unknown field `code`"),
        (r#"{"reply": {"status": 99}}"#, "99 is no HTTP status"),
        (r#"{"reply": {"status": "200"}}"#, "expected u16"),
        (
            r#"{"reply": {"headers": {"a b": "c"}}}"#,
            "`a b` is no HTTP header",
        ),
        (r#"{"reply": {"headers": {"a": 1}}}"#, "expected a string"),
        (
            r#"{"reply": {"json": {}, "body": ""}}"#,
            "`json` or `body`, not both",
        ),
        (r#"{"reply": {"body": {}}}"#, "expected a string"),
        (r#"{"expect": {"speed": 1}}"#, "unknown field `speed`"),
        (r#"{"expect": {"requests": null}}"#, "expected u64"),
        (r#"{"expect": {"requests": -1}}"#, "expected u64"),
        (r#"{"expect": {"in_flight": true}}"#, "expected u64"),
        (r#"{"expect": {"waiting": "a"}}"#, "expected a sequence"),
        (r#"{"expect": {"ready": 1}}"#, "expected a string"),
        (r#"{"expect": {"results": {"a": 1}}}"#, "expected a string"),
        (
            r#"{"expect": {"results": {"a": "t1"}}}"#,
            "`t1` is no result",
        ),
    ];
    for (step, reason) in cases {
        refused(&with_step(step), reason);
        refused(&with_step(step), "step 2: ");
    }
}

#[test]
fn callers_are_named_once_and_known_before_they_are_spoken_of() {
    let cases = [
        (r#"{"call": ["a"]}"#, "`a` is used twice"),
        (r#"{"call": ["b", "b"]}"#, "`b` is used twice"),
        (r#"{"drop": ["b"]}"#, "nobody called `b` is there to drop"),
        (
            r#"{"expect": {"waiting": ["b"]}}"#,
            "nobody called `b` has called",
        ),
        (
            r#"{"expect": {"results": {"b": "token t1"}}}"#,
            "nobody called `b`",
        ),
    ];
    for (step, reason) in cases {
        refused(&with_step(step), reason);
    }
}

#[test]
fn a_step_that_is_not_possible_fails_the_scenario() {
    let cases = [
        (
            r#"{"reply": {}}, {"fail": "connect"}"#,
            "step 3: fail: no token request is unanswered",
        ),
        (
            r#"{"fail": "connect"}, {"reply": {}}"#,
            "step 3: reply: no token request is unanswered",
        ),
        (
            r#"{"reply": {}}, {"drop": ["a"]}"#,
            "step 3: drop: a does not wait",
        ),
        (
            r#"{"reject": "t1"}"#,
            "step 2: reject: t1 was never handed out",
        ),
        (
            r#"{"expect": {"requests": 1, "in_flight": 2}}"#,
            "step 2: in_flight: expected 2, found 1",
        ),
        (
            r#"{"expect": {"results": {"a": "token t1"}}}"#,
            r#"step 2: results: expected {"a":"token t1"}, found {"a":null}"#,
        ),
        (
            r#"{"expect": {"ready": "t1"}}"#,
            r#"step 2: ready: expected "t1", found null"#,
        ),
        (
            r#"{"expect": {"waiting": []}}"#,
            r#"step 2: waiting: expected [], found ["a"]"#,
        ),
    ];
    for (steps, failure) in cases {
        let scenario = Scenario::parse(Path::new("x.json"), &with_step(steps)).unwrap();
        assert_eq!(scenario.run().unwrap_err().to_string(), failure);
    }
}

fn with_step(step: &str) -> String {
    format!(r#"{{"name": "x", "promise": "P1", "steps": [{{"call": ["a"]}}, {step}]}}"#)
}

#[track_caller]
fn refused(text: &str, reason: &str) {
    let error = Scenario::parse(Path::new("folder/x.json"), text).unwrap_err();
    assert!(error.reason().contains(reason), "{text}: {error}");
    assert!(error.to_string().starts_with("folder/x.json: "));
}
