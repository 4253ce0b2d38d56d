//! What a library does when it matters: without a token, with an endpoint that fails, when a token is refused, while one
//! is renewed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::HeaderValue;
use oauth_bench_kit::report::{Section, Table, readable};
use oauth_bench_kit::{Latencies, Stopwatch, at_once_by_all, watch};
use oauth_testkit::{FakeTokenServer, Reply};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

use crate::peer::Peer;
use crate::{Entry, Settings, setup, versions};

const HOW: &str = "Against our fake server, 2 workers. A library that fetches its first token when it is made is made by \
    the callers, through a `OnceCell` of tokio's that they share. Cold: 1,000 callers at the same time, an endpoint \
    that takes 200 ms. Failing: 50 callers at the same time, an endpoint that answers 503 at once; time until all have \
    been told. Failing window: a usable token is due for renewal and the endpoint answers 503; 20 calls, one every \
    10 ms, for 15 s at most. Late rejections: 10 callers were refused the same token, and say so one after the other, at the same time, \
    or 7 ms apart with an endpoint that takes 25 ms. Renewal: 64 tasks call in a loop while the token is renewed at an \
    endpoint that takes 500 ms; margins are set such that this happens after some seconds. –: there is no such thing.";

/// What came of it.
pub struct Stress {
    cold_requests: usize,
    failing_requests: usize,
    failing_took: Option<Duration>,
    window_requests: usize,
    window_failed: usize,
    rejections: Option<[usize; 3]>,
    renewal: Latencies,
}

impl Stress {
    pub fn of<P: Peer>(runtime: &Runtime, settings: &Settings) -> Result<Self> {
        runtime.block_on(async {
            let cold_requests = cold::<P>(settings.either(1_000, 50))
                .await
                .context("cold")?;
            let (failing_requests, failing_took) = failing::<P>().await.context("failing")?;
            let (window_requests, window_failed) =
                failing_window::<P>().await.context("failing window")?;
            Ok(Self {
                cold_requests,
                failing_requests,
                failing_took,
                window_requests,
                window_failed,
                rejections: rejections::<P>().await.context("rejections")?,
                renewal: renewal::<P>().await.context("renewal")?,
            })
        })
    }
}

/// Made by whoever needs it first.
struct Shared<P> {
    server: FakeTokenServer,
    cell: OnceCell<P>,
}

impl<P: Peer> Shared<P> {
    fn new(reply: Reply) -> Result<Arc<Self>> {
        let server = FakeTokenServer::start()?;
        server.always_token_reply(reply);
        Ok(Arc::new(Self {
            server,
            cell: OnceCell::new(),
        }))
    }

    async fn header(&self) -> Result<HeaderValue> {
        let setup = setup(&self.server, false);
        let peer = self.cell.get_or_try_init(|| P::start(&setup)).await?;
        peer.header().await
    }
}

async fn cold<P: Peer>(callers: usize) -> Result<usize> {
    let shared = Shared::<P>::new(P::reply(None).after(Duration::from_millis(200)))?;
    at_once_by_all(callers, || {
        let shared = Arc::clone(&shared);
        async move { shared.header().await.map(drop) }
    })
    .await?;
    Ok(shared.server.token_request_count())
}

/// Who is not told within this time is not waited for.
const PATIENCE: Duration = Duration::from_secs(15);

async fn failing<P: Peer>() -> Result<(usize, Option<Duration>)> {
    let shared = Shared::<P>::new(Reply::status(503))?;
    let all = at_once_by_all(50, || {
        let shared = Arc::clone(&shared);
        async move {
            ensure!(shared.header().await.is_err(), "a token out of nowhere");
            Ok(())
        }
    });
    let took = timeout(PATIENCE, all).await.ok().transpose()?;
    Ok((shared.server.token_request_count(), took))
}

/// A token that will be due soon, and then this reply.
async fn due_soon<P: Peer>(then: Reply) -> Result<(FakeTokenServer, P)> {
    let server = FakeTokenServer::start()?;
    server.next_token_reply(P::reply(Some(P::SHORT_LIFETIME)));
    server.always_token_reply(then);
    let peer = P::start(&setup(&server, true)).await?;
    peer.header().await?;
    Ok((server, peer))
}

