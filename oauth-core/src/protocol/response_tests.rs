use super::*;
use crate::oauth_error::OAuthErrorCode;
use proptest::prelude::*;

const SENT: Instant = Instant::ORIGIN;

fn read_parts(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<AccessToken, Error> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let response = response.body(Bytes::copy_from_slice(body)).unwrap();
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 90);
    read(
        &response,
        &Context {
            endpoint: "token endpoint",
            sent: SENT,
            wall,
            secrets: &["hunter2/+", "hunter2%2F%2B", "bWU6aHVudGVyMg"]
                .map(|secret| Zeroizing::new(secret.to_owned())),
        },
    )
}

fn read_with_secret(secret: &str, body: &str) -> Result<AccessToken, Error> {
    let response = Response::builder().status(401);
    let response = response.body(Bytes::copy_from_slice(body.as_bytes()));
    let context = Context {
        endpoint: "token endpoint",
        sent: SENT,
        wall: SystemTime::UNIX_EPOCH,
        secrets: &[Zeroizing::new(secret.to_owned())],
    };
    read(&response.unwrap(), &context)
}

fn ok(body: &str) -> AccessToken {
    read_parts(200, &[], body.as_bytes()).unwrap()
}

fn err(status: u16, body: &str) -> Error {
    read_parts(status, &[("content-type", "text/html")], body.as_bytes()).unwrap_err()
}

fn lifetime(expires_in: &str) -> Option<u64> {
    let body = format!(r#"{{"access_token":"t","token_type":"Bearer","expires_in":{expires_in}}}"#);
    ok(&body).lifetime().map(|lifetime| lifetime.as_secs())
}

#[test]
fn p08_a_full_response_is_read() {
    let token = ok(
        r#"{"access_token":"t1","token_type":"Bearer","expires_in":3600,"refresh_in":1800,
            "scope":"a b","refresh_token":"never","tenant":"x","big":1e999}"#,
    );
    assert_eq!(token.secret(), "t1");
    assert_eq!(token.lifetime(), Some(Duration::from_secs(3600)));
    assert_eq!(token.refresh_in(), Some(Duration::from_secs(1800)));
    assert_eq!(token.scopes().unwrap().as_str(), "a b");
    assert_eq!(token.requested_at(), Some(SENT));
    assert_eq!(token.extra("tenant").unwrap(), "x");
    assert_eq!(token.extra("refresh_token"), None, "RFC 6749 §4.4.3");
    assert_eq!(token.extra("big"), None);
}

