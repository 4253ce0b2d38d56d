//! Each network fault, as the bytes arrive.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use oauth_testkit::{FakeTokenServer, Fault, FaultPlan, Gate, Reply};
use support::{Client, ask, call, get, good};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(10);

/// A server all of whose token requests suffer this.
fn suffering(fault: Fault) -> FakeTokenServer {
    let server = FakeTokenServer::start().unwrap();
    server.set_token_faults(FaultPlan::seeded(1).with(1.0, fault));
    server
}

/// A client that has sent a token request.
fn asking(server: &FakeTokenServer) -> Client {
    let mut client = Client::to(&server.token_url());
    client.send(good());
    client
}

/// Reads until `enough`, and makes sure that nothing more comes for a while.
fn before_the_wait(client: &mut Client, enough: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut come = Vec::new();
    while !enough(&String::from_utf8_lossy(&come)) {
        let mut piece = [0; 4096];
        let read = client.stream.read(&mut piece).unwrap();
        assert!(read > 0, "the connection ended after {come:?}");
        come.extend_from_slice(&piece[..read]);
    }
    client.stream.set_read_timeout(Some(SHORT)).unwrap();
    let (more, error) = client.rest();
    let waits = matches!(error, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(
        waits && more.is_empty(),
        "{more:?}, {error:?} after {come:?}"
    );
    client.stream.set_read_timeout(Some(LONG)).unwrap();
    come
}

/// The length of the body as far as it has come; `None` before the end of the head.
fn body_bytes(text: &str) -> Option<usize> {
    text.split_once("\r\n\r\n").map(|(_, body)| body.len())
}

/// Reads a whole response of which `begin` came before.
fn finish(client: &mut Client, mut begin: Vec<u8>) -> (String, String) {
    loop {
        let text = String::from_utf8(begin.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() == length.unwrap().parse::<usize>().unwrap() {
                return (head.to_owned(), body.to_owned());
            }
        }
        let mut piece = [0; 4096];
        let read = client.stream.read(&mut piece).unwrap();
        assert!(read > 0, "the connection ended after {text:?}");
        begin.extend_from_slice(&piece[..read]);
    }
}

#[expect(clippy::disallowed_methods, reason = "it is about real time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let result = work();
    (result, begin.elapsed())
}

/// The body of a token response without the token, which is another one each time.
fn assert_is_token(body: &str) {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["token_type"], "Bearer", "{body}");
}

#[test]
fn latency_is_waited_for() {
    let (least, jitter) = (SHORT * 2, Duration::ZERO);
    let server = suffering(Fault::Latency { least, jitter });
    let (response, took) = timed(|| ask(&server, good()));
    response.token();
    assert!(took >= least, "{took:?}");
}

#[test]
fn jitter_is_on_top_of_latency() {
    let (least, jitter) = (Duration::ZERO, SHORT);
    let server = suffering(Fault::Latency { least, jitter });
    let longest = (0..20).map(|_| timed(|| ask(&server, good()).token()).1);
    // This seed draws more than half of it at least once in twenty.
    assert!(longest.max().unwrap() > SHORT / 2);
}

#[test]
fn bandwidth_is_not_exceeded() {
    let server = suffering(Fault::Bandwidth {
        bytes_per_second: 5000,
    });
    server.next_token_reply(Reply::oversized(900));
    let (response, took) = timed(|| ask(&server, good()));
    assert_eq!(response.body.len(), 900);
    let bytes = u32::try_from(response.head.len() + 900).unwrap();
    assert!(took >= Duration::from_secs(bytes.into()) / 5000, "{took:?}");
}

#[test]
fn slices_arrive_one_after_the_other() {
    let pause = Duration::from_millis(3);
    let server = suffering(Fault::Slices { bytes: 10, pause });
    let mut client = Client::to(&server.token_url());
    let (all, took) = timed(|| {
        client.send(good());
        let mut all = Vec::new();
        while !all.ends_with(b"}") {
            let mut piece = [0; 4096];
            let read = client.stream.read(&mut piece).unwrap();
            all.extend_from_slice(&piece[..read]);
        }
        all
    });
    // There is a pause before each; how many arrive in one read is up to the machine.
    let pieces = u32::try_from(all.len().div_ceil(10)).unwrap();
    assert!(took >= pause * pieces, "{} bytes in {took:?}", all.len());
    let all = String::from_utf8(all).unwrap();
    assert_is_token(all.split_once("\r\n\r\n").unwrap().1);
    // The connection is fit for more.
    client.exchange(good()).token();
}

#[test]
fn a_slow_close_comes_after_a_body_without_length() {
    let server = suffering(Fault::SlowClose { delay: SHORT * 30 });
    let mut client = asking(&server);
    let all = before_the_wait(&mut client, |text| text.ends_with('}'));
    let all = String::from_utf8(all).unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("Content-Length") && head.contains("Connection: close"));
    assert_is_token(body);
    assert!(client.is_closed());
}