async fn failing_window<P: Peer>() -> Result<(usize, usize)> {
    let (server, peer) = due_soon::<P>(Reply::status(503)).await?;
    sleep(P::DUE_AFTER + Duration::from_millis(200)).await;
    let before = server.token_request_count();
    let mut failed = 0;
    let calls = async {
        for _ in 0..20 {
            failed += usize::from(peer.header().await.is_err());
            sleep(Duration::from_millis(10)).await;
        }
    };
    // Some go on trying for minutes.
    let _ = timeout(PATIENCE, calls).await;
    Ok((server.token_request_count() - before, failed))
}

async fn rejections<P: Peer>() -> Result<Option<[usize; 3]>> {
    if !P::REJECTS {
        return Ok(None);
    }
    let one_by_one = {
        let (server, peer, refused) = with_token::<P>().await?;
        for _ in 0..10 {
            peer.reject(&refused).await?;
            peer.header().await?;
        }
        server.token_request_count() - 1
    };
    let mut apart = [0; 2];
    for (requests, pause) in apart.iter_mut().zip([0, 7]) {
        let (server, peer, refused) = with_token::<P>().await?;
        let mut number = 0;
        let peer = Arc::new(peer);
        let numbers = std::sync::Mutex::new(&mut number);
        at_once_by_all(10, || {
            let (peer, refused) = (Arc::clone(&peer), refused.clone());
            let mut number = numbers.lock().unwrap();
            let before = Duration::from_millis(pause * **number);
            **number += 1;
            async move {
                sleep(before).await;
                peer.reject(&refused).await?;
                peer.header().await.map(drop)
            }
        })
        .await?;
        *requests = server.token_request_count() - 1;
    }
    let [at_once, apart] = apart;
    Ok(Some([one_by_one, at_once, apart]))
}

async fn with_token<P: Peer>() -> Result<(FakeTokenServer, P, HeaderValue)> {
    let server = FakeTokenServer::start()?;
    server.always_token_reply(P::reply(None).after(Duration::from_millis(25)));
    let peer = P::start(&setup(&server, false)).await?;
    let header = peer.header().await?;
    Ok((server, peer, header))
}

async fn renewal<P: Peer>() -> Result<Latencies> {
    let delay = Duration::from_millis(500);
    let (server, peer) = due_soon::<P>(P::reply(None).after(delay)).await?;
    let peer = Arc::new(peer);
    let duration = P::DUE_AFTER + delay + Duration::from_millis(700);
    let latencies = watch(64, duration, move || {
        let peer = Arc::clone(&peer);
        async move { peer.header().await.map(drop) }
    })
    .await?;
    ensure!(server.token_request_count() >= 2, "there was no renewal");
    Ok(latencies)
}

pub fn section(entries: &[Entry], runtime: &Runtime, settings: &Settings) -> Result<Section> {
    let mut rows = Vec::new();
    for entry in entries {
        let begin = Stopwatch::start();
        let stress = (entry.stress)(runtime, settings).with_context(|| entry.name)?;
        println!("{}: {:.1?}", entry.name, begin.elapsed());
        rows.push(row(entry, &stress));
    }
    let mut section = Section::new("peers-stress", "Peers: when it matters", HOW);
    let columns = [
        "library",
        "cold: requests",
        "failing: requests",
        "all told after",
        "failing window: requests",
        "calls that failed",
        "late rejections: requests one by one / at once / 7 ms apart",
        "renewal: stalls of 100 ms",
        "p99.9",
        "longest",
    ];
    section.tables.push(Table {
        title: "Requests made, and what callers felt".to_owned(),
        columns: columns.map(String::from).to_vec(),
        rows,
    });
    Ok(section)
}

fn row(entry: &Entry, stress: &Stress) -> Vec<String> {
    let micros = |nanos: f64| {
        let micros = nanos / 1000.0;
        if micros >= 1000.0 {
            format!("{} ms", readable(micros / 1000.0))
        } else {
            format!("{} µs", readable(micros))
        }
    };
    vec![
        versions::named(entry.name, entry.package),
        stress.cold_requests.to_string(),
        stress.failing_requests.to_string(),
        stress.failing_took.map_or_else(
            || format!("not within {} s", PATIENCE.as_secs()),
            |took| format!("{} ms", readable(took.as_secs_f64() * 1000.0)),
        ),
        stress.window_requests.to_string(),
        stress.window_failed.to_string(),
        stress.rejections.map_or_else(
            || "–".to_owned(),
            |[one_by_one, at_once, apart]| format!("{one_by_one} / {at_once} / {apart}"),
        ),
        stress
            .renewal
            .stalls(Duration::from_millis(100))
            .to_string(),
        micros(stress.renewal.at(0.999)),
        micros(stress.renewal.worst()),
    ]
}
