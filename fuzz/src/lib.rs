//! The bodies of the fuzz targets: each takes any bytes and panics if what must hold for them does not.
//!
//! They go through the public interface: a client that answers with these bytes stands in for the server. The test
//! `fuzz_corpus` of the workspace runs them over the corpus.

use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use oauth_core::{
    AccessToken, Challenge, ClientCredentials, Error, HttpClient, HttpError, StoredToken,
    TokenSource, async_trait,
};
use oauth_testkit::ManualClock;
use oauth_testkit::scenario::Scenario;

/// A body with status 200: a token that can be sent, or an error (P8).
pub fn token_response(data: &[u8]) {
    // Either is right; what must hold for each is asserted there.
    let _ = outcome(StatusCode::OK, HeaderMap::new(), data);
}

/// The first byte chooses the status, the rest is the body: never a token, and an error of a readable length (P8).
pub fn error_response(data: &[u8]) {
    let (first, body) = data.split_first().unwrap_or((&0, &[]));
    let status = 400 + u16::from(*first);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    if let Ok(token) = outcome(status, HeaderMap::new(), body) {
        panic!("a response with status {status} gave {token:?}");
    }
}

/// A line of `WWW-Authenticate` each: whatever comes of it can be looked at.
pub fn challenges(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
    for challenge in Challenge::all(&headers) {
        assert!(
            !challenge.scheme().is_empty(),
            "a challenge without a scheme"
        );
        assert!(challenge.is(&challenge.scheme().to_ascii_uppercase()));
        let _ = (challenge.token68(), challenge.parameter("error"));
        assert!(!format!("{challenge:?}").is_empty());
    }
}

/// The value of `Retry-After`, with a 503: a time to wait or none.
pub fn retry_after(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
    let outcome = outcome(StatusCode::SERVICE_UNAVAILABLE, headers, b"");
    let Err(error) = outcome else {
        panic!("a 503 gave a token");
    };
    let seconds = std::str::from_utf8(data)
        .ok()
        .and_then(|text| text.parse::<u32>().ok());
    if let (Some(seconds), true) = (seconds, data.iter().all(u8::is_ascii_digit)) {
        let waits = error.retry_after().map(|wait| wait.as_secs());
        assert_eq!(waits, Some(seconds.into()));
    }
}

/// Metadata of the server (RFC 8414): of the issuer that was asked for, with endpoints that may be called, or an
/// error of a readable length.
pub fn metadata(data: &[u8]) {
    let mut response = Response::new(Bytes::copy_from_slice(data));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    let source = ClientCredentials::discover("https://id.example.com", "client")
        .client_secret("secret")
        .http_client(Canned(response))
        .clock(ManualClock::new())
        .build()
        .expect("the configuration is sound");
    match futures_executor::block_on(source.metadata()) {
        Ok(Some(metadata)) => {
            assert_eq!(metadata.issuer(), "https://id.example.com");
            let is_safe = |uri: &http::Uri| match uri.scheme_str() {
                Some("https") => true,
                _ => uri.host().is_some_and(|host| {
                    host == "localhost" || host == "[::1]" || host.starts_with("127.")
                }),
            };
            assert!(metadata.token_endpoint().is_none_or(is_safe), "P10");
        }
        Ok(None) => panic!("a server that was discovered has no metadata"),
        Err(error) => {
            let shown = format!("{error:#}");
            assert!(shown.len() < 8 * 1024, "an error of {} bytes", shown.len());
        }
    }
}

/// A record out of a store: a token, or none; and what was read is written and read again as the same.
pub fn record(data: &[u8]) {
    if let Ok(stored) = StoredToken::decode(data) {
        let again = StoredToken::decode(&stored.encode()).expect("what is written can be read");
        assert_eq!(again.token().secret(), stored.token().secret());
        assert_eq!(again.fencing(), stored.fencing());
        assert!(stored.remaining_life(SystemTime::UNIX_EPOCH) <= stored.lifetime());
    }
}

/// A scenario file: a scenario, or an error that says what is wrong with it.
pub fn scenario(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(error) = Scenario::parse(Path::new("fuzzed.json"), text) {
        assert!(!error.reason().is_empty(), "an error without a reason");
    }
}

fn outcome(status: StatusCode, mut headers: HeaderMap, body: &[u8]) -> Result<AccessToken, Error> {
    let json = HeaderValue::from_static("application/json");
    headers.insert(CONTENT_TYPE, json);
    let mut response = Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let source = ClientCredentials::builder("https://id.example.com/token", "client")
        .client_secret("secret")
        .http_client(Canned(response))
        .clock(ManualClock::new())
        .build()
        .expect("the configuration is sound");
    let outcome = futures_executor::block_on(source.token());
    match &outcome {
        Ok(token) => {
            assert!(!token.secret().is_empty());
            assert!(token.secret().bytes().all(|byte| byte.is_ascii_graphic()));
        }
        Err(error) => {
            let shown = format!("{error:#}");
            // As much as a person reads, however long the body.
            assert!(shown.len() < 8 * 1024, "an error of {} bytes", shown.len());
        }
    }
    outcome
}

/// Answers every request with the same.
struct Canned(Response<Bytes>);

#[async_trait]
impl HttpClient for Canned {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        Ok(self.0.clone())
    }
}
