//! P9 over everything: all crates, each way to authenticate and each grant, while things go well and while they fail,
//! with all that is logged at level TRACE and all that is measured searched for every secret.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod library;
mod tap;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use library::{Library, RUNTIME, Tls};
use metrics_util::debugging::{DebuggingRecorder, Snapshotter};
use oauth_core::{
    CachedTokenSource, ClientAuthMethod, ClientCredentials, ClientCredentialsBuilder, Clock,
    JwsAlgorithm, JwsSigner, MemoryStore, RefreshPolicy, SecretSource, SigningKey, SystemClock,
    TokenKey, TokenSource, TokenStore,
};
use oauth_encrypted_store::{EncryptedStore, KeyRing};
use oauth_file_store::FileStore;
use oauth_grants::{JwtBearer, JwtClaims, RefreshToken, TokenExchange};
use oauth_testkit::{
    CapturedLog, CertificateSubject, ClientAuthMethod as Accepted, DpopNonce, DpopRules,
    FakeTokenServer, FakeTokenServerBuilder, FaultyStore, JwtAlgorithm, ManualClock, Recording,
    Reply, StoreFault,
};
use serde_json::json;
use tap::{Secrets, Tap};

const ID: &str = "service";
/// Other when it is encoded.
const SECRET: &str = "p4ss/w0rd+with=specials&more";
const WRONG_SECRET: &str = "wr0ng/p4ss+w0rd=of&the-service";
/// RFC 7515, appendix A.3.
const KEY: &str = r#"{"kty":"EC","crv":"P-256",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
const KEY_NUMBER: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
const STORE_KEY: [u8; 32] = *b"a key of thirty-two bytes, known";
const HOUR: Duration = Duration::from_secs(3600);

/// What one test goes through, and what it has to keep to itself.
struct World {
    http_library: Library,
    clock: ManualClock,
    secrets: Secrets,
    /// What errors and `Debug` said.
    said: Mutex<String>,
}

impl World {
    fn new(library: Library) -> Self {
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

    fn server(&self) -> FakeTokenServerBuilder {
        let builder = FakeTokenServer::builder().client(ID, SECRET);
        builder.clock(self.clock.clone())
    }

    fn client(&self, server: &FakeTokenServer) -> ClientCredentialsBuilder {
        self.client_at(server.token_url(), None)
    }

    fn client_at(&self, token_url: String, tls: Option<&Tls>) -> ClientCredentialsBuilder {
        let tap = Tap {
            inner: self.http_library.http_client(tls),
            secrets: self.secrets.clone(),
        };
        ClientCredentials::builder(token_url, ID)
            .http_client(tap)
            .clock(self.clock.clone())
    }

    fn cached<S: TokenSource + 'static>(&self, source: S) -> CachedTokenSource<S> {
        self.kept(source, None)
    }

    fn kept<S: TokenSource + 'static>(
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

    fn say(&self, what: impl std::fmt::Debug) {
        writeln!(self.said.lock().unwrap(), "{what:?}").unwrap();
    }

    /// The first token, a rejection, a renewal that fails and one that does not, and an outage. The server quotes
    /// `sent`, which the client has sent.
    fn live<S: TokenSource + 'static>(
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

    fn check(&self, log: &CapturedLog) {
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

fn wait_for(is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        RUNTIME.block_on(SystemClock::new().sleep(Duration::from_millis(5)));
    }
    panic!("it never came to that");
}

fn snapshotter() -> &'static Snapshotter {
    static SNAPSHOTTER: OnceLock<Snapshotter> = OnceLock::new();
    SNAPSHOTTER.get_or_init(|| {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        recorder.install().unwrap();
        oauth_core::observability::describe_metrics();
        snapshotter
    })
}

/// Names, labels and values.
fn measured_in_all() -> String {
    let values = snapshotter().snapshot().into_vec();
    let lines = values.iter().map(|value| format!("{value:?}\n"));
    lines.collect()
}

fn key() -> SigningKey {
    SigningKey::from_jwk_with(JwsAlgorithm::Es256, KEY).unwrap()
}

fn public_key() -> String {
    key().public_jwk().unwrap().to_string()
}

/// By each method, a client that all goes well and wrong for.
fn methods(world: &World) {
    for (method, accepted) in [
        (ClientAuthMethod::ClientSecretBasic, Accepted::Basic),
        (ClientAuthMethod::ClientSecretBasicRaw, Accepted::BasicRaw),
        (ClientAuthMethod::ClientSecretPost, Accepted::Post),
        (ClientAuthMethod::ClientSecretJwt, Accepted::SecretJwt),
    ] {
        let server = world.server().accept_auth(accepted).start().unwrap();
        let client = world.client(&server).auth_method(method);
        let client = client.client_secret(SECRET).build().unwrap();
        world.say(&client);
        world.live(&server, &world.cached(client), SECRET);

        let client = world.client(&server).auth_method(method);
        let client = client.client_secret(WRONG_SECRET).build().unwrap();
        let refused = RUNTIME.block_on(client.token());
        world.say(refused.expect_err("the secret is wrong"));
    }

    let server = FakeTokenServer::builder().public_client(ID);
    let server = server.clock(world.clock.clone()).start().unwrap();
    let client = world.client(&server).auth_method(ClientAuthMethod::None);
    world.live(&server, &world.cached(client.build().unwrap()), "it");
}

