//! Situations that together bring about all there is to see. All but the last stay on the thread of the test.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use futures_executor::block_on;
use http::header::{HeaderMap, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use oauth_core::{
    AccessToken, Authorizer, BoxFuture, CachedTokenSource, CachedTokenSourceBuilder,
    ClientCredentials, DefaultSpawner, Dpop, Error, ErrorKind, JwsAlgorithm, JwsSigner,
    MemoryStore, RefreshPolicy, SecretSource, Spawner, SystemClock, Target, TokenKey, TokenSource,
    TokenStore, TokenType, Verdict, async_trait,
};
use oauth_testkit::{FaultyStore, ManualClock, ScriptedSource, StoreFault};
use serde_json::{Value, json};

use crate::recorder::{Recorder, TOKEN, answer};

pub(crate) const NAME: &str = "billing";
/// Of [`ManualClock::new`], in seconds since 1970.
pub(crate) const WALL_AT_START: f64 = 1_750_000_000.0;

const HOUR: Duration = Duration::from_secs(3600);
const PAUSE: Duration = Duration::from_millis(250);

pub(crate) fn all() {
    life_of_a_token();
    a_minimum_life();
    a_fleet();
    a_client();
    discovery();
    api_requests();
}

/// Keeps the work until the test does it.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Kept {
    fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn run(&self) {
        self.take().into_iter().for_each(block_on);
    }
}

impl Spawner for Kept {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }
}

fn cached(
    clock: &ManualClock,
    kept: &Kept,
    name: Option<&str>,
) -> (
    ScriptedSource,
    CachedTokenSourceBuilder<Arc<ScriptedSource>>,
) {
    let source = ScriptedSource::new();
    let policy = RefreshPolicy::builder().no_jitter().attempt_backoff(PAUSE);
    let mut builder = CachedTokenSource::builder(Arc::new(source.clone()))
        .policy(policy.build().unwrap())
        .clock(clock.clone())
        .spawner(kept.clone());
    if let Some(name) = name {
        builder = builder.name(name);
    }
    (source, builder)
}

fn poll_once<T>(future: impl Future<Output = T>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    pin!(future).poll(&mut context).is_ready()
}

fn unavailable() -> Error {
    Error::new(ErrorKind::ServerUnavailable, "told to be")
}

fn refused() -> Error {
    Error::new(ErrorKind::Refused, "told to be")
}

pub(crate) fn first_token(name: Option<&str>) {
    let (clock, kept) = (ManualClock::new(), Kept::default());
    let (source, builder) = cached(&clock, &kept, name);
    source.next_token("t1", HOUR);
    block_on(builder.build().token()).unwrap();
}

pub(crate) fn hits() {
    let (clock, kept) = (ManualClock::new(), Kept::default());
    let (_, builder) = cached(&clock, &kept, Some(NAME));
    let source = builder.build();
    // Not to be seen by whoever watches the hits.
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
        metrics::with_local_recorder(&metrics::NoopRecorder, || block_on(source.token()))
    })
    .unwrap();
    for _ in 0..10 {
        block_on(source.token()).unwrap();
        assert!(source.ready().is_some());
    }
    let authorizer = Authorizer::new(source, ["https://api.example.com"]).unwrap();
    exchange(&authorizer, &[200]);
}

