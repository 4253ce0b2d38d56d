//! What a server leaves behind. Alone in its binary: it counts the threads and sockets of the process.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use oauth_testkit::{FakeTokenServer, Gate, Reply};
use support::{Client, ask, good};

/// What is counted belongs to one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn sockets() -> usize {
    let files = fs::read_dir("/proc/self/fd").expect("procfs").flatten();
    files
        .filter_map(|file| fs::read_link(file.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

fn server_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("procfs").flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name.starts_with("fake-"))
        .count()
}

fn soon(condition: impl Fn() -> bool) -> bool {
    (0..100_000).any(|_| {
        thread::yield_now();
        condition()
    })
}

#[test]
fn a_dropped_server_leaves_neither_threads_nor_ports_nor_connections() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..20 {
        let server = FakeTokenServer::start().unwrap();
        let gate = Gate::new();
        let ports = [server.token_url(), server.api_url()];
        let mut clients: Vec<Client> = (0..6).map(|_| Client::to(&ports[0])).collect();
        clients.extend((0..2).map(|_| Client::to(&ports[1])));
        let replies = [
            Reply::hang(),
            Reply::token().gated(&gate),
            Reply::token().after(Duration::from_secs(3600)),
            Reply::token().drip(1, Duration::from_secs(3600)),
            // More than the buffers hold: the write blocks, for nobody reads.
            Reply::oversized(16 << 20),
        ];
        for (index, reply) in replies.into_iter().enumerate() {
            server.next_token_reply(reply);
            clients[index].send(good());
            server.await_token_requests(index + 1);
        }
        ask(&server, good()).token();
        // Two that accept, one a connection; a connection may wait to be accepted for a moment.
        assert!(
            soon(|| server_threads() >= 2 + 8),
            "{} threads",
            server_threads()
        );

        drop(server);
        // The kernel may list a thread for a moment after it was joined.
        assert!(
            soon(|| server_threads() == 0),
            "{} threads are left",
            server_threads()
        );
        for mut client in clients {
            // A reset is an end too: bytes may have been on the way.
            let (_, error) = client.rest();
            assert_ne!(
                error,
                Some(std::io::ErrorKind::WouldBlock),
                "the connection is open"
            );
        }
        for url in ports {
            let authority = url
                .trim_start_matches("http://")
                .split('/')
                .next()
                .unwrap()
                .to_owned();
            assert!(TcpStream::connect(authority).is_err(), "{url} is open");
        }
        gate.open();
    }
}

#[test]
fn ten_thousand_requests_leave_neither_threads_nor_sockets() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = sockets();
    let server = FakeTokenServer::start().unwrap();
    let mut kept = Client::to(&server.token_url());
    for _ in 0..4000 {
        kept.exchange(good()).token();
        kept.exchange(good()).token();
        // A connection of its own.
        ask(&server, good()).token();
        assert!(server_threads() < 20 && sockets() < before + 20);
    }
    server.assert_token_requests(12_000);
    assert_eq!(server.issued(), 12_000);
    drop(kept);
    // The one that accepts joins the threads of former connections whenever it serves a new one.
    let last = || {
        ask(&server, good()).token();
        // Two that accept, and this connection; two listeners.
        server_threads() <= 3 && sockets() <= before + 3
    };
    assert!(
        (0..1000).any(|_| last()),
        "{} threads, {} sockets",
        server_threads(),
        sockets() - before
    );

    drop(server);
    assert!(
        soon(|| server_threads() == 0),
        "{} threads are left",
        server_threads()
    );
    assert_eq!(sockets(), before);
}