/// A secret that is another one each time it is read, and the wrong one first; and one that cannot be read.
fn changing_secret(world: &World) {
    let server = world.server().start().unwrap();
    let reads = Arc::new(Mutex::new(0));
    let secret = SecretSource::function("vault", move || {
        let mut reads = reads.lock().unwrap();
        *reads += 1;
        let secret = if *reads == 1 { WRONG_SECRET } else { SECRET };
        async move { Ok::<_, std::io::Error>(secret.to_owned().into()) }
    });
    let client = world.client(&server).client_secret(secret);
    let client = client.build().unwrap();
    world.say(&client);
    world.live(&server, &world.cached(client), SECRET);

    let secret = SecretSource::function("vault", || async { Err(std::io::Error::other("sealed")) });
    let client = world.client(&server).client_secret(secret).build();
    let failed = RUNTIME.block_on(client.unwrap().token());
    world.say(failed.expect_err("there is no secret"));
}

fn assertions(world: &World) {
    let signed = || {
        let server = world.server();
        server.client_key(ID, JwtAlgorithm::Es256, public_key())
    };
    let server = signed().start().unwrap();
    let client = world.client(&server).private_key(key());
    let client = client.build().unwrap();
    world.say(&client);
    world.live(&server, &world.cached(client), "it");

    // Ready-made, by somebody else.
    let server = signed().start().unwrap();
    let (audience, clock) = (server.token_url(), world.clock.clone());
    let numbers = Arc::new(Mutex::new(0));
    let assertion = SecretSource::function("sidecar", move || {
        let mut number = numbers.lock().unwrap();
        *number += 1;
        let wall = clock
            .wall()
            .duration_since(std::time::SystemTime::UNIX_EPOCH);
        let now = wall.unwrap().as_secs();
        let claims = json!({
            "iss": ID, "sub": ID, "aud": audience, "iat": now, "exp": now + 60,
            "jti": format!("ready-{number}"),
        });
        let parts = [json!({"alg": "ES256"}), claims];
        let parts = parts.map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        async move {
            let input = parts.join(".");
            let signature = key().sign(input.as_bytes()).await.unwrap();
            let signature = URL_SAFE_NO_PAD.encode(signature);
            Ok::<_, std::io::Error>(format!("{input}.{signature}").into())
        }
    });
    let client = world.client(&server).client_assertion(assertion);
    world.live(&server, &world.cached(client.build().unwrap()), "it");
}

fn dpop(world: &World) {
    let rules = DpopRules::new()
        .required()
        .nonce_at_token_endpoint(DpopNonce::Required)
        .nonce_at_api(DpopNonce::Required);
    let server = world.server().dpop(rules).start().unwrap();
    let client = world.client(&server).client_secret(SECRET).dpop(key());
    let source = world.cached(client.build().unwrap());
    let api = world
        .http_library
        .api(source.clone(), server.api_url(), None);
    assert_eq!(api.call(), Ok(200));
    server.renew_dpop_nonces();
    assert_eq!(api.call(), Ok(200));
    server.revoke_all();
    assert_eq!(api.call(), Ok(200));
    server.always_token_reply(Reply::oauth_error("invalid_dpop_proof").description(SECRET));
    server.revoke_all();
    assert_eq!(api.call(), Ok(401), "no new token came");
    world.say(api.call().expect_err("there is no token"));
    world.say(source);
}

/// The client shows a certificate; tokens are bound to it, and are signed JWTs themselves.
fn certificate(world: &World) {
    let subject = CertificateSubject::Dn(format!("CN={ID}"));
    let server = FakeTokenServer::builder()
        .tls_client(ID, subject)
        .certificate_bound_tokens()
        .jwt_access_tokens()
        .clock(world.clock.clone())
        .start()
        .unwrap();
    let certificate = server.issue_client_certificate(ID).unwrap();
    for line in certificate
        .key_pem()
        .lines()
        .filter(|line| !line.starts_with('-'))
    {
        world.secrets.add(line);
    }
    let tls = Tls::new(&server, &certificate);
    let client = world.client_at(server.mtls_token_url().unwrap(), Some(&tls));
    let client = client.auth_method(ClientAuthMethod::TlsClientAuth);
    let source = world.cached(client.build().unwrap());
    let api = world
        .http_library
        .api(source.clone(), server.api_url(), Some(&tls));
    assert_eq!(api.call(), Ok(200));
    server.revoke_all();
    assert_eq!(api.call(), Ok(200));
    world.clock.advance(HOUR * 2);
    server.always_token_reply(Reply::oauth_error("invalid_client"));
    world.say(api.call().expect_err("there is no token"));
}