/// It comes at the second attempt, its renewal fails once, the next is rejected, and so is the one after that; then
/// nothing works.
pub(crate) fn life_of_a_token() {
    let (clock, kept) = (ManualClock::new(), Kept::default());
    let (source, builder) = cached(&clock, &kept, Some(NAME));
    let cached = builder.build();

    source.next_error(unavailable());
    source.next_token("t1", HOUR);
    let mut call = Box::pin(cached.token());
    assert!(!poll_once(&mut call));
    clock.advance(PAUSE);
    block_on(call).unwrap();
    kept.run();

    clock.advance(Duration::from_secs(3400));
    source.next_error(refused());
    assert!(cached.ready().is_some());
    kept.run();
    clock.advance(Duration::from_secs(10));
    assert!(cached.ready().is_some());
    drop(kept.take());
    clock.advance(Duration::from_secs(10));
    source.next_token("t2", HOUR);
    assert!(cached.ready().is_some());
    kept.run();

    let second = cached.ready().unwrap();
    assert_eq!(second.secret(), "t2");
    cached.reject(&second);
    source.next_token("t3", HOUR);
    let third = block_on(cached.token()).unwrap();
    cached.reject(&third);
    block_on(cached.token()).unwrap_err();

    clock.advance(Duration::from_secs(61));
    source.next_token("t4", HOUR);
    block_on(cached.token()).unwrap();
    clock.advance(2 * HOUR);
    source.next_error(refused());
    block_on(cached.token()).unwrap_err();
}

/// Of a token that can be used a caller needs more; then of any token, and then more than there is without a request.
pub(crate) fn a_minimum_life() {
    let (clock, kept) = (ManualClock::new(), Kept::default());
    let (source, builder) = cached(&clock, &kept, Some(NAME));
    let cached = builder.build();
    for secret in ["t1", "t2"] {
        source.next_token(secret, HOUR);
    }
    block_on(cached.token_lasting(HOUR)).unwrap();
    clock.advance(HOUR / 2);
    block_on(cached.token_lasting(HOUR)).unwrap();
    block_on(cached.token_lasting(2 * HOUR)).unwrap_err();

    clock.advance(HOUR / 2);
    source.next_error(refused());
    for _ in 0..2 {
        block_on(cached.token_lasting(HOUR)).unwrap_err();
    }
}

fn a_fleet() {
    let (clock, kept) = (ManualClock::new(), Kept::default());
    let key = TokenKey::builder("example").build();
    let memory = Arc::new(MemoryStore::new(clock.clone()));

    let broken = FaultyStore::new(Arc::clone(&memory), clock.clone()).at(1, StoreFault::Error);
    let (_, builder) = cached(&clock, &kept, None);
    block_on(builder.store(broken, key).build().token()).unwrap();

    let lease = block_on(memory.lease(&key, Duration::from_secs(10)));
    let (_, builder) = cached(&clock, &kept, Some(NAME));
    let waiting = builder.store(Arc::clone(&memory), key).build();
    let mut call = Box::pin(waiting.token());
    assert!(!poll_once(&mut call), "another process has the lease");
    block_on(memory.release(&key, lease.unwrap().unwrap())).unwrap();
    clock.advance(Duration::from_secs(1));
    let token = block_on(call).unwrap();

    let (source, builder) = cached(&clock, &kept, None);
    let other = builder.store(memory, key).build();
    let theirs = block_on(other.token()).unwrap();
    assert_eq!(theirs.secret(), token.secret());
    assert_eq!(source.calls(), 0);
}

