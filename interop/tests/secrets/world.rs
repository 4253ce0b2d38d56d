//! What a test goes through, and the life that each kind of token leads.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_core::{
    CachedTokenSource, ClientCredentials, ClientCredentialsBuilder, Clock, JwsAlgorithm, JwsSigner,
    RefreshPolicy, SigningKey, SystemClock, TokenKey, TokenSource, TokenStore,
};
use oauth_testkit::{CapturedLog, FakeTokenServer, FakeTokenServerBuilder, ManualClock, Reply};
use serde_json::json;

use crate::library::{Library, RUNTIME, Tls};
use crate::measured::measured_in_all;
use crate::tap::{Secrets, Tap};

pub(crate) const ID: &str = "service";
/// Other when it is encoded.
pub(crate) const SECRET: &str = "p4ss/w0rd+with=specials&more";
pub(crate) const WRONG_SECRET: &str = "wr0ng/p4ss+w0rd=of&the-service";
/// RFC 7515, appendix A.3.
pub(crate) const KEY: &str = r#"{"kty":"EC","crv":"P-256",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
pub(crate) const KEY_NUMBER: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
pub(crate) const STORE_KEY: [u8; 32] = *b"a key of thirty-two bytes, known";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What one test goes through, and what it has to keep to itself.
pub(crate) struct World {
    pub(crate) http_library: Library,
    pub(crate) clock: ManualClock,
    pub(crate) secrets: Secrets,
    /// What errors and `Debug` said.
    said: Mutex<String>,
}

impl World {
    pub(crate) fn new(library: Library) -> Self {
        let secrets = Secrets::default();
        for secret in [SECRET, WRONG_SECRET, KEY_NUMBER] {
            secrets.add(secret);
            secrets.add(&format!("{ID}:{secret}"));
        }
        let number = URL_SAFE_NO_PAD.decode(KEY_NUMBER).unwrap();
        secrets.add(
            &number
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect::<String>(),
        );
        secrets.add(format!("{number:?}").trim_matches(['[', ']']));
        secrets.add(std::str::from_utf8(&STORE_KEY).unwrap());
        Self {
            http_library: library,
            clock: ManualClock::new(),
            secrets,
            said: Mutex::default(),
        }
    }

    pub(crate) fn server(&self) -> FakeTokenServerBuilder {
        let builder = FakeTokenServer::builder().client(ID, SECRET);
        builder.clock(self.clock.clone())
    }

    pub(crate) fn client(&self, server: &FakeTokenServer) -> ClientCredentialsBuilder {
        self.client_at(server.token_url(), None)
    }

    pub(crate) fn client_at(
        &self,
        token_url: String,
        tls: Option<&Tls>,
    ) -> ClientCredentialsBuilder {
        let tap = Tap {
            inner: self.http_library.http_client(tls),
            secrets: self.secrets.clone(),
        };
        ClientCredentials::builder(token_url, ID)
            .http_client(tap)
            .clock(self.clock.clone())
    }

    pub(crate) fn cached<S: TokenSource + 'static>(&self, source: S) -> CachedTokenSource<S> {
        self.kept(source, None)
    }

    pub(crate) fn kept<S: TokenSource + 'static>(
        &self,
        source: S,
        place: Option<(Box<dyn TokenStore>, TokenKey)>,
    ) -> CachedTokenSource<S> {
        // Nobody moves the clock while a caller waits.
        let policy = RefreshPolicy::builder().no_jitter();
        let policy = policy.attempt_backoff(Duration::ZERO).build().unwrap();
        let mut builder = CachedTokenSource::builder(source)
            .name("the-service")
            .policy(policy)
            .clock(self.clock.clone());
        if let Some((store, key)) = place {
            builder = builder.store(Arc::<dyn TokenStore>::from(store), key);
        }
        builder.build()
    }

    pub(crate) fn say(&self, what: impl std::fmt::Debug) {
        writeln!(self.said.lock().unwrap(), "{what:?}").unwrap();
    }

    /// The first token, a rejection, a renewal that fails and one that does not, and an outage. The server quotes
    /// `sent`, which the client has sent.
    pub(crate) fn live<S: TokenSource + 'static>(
        &self,
        server: &FakeTokenServer,
        source: &CachedTokenSource<S>,
        sent: &str,
    ) {
        let refusal = |code: &str| Reply::oauth_error(code).description(format!("no: {sent}"));
        let api = self
            .http_library
            .api(source.clone(), server.api_url(), None);
        assert_eq!(api.call(), Ok(200));
        server.revoke_all();
        assert_eq!(api.call(), Ok(200), "with a new token");

        self.clock.advance(HOUR * 56 / 60);
        server.next_token_reply(refusal("temporarily_unavailable").with_status(503));
        let generation = source.status().generation();
        assert_eq!(api.call(), Ok(200), "while it is renewed");
        wait_for(|| source.status().last_error().is_some());
        self.say(source.status());
        self.clock.advance(HOUR / 60);
        assert_eq!(api.call(), Ok(200));
        wait_for(|| source.status().generation() > generation);

        for reply in [
            refusal("invalid_client"),
            Reply::status(500).body(format!("{SECRET} {WRONG_SECRET}")),
            Reply::reset(),
            Reply::token().field("token_type", SECRET),
            Reply::token().field("access_token", format!("{SECRET} \u{e4}")),
            Reply::truncated(40),
        ] {
            self.clock.advance(HOUR * 2);
            server.always_token_reply(reply);
            for _ in 0..2 {
                self.say(api.call().expect_err("there is no token"));
            }
            self.say(source);
            server.reset_replies();
        }
        self.clock.advance(HOUR);
        let odd = Reply::token()
            .without_field("token_type")
            .field("scope", 7)
            .field("refresh_in", SECRET)
            .field(SECRET, json!([WRONG_SECRET]));
        server.next_token_reply(odd);
        assert_eq!(api.call(), Ok(200), "with what can be understood of it");
    }

    pub(crate) fn check(&self, log: &CapturedLog) {
        let secrets = self.secrets.all();
        assert!(secrets.len() > 50, "the wire was tapped");
        let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
        log.assert_free_of(&secrets);
        free_of_jwts(&log.text());

        for text in [measured_in_all(), self.said.lock().unwrap().clone()] {
            let mut captured = CapturedLog::new();
            captured.write_all(text.as_bytes()).unwrap();
            captured.assert_free_of(&secrets);
            free_of_jwts(&text);
        }
    }
}

/// Any assertion, proof or signed token begins like this.
fn free_of_jwts(text: &str) {
    let found = text.lines().find(|line| line.contains("eyJ"));
    assert_eq!(found.map(|line| line.split("eyJ").next()), None);
}

pub(crate) fn wait_for(is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        RUNTIME.block_on(SystemClock::new().sleep(Duration::from_millis(5)));
    }
    panic!("it never came to that");
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_jwk_with(JwsAlgorithm::Es256, KEY).unwrap()
}

pub(crate) fn public_key() -> String {
    key().public_jwk().unwrap().to_string()
}
