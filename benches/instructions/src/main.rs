//! A small program whose instructions are counted: `cargo xtask instructions` runs it under callgrind, with each piece
//! of work, few times and many times. What the difference shows is what the work costs, and nothing else.
//!
//! ```sh
//! oauth-bench-instructions            # the names of the pieces, one a line
//! oauth-bench-instructions look 1000  # does one so many times
//! ```

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use futures_executor::block_on;
use http::HeaderMap;
use oauth_bench_kit::fixtures::{
    API, Canned, Idle, ONE_KILOBYTE, at_once, client_credentials, ready_source,
};
use oauth_core::{
    Authorizer, BoxFuture, CachedTokenSource, Clock, HttpClient, Instant, SharedTokenSource,
    Target, TokenSource,
};

/// The pieces of work, by the names that the figures of record have.
const PIECES: &[(&str, Piece)] = &[
    ("look", |times| look(&source()?, times)),
    ("own", |times| own(&source()?, times)),
    ("await", |times| wait(&source()?, times)),
    ("authorize", |times| authorize(&source()?, times)),
    // The clock of the machine without what the kernel's own code costs, which callgrind does not see.
    ("look-system-clock", |times| look(&ready_source()?, times)),
    ("parse", |times| request(Canned::token(ONE_KILOBYTE), times)),
    ("parse-everything", |times| {
        request(Canned::new(EVERYTHING), times)
    }),
];

type Piece = fn(u64) -> Result<()>;

const EVERYTHING: &str = r#"{
  "token_type": "bearer", "expires_in": "3600", "refresh_in": 1800.5, "scope": "read write",
  "access_token": "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIn0.c2lnbmF0dXJl",
  "refresh_token": "never used", "tenant": { "id": 23, "name": "Grünwald" }, "roles": ["a", "b"]
}"#;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            for (name, _) in PIECES {
                println!("{name}");
            }
            Ok(())
        }
        [name, times] => {
            let piece = PIECES.iter().find(|(known, _)| known == name);
            let (_, work) = piece.with_context(|| format!("there is no `{name}`"))?;
            work(times.parse()?)
        }
        _ => bail!("a name and a number are needed, or nothing"),
    }
}

/// A clock that takes no instructions worth counting, and never moves.
#[derive(Debug)]
struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> Instant {
        Instant::from_origin(Duration::from_nanos(self.0.load(Ordering::Relaxed)))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

fn still() -> Still {
    Still(AtomicU64::new(1_000_000_000))
}

fn source() -> Result<SharedTokenSource> {
    let source = client_credentials(Canned::token(ONE_KILOBYTE))
        .clock(still())
        .build()?;
    let source = CachedTokenSource::builder(source)
        .clock(still())
        .spawner(Idle)
        .build();
    block_on(source.token())?;
    Ok(Arc::new(source))
}

fn look(source: &SharedTokenSource, times: u64) -> Result<()> {
    for _ in 0..times {
        black_box(black_box(source).with_ready(&mut |token| {
            black_box(token.header());
        }));
    }
    Ok(())
}

fn own(source: &SharedTokenSource, times: u64) -> Result<()> {
    for _ in 0..times {
        let mut header = None;
        black_box(source).with_ready(&mut |token| header = Some(token.header().clone()));
        black_box(header.context("there is no token")?);
    }
    Ok(())
}

fn wait(source: &SharedTokenSource, times: u64) -> Result<()> {
    for _ in 0..times {
        black_box(at_once(black_box(source).token()).context("a hit waited")??);
    }
    Ok(())
}

fn authorize(source: &SharedTokenSource, times: u64) -> Result<()> {
    let authorizer = Authorizer::new(Arc::clone(source), [API])?;
    let target = Target::new("https", "api.example.com", None);
    for _ in 0..times {
        let mut headers = HeaderMap::with_capacity(8);
        let mut exchange = authorizer.exchange(black_box(&target))?;
        at_once(exchange.authorize(&mut headers)).context("a hit waited")??;
        black_box(headers);
    }
    Ok(())
}

/// A whole token request, but for the network: it is written, and its answer is read.
fn request(http_client: impl HttpClient + 'static, times: u64) -> Result<()> {
    let source = client_credentials(http_client).clock(still()).build()?;
    for _ in 0..times {
        black_box(at_once(source.token()).context("there was nothing to wait for")??);
    }
    Ok(())
}