fn a_client() {
    let nonce = with_header(
        answer(400, r#"{"error":"use_dpop_nonce"}"#),
        "dpop-nonce",
        "n1",
    );
    let bound = answer(200, r#"{"access_token":"t0ken","token_type":"DPoP"}"#);
    let http = Recorder::new([nonce, bound]);
    let source = ClientCredentials::builder("https://id.example.com/token", "me")
        .private_key(Key)
        .dpop(Key)
        .http_client(http.clone());
    block_on(source.build().unwrap().token()).unwrap();
    assert_eq!(http.count(), 2);

    let odd = r#"{"access_token":"t0ken","expires_in":"soon"}"#;
    let refusal = r#"{"error":"invalid_client"}"#;
    let http = Recorder::new([answer(401, refusal), answer(200, odd), answer(401, refusal)]);
    let reads = AtomicUsize::new(0);
    let secret = SecretSource::function("vault", move || {
        let ordinal = reads.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            if ordinal == 4 {
                return Err(std::io::Error::other("sealed"));
            }
            Ok(format!("s{ordinal}").into())
        }
    });
    let source = ClientCredentials::builder("https://id.example.com/token", "me")
        .client_secret(secret)
        .http_client(http.clone())
        .build()
        .unwrap();
    block_on(source.token()).unwrap();
    block_on(source.token()).unwrap_err();
    assert_eq!(http.count(), 3);
}

fn discovery() {
    let clock = ManualClock::new();
    let metadata =
        r#"{"issuer":"https://id.example.com","token_endpoint":"https://id.example.com/token"}"#;
    let http = Recorder::new([
        answer(404, ""),
        answer(200, metadata),
        answer(200, TOKEN),
        answer(503, ""),
    ]);
    let source = ClientCredentials::discover("https://id.example.com", "me")
        .client_secret("hunter2")
        .metadata_lifetime(HOUR)
        .http_client(http)
        .clock(clock.clone())
        .build()
        .unwrap();
    block_on(source.token()).unwrap();
    clock.advance(HOUR);
    block_on(source.token()).unwrap();
}

fn api_requests() {
    let source: Arc<dyn TokenSource> = Arc::new(ScriptedSource::new());
    let authorizer = Authorizer::new(source, ["https://api.example.com"]).unwrap();
    exchange(&authorizer, &[401, 200]);
    let dpop = Dpop::new(Arc::new(Key), Arc::new(SystemClock::new())).unwrap();
    let authorizer = Authorizer::new(Bound(dpop), ["https://api.example.com"]).unwrap();
    exchange(&authorizer, &[401, 200]);
}

/// One API request, sent again when it has to be.
fn exchange(authorizer: &Authorizer, statuses: &[u16]) {
    let uri: Uri = "https://api.example.com/".parse().unwrap();
    let target = Target::of(&uri).with_method(&Method::GET);
    let mut exchange = authorizer.exchange(&target).unwrap();
    for status in statuses {
        block_on(exchange.authorize(&mut HeaderMap::new())).unwrap();
        let mut headers = HeaderMap::new();
        if *status == 401 && authorizer.source().dpop().is_some() {
            headers.insert("dpop-nonce", HeaderValue::from_static("n2"));
            let challenge = HeaderValue::from_static(r#"DPoP error="use_dpop_nonce""#);
            headers.insert(WWW_AUTHENTICATE, challenge);
        } else if *status == 401 {
            let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        let status = StatusCode::from_u16(*status).unwrap();
        let verdict = exchange.review(&target, status, &headers);
        assert_eq!(verdict == Verdict::Resend, status == 401);
    }
}

/// On the background thread, which is nobody's.
pub(crate) fn work_that_panics() {
    DefaultSpawner.spawn(Box::pin(async { panic!("told to") }));
}

fn with_header(
    mut answer: Response<bytes::Bytes>,
    name: &'static str,
    value: &'static str,
) -> Response<bytes::Bytes> {
    let name = HeaderName::from_static(name);
    answer
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    answer
}

/// Its tokens are bound to a key.
struct Bound(Dpop);

#[async_trait]
impl TokenSource for Bound {
    async fn token(&self) -> Result<AccessToken, Error> {
        let token = AccessToken::builder("t0ken").token_type(TokenType::Dpop);
        Ok(token.build()?)
    }

    fn dpop(&self) -> Option<&Dpop> {
        Some(&self.0)
    }
}

struct Key;

#[async_trait]
impl JwsSigner for Key {
    fn algorithm(&self) -> JwsAlgorithm {
        JwsAlgorithm::Es256
    }

    fn public_jwk(&self) -> Option<&Value> {
        static JWK: std::sync::LazyLock<Value> =
            std::sync::LazyLock::new(|| json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}));
        Some(&JWK)
    }

    fn key_name(&self) -> String {
        "key".into()
    }

    async fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0; 64])
    }
}