#[test]
fn a_hang_is_where_it_should_be_and_ends_with_its_gate() {
    let gates = [(); 3].map(|()| Gate::new());
    let [before, after, within] = gates.clone();
    let faults = [
        Fault::HangBeforeHeaders { until: before },
        Fault::HangAfterHeaders { until: after },
        Fault::HangInBody {
            after: 7,
            until: within,
        },
    ];
    for ((fault, gate), expected) in faults.into_iter().zip(gates).zip([None, Some(0), Some(7)]) {
        let server = suffering(fault);
        let mut client = asking(&server);
        server.await_token_requests(1);
        let come = before_the_wait(&mut client, |text| body_bytes(text) == expected);
        gate.open();
        assert_is_token(&finish(&mut client, come).1);
        client.exchange(good()).token();
    }
}

#[test]
fn a_reply_can_be_held_at_the_same_places() {
    let server = FakeTokenServer::start().unwrap();
    let gate = Gate::new();
    server.next_token_reply(Reply::token().gated_after_headers(&gate));
    server.next_token_reply(Reply::token().gated_in_body(3, &gate));
    let mut clients = [asking(&server), asking(&server)];
    server.await_token_requests(2);
    let mut come = clients
        .each_mut()
        .map(|client| before_the_wait(client, |text| matches!(body_bytes(text), Some(0 | 3))));
    let mut lengths = come
        .each_ref()
        .map(|come| body_bytes(&String::from_utf8_lossy(come)));
    lengths.sort_unstable();
    assert_eq!(lengths, [Some(0), Some(3)]);
    gate.open();
    for (client, come) in clients.iter_mut().zip(&mut come) {
        assert_is_token(&finish(client, std::mem::take(come)).1);
    }
}

#[test]
fn a_hang_ends_with_the_server() {
    for fault in [
        Fault::HangBeforeHeaders { until: Gate::new() },
        Fault::HangAfterHeaders { until: Gate::new() },
    ] {
        let server = suffering(fault);
        let mut client = asking(&server);
        server.await_token_requests(1);
        drop(server);
        let (bytes, error) = client.rest();
        assert_eq!(error, None, "{bytes:?}");
    }
}

#[test]
fn a_reset_before_the_response_loses_it() {
    let server = suffering(Fault::ResetBeforeResponse);
    assert_eq!(
        asking(&server).rest(),
        (Vec::new(), Some(ErrorKind::ConnectionReset))
    );
    let requests = server.token_requests();
    // The server did its part.
    assert_eq!((requests.len(), server.issued()), (1, 1));
    assert!(matches!(requests[0].faults(), [Fault::ResetBeforeResponse]));
    let line = requests[0].to_string();
    assert!(line.ends_with("-> 200, reset before response"), "{line}");
}

#[test]
fn a_reset_in_the_response_comes_after_so_many_bytes() {
    for after in [1, 20, 200] {
        let server = suffering(Fault::ResetInResponse { after });
        let (bytes, error) = asking(&server).rest();
        assert!(bytes.starts_with(b"H"));
        assert_eq!(
            (bytes.len(), error),
            (after, Some(ErrorKind::ConnectionReset))
        );
    }
}

#[test]
fn a_truncated_response_ends_in_good_order() {
    for after in [0, 1, 20, 200] {
        let server = suffering(Fault::Truncate { after });
        let (bytes, error) = asking(&server).rest();
        assert_eq!((bytes.len(), error), (after, None));
    }
    let server = suffering(Fault::Truncate { after: 1 << 20 });
    let mut client = asking(&server);
    client.response().unwrap().token();
    client.exchange(good()).token();
}

#[test]
fn garbage_is_no_http_and_the_same_for_the_same_seed() {
    let seen = [(); 2].map(|()| {
        let server = suffering(Fault::Garbage { bytes: 1001 });
        [asking(&server).rest(), asking(&server).rest()]
    });
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0][0], seen[0][1], "another request, other garbage");
    let (bytes, error) = &seen[0][0];
    assert_eq!((bytes.len(), *error), (1001, None));
    assert!(!bytes[0].is_ascii());
}

#[test]
fn a_connection_that_was_idle_is_closed_as_the_next_request_arrives() {
    let server = suffering(Fault::KeepAliveRace);
    let mut client = Client::to(&server.token_url());
    let first = client.exchange(good());
    assert_eq!(first.header("Connection"), Some("keep-alive"));
    client.send(good());
    assert!(client.is_closed());
    // As far as the server knows there was no second one.
    server.assert_token_requests(1);
    ask(&server, good()).token();
}

#[test]
fn refused_connections_are_refused_until_the_origin_is_back_at_the_same_port() {
    let server = FakeTokenServer::start().unwrap();
    let token = ask(&server, good()).token();
    let mut idle = Client::to(&server.token_url());
    idle.exchange(good()).token();
    let address = idle.stream.peer_addr().unwrap();

    let outage = server.refuse_token_connections();
    assert!(idle.is_closed());
    let refused = TcpStream::connect(address).map_err(|error| error.kind());
    assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused));
    // The API is another origin.
    assert_eq!(call(&server, get("/", &token)).status, 200);

    let second = server.refuse_token_connections();
    drop(outage);
    assert!(
        TcpStream::connect(address).is_err(),
        "one is under way still"
    );
    second.end();
    ask(&server, good()).token();

    let outage = server.refuse_api_connections();
    assert!(TcpStream::connect(server.api_url().trim_start_matches("http://")).is_err());
    ask(&server, good()).token();
    drop(server);
    drop(outage);
}