#[test]
fn p08_token_types_in_any_case() {
    for (text, wanted) in [
        (r#","token_type":"bearer""#, TokenType::Bearer),
        (r#","token_type":"BEARER""#, TokenType::Bearer),
        (r#","token_type":"dpop""#, TokenType::Dpop),
        (r#","token_type":null"#, TokenType::Bearer),
        ("", TokenType::Bearer),
    ] {
        assert_eq!(
            ok(&format!(r#"{{"access_token":"t"{text}}}"#)).token_type(),
            wanted,
            "{text}"
        );
    }
    for unknown in [r#""mac""#, r#""""#, "7", "[]"] {
        let body = format!(r#"{{"access_token":"t","token_type":{unknown}}}"#);
        assert_eq!(
            err(200, &body).kind(),
            ErrorKind::UnsupportedTokenType,
            "{unknown}"
        );
    }
}

#[test]
fn p09_an_unknown_token_type_is_told_by_its_name_only_if_that_is_registered() {
    let message = |token_type: &str| {
        let body = format!(r#"{{"access_token":"t0ken","token_type":"{token_type}"}}"#);
        err(200, &body).to_string()
    };
    assert!(message("MAC").contains(r#"the type "mac""#));
    // The members may have been swapped.
    for secret in ["2YotnFZFEjr1zCsicMWpAA", "t0ken", ""] {
        let message = message(secret);
        assert!(message.contains("that nobody registered"), "{message}");
        assert!(secret.is_empty() || !message.contains(secret), "{message}");
    }
}

#[test]
fn p08_expires_in_whatever_it_looks_like() {
    for (text, wanted) in [
        ("3600", Some(3600)),
        (r#""3600""#, Some(3600)),
        (r#"" 3600 ""#, Some(3600)),
        ("3599.9", Some(3599)),
        (r#""60.5""#, Some(60)),
        ("0", Some(0)),
        ("-5", Some(0)),
        ("null", None),
        (r#""soon""#, None),
        (r#""NaN""#, None),
        (r#""inf""#, None),
        (r#""""#, None),
        ("true", None),
        ("{}", None),
        ("9223372036854775807", Some(315_360_000)),
        ("1e400", Some(315_360_000)),
        (r#""99999999999999999999999999""#, Some(315_360_000)),
    ] {
        assert_eq!(lifetime(text), wanted, "{text}");
    }
    assert_eq!(ok(r#"{"access_token":"t"}"#).lifetime(), None);
}

#[test]
fn p08_refresh_in_is_read_alike_and_zero_is_no_advice() {
    let refresh_in =
        |text: &str| ok(&format!(r#"{{"access_token":"t","refresh_in":{text}}}"#)).refresh_in();
    assert_eq!(refresh_in(r#""900""#), Some(Duration::from_secs(900)));
    assert_eq!(refresh_in("0"), None);
    assert_eq!(refresh_in("[]"), None);
}

#[test]
fn p08_scope_as_string_or_array() {
    let granted = |text: &str| {
        let token = ok(&format!(r#"{{"access_token":"t","scope":{text}}}"#));
        token.scopes().map(|scopes| scopes.as_str().to_owned())
    };
    assert_eq!(granted(r#""a b""#).as_deref(), Some("a b"));
    assert_eq!(granted(r#"["a","b"]"#).as_deref(), Some("a b"));
    assert_eq!(granted(r#""""#).as_deref(), Some(""));
    for ignored in ["7", "null", r#"["a",7]"#, r#""a\"b""#] {
        assert_eq!(granted(ignored), None, "{ignored}");
    }
}

#[test]
fn p08_an_access_token_must_fit_into_a_header() {
    assert_eq!(ok(r#"{"access_token":"a~!{}\"\\"}"#).secret(), r#"a~!{}"\"#);
    for bad in [
        r#""""#,
        "null",
        "7",
        r#""a b""#,
        r#""a\r\nX: y""#,
        r#""é""#,
        r#""a\u0000""#,
    ] {
        let error = err(200, &format!(r#"{{"access_token":{bad}}}"#));
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{bad}");
    }
    assert_eq!(err(200, "{}").kind(), ErrorKind::MalformedResponse);
}

#[test]
fn p08_an_error_in_a_200_is_the_oauth_error_it_is() {
    let error = err(200, r#"{"error":"invalid_grant","access_token":""}"#);
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(
        *error.oauth_error().unwrap().code(),
        OAuthErrorCode::InvalidGrant
    );
}

#[test]
fn p08_other_success_codes_count_if_they_bring_a_token() {
    assert!(read_parts(201, &[], br#"{"access_token":"t"}"#).is_ok());
    assert_eq!(err(204, "").kind(), ErrorKind::MalformedResponse);
}

#[test]
fn p08_the_error_body_of_a_400_is_kept() {
    let error = err(
        400,
        r#"{"error":"invalid_scope","error_description":"no \u001bsuch scope","error_uri":"https://e"}"#,
    );
    let oauth_error = error.oauth_error().unwrap();
    assert_eq!(*oauth_error.code(), OAuthErrorCode::InvalidScope);
    assert_eq!(oauth_error.description(), Some("no \u{fffd}such scope"));
    assert_eq!(oauth_error.uri(), Some("https://e"));
    assert_eq!(error.status(), Some(StatusCode::BAD_REQUEST));
    assert!(!error.is_retryable());
    assert!(
        error
            .to_string()
            .contains("invalid_scope (no \u{fffd}such scope)"),
        "{error}"
    );
}

#[test]
fn p08_an_error_may_stand_in_a_challenge_with_an_empty_body() {
    let headers = [
        ("www-authenticate", "Basic realm=\"x\""),
        (
            "www-authenticate",
            r#"Bearer error="invalid_client", error_description="no hunter2/+ here""#,
        ),
    ];
    for (status, body) in [(401, ""), (401, "<html>"), (401, "{}")] {
        let error = read_parts(status, &headers, body.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let oauth_error = error.oauth_error().unwrap();
        assert_eq!(*oauth_error.code(), OAuthErrorCode::InvalidClient);
        assert_eq!(oauth_error.description(), Some("no [redacted] here"));
    }
    let body = br#"{"error":"invalid_scope"}"#;
    let error = read_parts(400, &headers, body).unwrap_err();
    assert_eq!(
        *error.oauth_error().unwrap().code(),
        OAuthErrorCode::InvalidScope,
        "the body comes first"
    );
}

#[test]
fn p09_a_secret_that_is_part_of_a_registered_code_does_not_hide_it() {
    let refused = |code: &str| {
        let body = format!(r#"{{"error":"{code}","error_description":"the client is unknown"}}"#);
        let error = read_with_secret("client", &body).unwrap_err();
        error.oauth_error().unwrap().clone()
    };
    let error = refused("invalid_client");
    assert_eq!(*error.code(), OAuthErrorCode::InvalidClient);
    assert_eq!(error.description(), Some("the [redacted] is unknown"));
    assert_eq!(refused("client_gone").code().as_str(), "[redacted]_gone");
}

#[test]
fn p08_members_that_nobody_defined_take_little_memory() {
    let nested = "[{}],".repeat(20_000);
    let body = format!(r#"{{"access_token":"t","a":1,"b":[{nested}[]],"c":"after it"}}"#);
    let token = ok(&body);
    assert_eq!(token.extra("a").unwrap(), 1);
    assert_eq!(token.extra("b"), None, "100 KB");
    assert_eq!(token.extra("c").unwrap(), "after it");
}

#[test]
fn p08_statuses_without_an_oauth_error() {
    for (status, kind) in [
        (307, ErrorKind::MalformedResponse),
        (400, ErrorKind::Refused),
        (401, ErrorKind::Refused),
        (403, ErrorKind::Refused),
        (404, ErrorKind::Refused),
        (408, ErrorKind::ServerUnavailable),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::ServerUnavailable),
        (503, ErrorKind::ServerUnavailable),
    ] {
        for body in [
            "",
            "<html>secret page</html>",
            "[]",
            r#"{"error":{"code":1}}"#,
        ] {
            let error = err(status, body);
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert_eq!(error.oauth_error(), None);
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert!(!format!("{error} {error:?}").contains("secret page"));
        }
    }
}

#[test]
fn p06_a_server_out_of_order_may_say_so_in_oauth_too() {
    let error = err(503, r#"{"error":"temporarily_unavailable"}"#);
    assert_eq!(error.kind(), ErrorKind::ServerUnavailable);
    assert_eq!(
        *error.oauth_error().unwrap().code(),
        OAuthErrorCode::TemporarilyUnavailable
    );
    assert!(err(400, r#"{"error":"temporarily_unavailable"}"#).is_retryable());
}

#[test]
fn p06_retry_after_comes_with_the_error() {
    let at = |value| {
        read_parts(503, &[("retry-after", value)], b"")
            .unwrap_err()
            .retry_after()
    };
    assert_eq!(at("20"), Some(Duration::from_secs(20)));
    assert_eq!(
        at("Sun, 06 Nov 1994 08:49:37 GMT"),
        Some(Duration::from_secs(90))
    );
    assert_eq!(at("soon"), None);
}

#[test]
fn p08_what_is_not_json_is_malformed_with_status_and_content_type() {
    let too_long = " ".repeat(MAX_RESPONSE_BODY) + r#"{"access_token":"t"}"#;
    for body in [
        "",
        "<html>secret page</html>",
        "[]",
        "\"t\"",
        "access_token=t",
        &too_long,
    ] {
        let error = err(200, body);
        assert_eq!(error.kind(), ErrorKind::MalformedResponse);
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("text/html") && shown.contains("200"),
            "{shown}"
        );
        assert!(!shown.contains("secret page"));
    }
    assert!(err(200, &too_long).to_string().contains("1 MiB"));
}

#[test]
fn p09_a_secret_the_server_quotes_back_is_not_passed_on_in_any_form() {
    for quoted in [
        "hunter2/+",
        "client_secret=hunter2%2F%2B&x",
        "Basic bWU6aHVudGVyMg==",
    ] {
        let error = err(
            401,
            &format!(r#"{{"error":"invalid_client","error_description":"bad secret '{quoted}'"}}"#),
        );
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("bad secret"), "{shown}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("bWU6"),
            "{shown}"
        );
    }
}

proptest! {
    #[test]
    fn p08_any_bytes_have_an_outcome(
        status in 100u16..600,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = read_parts(status, &[], &body);
    }

    #[test]
    fn p08_any_member_values_have_an_outcome(
        expires_in in r#"(-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?|"[ -!#-\[\]-~]{0,12}"|null|true|\[\]|\{\})"#,
        token_type in r#"("[a-zA-Z]{0,8}"|null|7|\[\])"#,
        scope in r#"("[ -!#-\[\]-~]{0,12}"|null|\["a"\]|\{\})"#,
    ) {
        let body = format!(
            r#"{{"access_token":"t","expires_in":{expires_in},"token_type":{token_type},"scope":{scope}}}"#
        );
        match read_parts(200, &[], body.as_bytes()) {
            Ok(token) => prop_assert!(token.lifetime().is_none_or(|l| l <= LONGEST_LIFETIME)),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::UnsupportedTokenType),
        }
    }
}
