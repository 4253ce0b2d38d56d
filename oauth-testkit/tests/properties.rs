//! What holds for everything that servers send and clients are given.
#![cfg(feature = "proptest")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_executor::block_on;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response};
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Challenge, ClientCredentials, Clock, Error,
    HttpClient, HttpError, Instant, Spawner, TokenSource, async_trait,
};
use oauth_testkit::strategies::{
    client_ids, client_secrets, clock_histories, lifetimes, retry_after, scopes, token_responses,
    wild_token_responses, www_authenticate,
};
use oauth_testkit::{ManualClock, ScriptedSource};
use proptest::prelude::*;

/// Answers whatever it is asked with the same, and keeps what it was asked.
#[derive(Clone)]
struct Canned {
    response: Response<Bytes>,
    asked: Arc<Mutex<Option<Request<Bytes>>>>,
}

impl Canned {
    fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status.try_into().unwrap();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        Self {
            response,
            asked: Arc::default(),
        }
    }

    fn ask(&self, id: &str, secret: &str, scope: &str) -> Result<AccessToken, Error> {
        let source = ClientCredentials::builder("https://id.example.com/token", id)
            .client_secret(secret)
            .scopes(scope.split_whitespace())
            .http_client(self.clone())
            .clock(ManualClock::new())
            .build()?;
        block_on(source.token())
    }
}

#[async_trait]
impl HttpClient for Canned {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        *self.asked.lock().unwrap() = Some(request);
        Ok(self.response.clone())
    }
}

fn form_decoded(text: &str) -> String {
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    pairs
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn id_and_secret_survive_form_encoding_and_basic(
        id in client_ids(), secret in client_secrets(), scope in scopes(),
    ) {
        let canned = Canned::new(200, r#"{"access_token":"t","token_type":"Bearer"}"#);
        canned.ask(&id, &secret, &scope).unwrap();
        let request = canned.asked.lock().unwrap().take().unwrap();
        let header = request.headers()[AUTHORIZATION].to_str().unwrap();
        let decoded = STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
        let decoded = String::from_utf8(decoded).unwrap();
        let (sent_id, sent_secret) = decoded.split_once(':').unwrap();
        prop_assert_eq!(form_decoded(sent_id), id);
        prop_assert_eq!(form_decoded(sent_secret), secret);
        let body: HashMap<_, _> = form_urlencoded::parse(request.body()).collect();
        let mut asked: Vec<&str> = body["scope"].split(' ').collect();
        let mut meant: Vec<&str> = scope.split(' ').collect();
        asked.sort_unstable();
        meant.sort_unstable();
        meant.dedup();
        prop_assert_eq!(asked, meant);
    }

    #[test]
    fn a_token_response_is_understood(response in token_responses()) {
        let token = Canned::new(200, response.to_string()).ask("id", "secret", "").unwrap();
        prop_assert_eq!(token.secret(), response["access_token"].as_str().unwrap());
        let seconds = response.get("expires_in").map(|value| value.as_u64().unwrap());
        prop_assert_eq!(token.lifetime(), seconds.map(Duration::from_secs));
        prop_assert_eq!(token.extra("x_extra"), response.get("x_extra"));
    }

    #[test]
    fn p08_any_bytes_have_a_defined_outcome(
        body in wild_token_responses(), status in prop_oneof![Just(200), Just(400), 200..600_u16],
    ) {
        match Canned::new(status, body).ask("id", "secret", "") {
            Ok(token) => {
                prop_assert!((200..300).contains(&status));
                prop_assert!(!token.secret().is_empty());
                prop_assert!(token.secret().bytes().all(|byte| byte.is_ascii_graphic()));
            }
            Err(error) => {
                let shown = format!("{error:#} {error:?}");
                prop_assert!(shown.len() < 20_000, "{} bytes", shown.len());
            }
        }
    }

    #[test]
    fn p06_retry_after_is_what_it_says(
        (header, meant) in retry_after(ManualClock::new().wall()),
    ) {
        let mut canned = Canned::new(503, "");
        let value = HeaderValue::from_str(&header).unwrap();
        canned.response.headers_mut().insert(RETRY_AFTER, value);
        let error = canned.ask("id", "secret", "").unwrap_err();
        prop_assert_eq!(error.retry_after(), meant);
    }

    #[test]
    fn every_challenge_is_read((header, meant) in www_authenticate()) {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_str(&header).unwrap());
        let read = Challenge::all(&headers);
        prop_assert_eq!(read.len(), meant.len(), "{}", header);
        for (challenge, meant) in read.iter().zip(&meant) {
            prop_assert_eq!(challenge.scheme(), &meant.scheme);
            prop_assert_eq!(challenge.token68(), meant.token68.as_deref(), "{}", header);
            for (name, value) in &meant.parameters {
                prop_assert_eq!(challenge.parameter(name), Some(value.as_str()), "{}", header);
            }
        }
    }

    #[test]
    fn p01_whatever_the_clock_does_no_dead_token_is_handed_out(
        history in clock_histories(), lives in prop::collection::vec(lifetimes(), 1..10),
    ) {
        let (script, clock) = (ScriptedSource::new(), ManualClock::new());
        for (index, lifetime) in lives.iter().enumerate() {
            script.next_token(format!("scripted-{index}"), *lifetime);
        }
        let renewals = Later::default();
        let cache = CachedTokenSource::builder(script.clone())
            .clock(clock.clone())
            .spawner(renewals.clone())
            .build();
        // When each token was requested, by its secret.
        let mut born: HashMap<String, Instant> = HashMap::new();
        let mut note_births = || {
            for call in born.len() + 1..=script.calls() {
                let secret = match lives.get(call - 1) {
                    Some(_) => format!("scripted-{}", call - 1),
                    None => format!("token-{call}"),
                };
                born.insert(secret, clock.now());
            }
            born.clone()
        };
        for step in history {
            step.apply(&clock);
            let token = block_on(cache.token()).unwrap();
            let born = note_births()[token.secret()];
            let (now, dies) = (clock.now(), born + token.lifetime().unwrap());
            // One dead on arrival is for those who waited for it.
            prop_assert!(now < dies || now == born, "after {:?} a dead token", step);
            renewals.run();
            note_births();
            if let Some(ready) = cache.ready() {
                prop_assert!(clock.now() < note_births()[ready.secret()] + ready.lifetime().unwrap());
            }
        }
    }
}

/// Keeps renewals until they are run.
#[derive(Clone, Default)]
struct Later(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Later {
    fn run(&self) {
        let work = std::mem::take(&mut *self.0.lock().unwrap());
        work.into_iter().for_each(block_on);
    }
}

impl Spawner for Later {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }
}
