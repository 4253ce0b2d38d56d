//! What a server leaves behind. Alone in its binary: it counts the threads of the process.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use oauth_testkit::{FakeTokenServer, Gate, Reply};
use support::{Client, ask, good};

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