fn grants(world: &World) {
    let issuer = "https://issuer.example.com";
    let server = world.server();
    let server = server.trust_issuer(issuer, JwtAlgorithm::Es256, public_key());
    let server = server.start().unwrap();
    let client = || world.client(&server).client_secret(SECRET).build().unwrap();

    let bearer = JwtBearer::signed(client(), key(), JwtClaims::new(issuer).subject("ada"));
    world.say(&bearer);
    world.live(&server, &world.cached(bearer), SECRET);

    let exchange = TokenExchange::new(client(), client());
    world.say(&exchange);
    world.live(&server, &world.cached(exchange), SECRET);

    let folder = tempfile::tempdir().unwrap();
    for broken in [false, true] {
        let first = server.issue_refresh_token(ID, None);
        world.secrets.add(&first);
        let store = FileStore::open(folder.path().join("tokens")).unwrap();
        let faults = if broken { 1.0 } else { 0.0 };
        let store = FaultyStore::new(store, world.clock.clone()).with(faults, StoreFault::Error);
        let refresh = RefreshToken::new(client(), first).kept_in(store, "ada");
        world.say(&refresh);
        let source = world.cached(refresh);
        let api = world
            .http_library
            .api(source.clone(), server.api_url(), None);
        assert_eq!(api.call(), Ok(200));
        server.revoke_all();
        assert_eq!(api.call(), Ok(200));
        server.always_token_reply(Reply::oauth_error("invalid_grant").description(SECRET));
        world.clock.advance(HOUR * 2);
        world.say(api.call().expect_err("there is no token"));
        server.reset_replies();
        world.clock.advance(HOUR);
    }
}

fn stores(world: &World) {
    let server = world.server().start().unwrap();
    let client = || world.client(&server).client_secret(SECRET).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = || {
        FileStore::open(folder.path().join("tokens"))
            .unwrap()
            .with_clock(world.clock.clone())
    };
    let sealed = || EncryptedStore::new(files(), KeyRing::from_bytes(STORE_KEY));
    let broken = FaultyStore::new(MemoryStore::new(world.clock.clone()), world.clock.clone())
        .with(1.0, StoreFault::Error);
    let stores: [Box<dyn TokenStore>; 4] = [
        Box::new(MemoryStore::new(world.clock.clone())),
        Box::new(files()),
        Box::new(sealed()),
        Box::new(broken),
    ];
    for (number, store) in stores.into_iter().enumerate() {
        let key = TokenKey::builder("secrets").field("number", &number.to_string());
        let source = world.kept(client(), Some((store, key.build())));
        world.live(&server, &source, SECRET);
    }

    // What stands there is not what was put there, or not in a way that can be read.
    let key = client().key();
    let read = |store: Box<dyn TokenStore>| {
        let source = world.kept(client(), Some((store, key)));
        let token = RUNTIME.block_on(source.token()).unwrap();
        world.say(token);
    };
    read(Box::new(files()));
    read(Box::new(sealed()));
    spoil(&folder.path().join("tokens"));
    read(Box::new(files()));
}

/// Each token in a file of the folder becomes something else.
fn spoil(folder: &Path) {
    let mut spoiled = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "token") {
            std::fs::write(&path, format!("{{\"access_token\":\"{SECRET}")).unwrap();
            spoiled += 1;
        }
    }
    assert!(spoiled > 0);
}

fn p09(library: Library) {
    snapshotter();
    let world = World::new(library);
    let log = Recording::start();
    methods(&world);
    changing_secret(&world);
    assertions(&world);
    dpop(&world);
    certificate(&world);
    grants(&world);
    stores(&world);
    let log = log.finish();
    world.check(&log);

    // It was not silence that was searched.
    let text = log.text();
    for said in [
        "oauth_core token_request",
        "oauth_core token_came",
        "oauth_core attempt_failed",
        "oauth_core renewal_failed",
        "oauth_core no_token_came",
        "oauth_core token_rejected",
        "oauth_core resent",
        "oauth_core dpop_nonce_wanted",
        "oauth_core client_secret_changed",
        "oauth_core token_response_odd",
        "oauth_core store_failed",
        "oauth_grants refresh_token_store_failed",
        "oauth_encrypted_store stored_token_unreadable",
        "oauth_file_store stored_token_unreadable",
    ] {
        assert!(text.contains(said), "{said}");
    }
    let measured = measured_in_all();
    for metric in [
        "oauth_token_requests_total",
        "oauth_resends_total",
        "the-service",
    ] {
        assert!(measured.contains(metric), "{metric}");
    }
}

#[test]
fn p09_no_secret_is_logged_or_measured_with_reqwest() {
    p09(Library::Reqwest);
}

#[test]
fn p09_no_secret_is_logged_or_measured_with_isahc() {
    p09(Library::Isahc);
}
