//! Which requests get a token, which answers get them sent again.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Mutex;

use futures_executor::block_on;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use oauth_core::{
    AccessToken, Authorizer, CachedTokenSource, Error, ErrorKind, Exchange, Target, TokenSource,
    Verdict, async_trait,
};

const API: Target<'static> = Target::new("https", "api.example.com", None);

/// Gives `t1`, `t2`, …: the next one after each rejection.
#[derive(Default)]
struct Numbered(Mutex<Vec<String>>);

#[async_trait]
impl TokenSource for Numbered {
    async fn token(&self) -> Result<AccessToken, Error> {
        let rejected = self.0.lock().unwrap().len();
        Ok(AccessToken::builder(format!("t{}", rejected + 1)).build()?)
    }

    fn reject(&self, token: &AccessToken) {
        self.0.lock().unwrap().push(token.secret().to_owned());
    }
}

fn authorizer() -> (std::sync::Arc<Numbered>, Authorizer) {
    let source = std::sync::Arc::new(Numbered::default());
    let origins = [
        "https://api.example.com",
        "https://other.example.com:8443",
        "http://[::1]:9",
    ];
    (source.clone(), Authorizer::new(source, origins).unwrap())
}

fn authorized(exchange: &mut Exchange<&Authorizer>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    block_on(exchange.authorize(&mut headers)).unwrap();
    headers
}