#[test]
fn an_outage_strikes_by_itself_and_ends_by_itself() {
    let server = FakeTokenServer::start().unwrap();
    let outage = Fault::Outage { lasting: SHORT };
    server.set_token_faults(FaultPlan::new().at(2, outage));
    ask(&server, good()).token();
    let mut idle = Client::to(&server.token_url());
    let address = idle.stream.peer_addr().unwrap();
    let mut client = asking(&server);
    assert_eq!(client.rest().0, b"");
    assert_eq!(idle.rest().0, b"");
    let back = (0..100_000).any(|_| {
        thread::yield_now();
        TcpStream::connect(address).is_ok()
    });
    assert!(back);
    ask(&server, good()).token();
    // The request of the outage has arrived.
    server.assert_token_requests(3);
}

#[test]
fn the_same_seed_strikes_the_same_requests_whatever_the_threads_do() {
    let plan = FaultPlan::seeded(42).with(0.3, Fault::ResetBeforeResponse);
    let expected = (1..=100).filter(|n| !plan.faults_of(*n).is_empty()).count();
    assert!((15..45).contains(&expected), "{expected} of 100");
    let server = FakeTokenServer::start().unwrap();
    for _ in 0..2 {
        server.set_token_faults(plan.clone());
        let struck: Vec<bool> = (1..=100)
            .map(|_| asking(&server).response().is_err())
            .collect();
        let planned = (1..=100).map(|n| !plan.faults_of(n).is_empty());
        assert!(struck.into_iter().eq(planned));

        server.set_token_faults(plan.clone());
        let struck = thread::scope(|scope| {
            let asking: Vec<_> = (0..100)
                .map(|_| scope.spawn(|| asking(&server).response().is_err()))
                .collect();
            let struck = asking.into_iter().map(|thread| thread.join().unwrap());
            struck.filter(|struck| *struck).count()
        });
        assert_eq!(struck, expected);
    }
    server.clear_faults();
    ask(&server, good()).token();
}

#[test]
fn faults_are_drawn_each_for_itself_and_the_same_in_every_version() {
    let plan = |seed| {
        FaultPlan::seeded(seed)
            .with(0.5, Fault::ResetBeforeResponse)
            .with(0.5, Fault::Truncate { after: 1 })
            .with(0.0, Fault::KeepAliveRace)
    };
    let names = |seed, requests: std::ops::RangeInclusive<usize>| -> String {
        let of = |request| plan(seed).faults_of(request).iter().map(initial).collect();
        requests.map(of).collect::<Vec<String>>().join(" ")
    };
    assert_eq!(names(42, 1..=12), GOLDEN);
    assert_ne!(names(43, 1..=12), GOLDEN);
    let both = (1..=1000)
        .filter(|n| plan(42).faults_of(*n).len() == 2)
        .count();
    assert!((200..300).contains(&both), "{both} of 1000");
}

const GOLDEN: &str = " t r   rt r r t  r ";

fn initial(fault: &Fault) -> char {
    fault.to_string().chars().next().unwrap()
}

#[test]
fn the_api_has_faults_of_its_own() {
    let server = FakeTokenServer::start().unwrap();
    server.set_api_faults(FaultPlan::seeded(7).with(1.0, Fault::Truncate { after: 30 }));
    let token = ask(&server, good()).token();
    let mut client = Client::to(&server.api_url());
    client.send(get("/", &token));
    let (bytes, error) = client.rest();
    assert_eq!((bytes.len(), error), (30, None));
    let line = server.api_requests()[0].to_string();
    assert!(line.ends_with("-> 200, truncated"), "{line}");
    server.clear_faults();
    assert_eq!(call(&server, get("/", &token)).status, 200);
}

#[test]
fn several_faults_of_one_request_add_up() {
    let server = FakeTokenServer::start().unwrap();
    let gate = Gate::new();
    let plan = FaultPlan::seeded(3)
        .with(
            1.0,
            Fault::Slices {
                bytes: 3,
                pause: Duration::ZERO,
            },
        )
        .with(
            1.0,
            Fault::HangAfterHeaders {
                until: gate.clone(),
            },
        )
        .with(1.0, Fault::ResetInResponse { after: 5000 })
        .with(1.0, Fault::Truncate { after: 400 });
    server.set_token_faults(plan);
    server.next_token_reply(Reply::oversized(1000));
    let mut client = asking(&server);
    server.await_token_requests(1);
    let come = before_the_wait(&mut client, |text| body_bytes(text) == Some(0));
    gate.open();
    let (rest, error) = client.rest();
    assert_eq!((come.len() + rest.len(), error), (400, None));
}

#[test]
#[should_panic(expected = "1.5 is not a probability")]
fn a_probability_beyond_certainty_is_a_mistake() {
    let _ = FaultPlan::seeded(0).with(1.5, Fault::KeepAliveRace);
}