fn challenged(challenges: &[&'static str]) -> HeaderMap {
    let lines = challenges
        .iter()
        .map(|line| (WWW_AUTHENTICATE, HeaderValue::from_static(line)));
    lines.collect()
}

#[test]
fn the_header_is_there_once_and_sensitive() {
    let (_, authorizer) = authorizer();
    let headers = authorized(&mut authorizer.exchange(&API).unwrap());
    let values: Vec<_> = headers.get_all(AUTHORIZATION).iter().collect();
    assert_eq!(values, ["Bearer t1"]);
    assert!(values[0].is_sensitive());
}

#[test]
fn a_header_of_the_callers_own_is_kept_and_its_answer_left_alone() {
    let (source, authorizer) = authorizer();
    let mut exchange = authorizer.exchange(&API).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic x"));
    block_on(exchange.authorize(&mut headers)).unwrap();
    assert_eq!(
        headers.get_all(AUTHORIZATION).iter().collect::<Vec<_>>(),
        ["Basic x"]
    );
    let answer = challenged(&[r#"Bearer error="invalid_token""#]);
    assert_eq!(
        exchange.review(&API, StatusCode::UNAUTHORIZED, &answer),
        Verdict::Done
    );
    assert!(source.0.lock().unwrap().is_empty());
}

#[test]
fn p02_with_a_token_in_hand_a_request_is_authorized_without_an_await() {
    let origins = ["https://api.example.com"];
    let source = CachedTokenSource::new(Numbered::default());
    let authorizer = Authorizer::new(source, origins).unwrap();
    let mut exchange = authorizer.exchange(&API).unwrap();
    let mut headers = HeaderMap::new();
    assert!(!exchange.authorize_if_ready(&mut headers));
    assert!(headers.is_empty(), "nothing has been done");
    block_on(exchange.authorize(&mut headers)).unwrap();
    assert_eq!(headers[AUTHORIZATION], "Bearer t1");

    let mut next = authorizer.exchange(&API).unwrap();
    let mut headers = HeaderMap::new();
    assert!(next.authorize_if_ready(&mut headers));
    assert_eq!(headers[AUTHORIZATION], "Bearer t1");
    let answer = challenged(&[r#"Bearer error="invalid_token""#]);
    assert_eq!(
        next.review(&API, StatusCode::UNAUTHORIZED, &answer),
        Verdict::Resend
    );
    let mut again = HeaderMap::new();
    assert!(
        !next.authorize_if_ready(&mut again),
        "a rejected token is in nobody's hand"
    );
    block_on(next.authorize(&mut again)).unwrap();
    assert_eq!(again[AUTHORIZATION], "Bearer t2");
    assert!(next.resent().is_some());
}

#[test]
fn p02_a_header_of_the_callers_own_is_ready_too() {
    let (_, authorizer) = authorizer();
    let mut exchange = authorizer.exchange(&API).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic x"));
    assert!(exchange.authorize_if_ready(&mut headers));
    assert_eq!(headers[AUTHORIZATION], "Basic x");
    let answer = challenged(&[r#"Bearer error="invalid_token""#]);
    assert_eq!(
        exchange.review(&API, StatusCode::UNAUTHORIZED, &answer),
        Verdict::Done
    );
}

#[test]
fn only_a_401_concerns_an_exchange_without_a_proof() {
    let (_, authorizer) = authorizer();
    let mut exchange = authorizer.exchange(&API).unwrap();
    authorized(&mut exchange);
    assert!(exchange.concerns(StatusCode::UNAUTHORIZED));
    for other in [
        StatusCode::OK,
        StatusCode::FORBIDDEN,
        StatusCode::BAD_REQUEST,
    ] {
        assert!(!exchange.concerns(other), "{other}");
    }
}

#[test]
fn p10_a_foreign_origin_gets_no_token() {
    let (_, authorizer) = authorizer();
    for foreign in [
        "http://api.example.com/",
        "https://api.example.com:8443/",
        "https://api.example.com.evil.test/",
        "https://evil.test/api.example.com",
        "https://api.example.com@evil.test/",
        "https://user@api.example.com/",
        "/relative",
    ] {
        let uri: Uri = foreign.parse().unwrap();
        let error = authorizer.exchange(&Target::of(&uri)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ForeignOrigin, "{foreign}");
        assert!(
            error.to_string().contains("https://api.example.com"),
            "{error}"
        );
    }
    for own in [
        "https://api.example.com:443/x",
        "https://other.example.com:8443",
        "http://[::1]:9/",
    ] {
        let uri: Uri = own.parse().unwrap();
        assert!(authorizer.exchange(&Target::of(&uri)).is_ok(), "{own}");
    }
}

#[test]
fn p07_an_invalid_token_is_rejected_and_the_request_sent_again_once() {
    let (source, authorizer) = authorizer();
    let mut exchange = authorizer.exchange(&API).unwrap();
    let answer = challenged(&[r#"Basic realm="a, b", Bearer error="invalid_token""#]);
    authorized(&mut exchange);
    assert_eq!(
        exchange.review(&API, StatusCode::UNAUTHORIZED, &answer),
        Verdict::Resend
    );
    assert_eq!(authorized(&mut exchange)[AUTHORIZATION], "Bearer t2");
    assert_eq!(
        exchange.review(&API, StatusCode::UNAUTHORIZED, &answer),
        Verdict::Done
    );
    assert_eq!(
        *source.0.lock().unwrap(),
        ["t1", "t2"],
        "a fresh one that is refused counts too"
    );
}

#[test]
fn rfc_6750_nothing_but_a_401_with_invalid_token_rejects() {
    for (status, challenges) in [
        (200, &[r#"Bearer error="invalid_token""#][..]),
        (403, &[r#"Bearer error="insufficient_scope""#]),
        (403, &[r#"Bearer error="invalid_token""#]),
        (401, &[r#"Bearer error="invalid_request""#]),
        (401, &[r#"Basic error="invalid_token""#]),
        (401, &[r#"Basic realm="error=invalid_token""#]),
        (401, &["Bearer"]),
        (401, &[]),
    ] {
        let (source, authorizer) = authorizer();
        let mut exchange = authorizer.exchange(&API).unwrap();
        authorized(&mut exchange);
        let status = StatusCode::from_u16(status).unwrap();
        let verdict = exchange.review(&API, status, &challenged(challenges));
        assert_eq!(verdict, Verdict::Done, "{status} {challenges:?}");
        assert!(
            source.0.lock().unwrap().is_empty(),
            "{status} {challenges:?}"
        );
    }
}

#[test]
fn challenges_are_read_from_every_line_and_schemes_in_any_case() {
    for challenges in [
        &["Negotiate", r#"Bearer realm="x", error="invalid_token""#][..],
        &[r#"bEARER error=invalid_token"#],
        &[r#"DPoP algs="ES256", error="invalid_token""#],
    ] {
        let (_, authorizer) = authorizer();
        let mut exchange = authorizer.exchange(&API).unwrap();
        authorized(&mut exchange);
        let verdict = exchange.review(&API, StatusCode::UNAUTHORIZED, &challenged(challenges));
        assert_eq!(verdict, Verdict::Resend, "{challenges:?}");
    }
}

#[test]
fn a_bare_401_heals_only_where_that_is_wanted() {
    for (challenges, wanted) in [
        (&[][..], Verdict::Resend),
        (&["Bearer"], Verdict::Resend),
        (&[r#"Bearer realm="x""#], Verdict::Resend),
        (&["Basic"], Verdict::Done),
        (&[r#"Bearer error="invalid_request""#], Verdict::Done),
    ] {
        let (_, authorizer) = authorizer();
        let authorizer = authorizer.heal_bare_401();
        let mut exchange = authorizer.exchange(&API).unwrap();
        authorized(&mut exchange);
        let verdict = exchange.review(&API, StatusCode::UNAUTHORIZED, &challenged(challenges));
        assert_eq!(verdict, wanted, "{challenges:?}");
    }
}

#[test]
fn p10_what_another_origin_says_about_the_token_does_not_count() {
    let (source, authorizer) = authorizer();
    let mut exchange = authorizer.exchange(&API).unwrap();
    authorized(&mut exchange);
    let answer = challenged(&[r#"Bearer error="invalid_token""#]);
    let elsewhere = Target::new("https", "other.example.com", Some(8443));
    assert_eq!(
        exchange.review(&elsewhere, StatusCode::UNAUTHORIZED, &answer),
        Verdict::Done
    );
    assert!(source.0.lock().unwrap().is_empty());
}

#[test]
fn debug_shows_the_origins_and_nothing_of_the_source() {
    let (_, authorizer) = authorizer();
    let shown = format!("{authorizer:?}");
    assert!(shown.contains("https://other.example.com:8443"), "{shown}");
}
