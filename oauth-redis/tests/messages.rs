//! Every error of this crate as its reader gets to see it. `INSTA_UPDATE=always` takes new texts over.

// The causes are in the words of the system; with TLS a URL says something else.
#![cfg(all(target_os = "linux", feature = "rustls"))]
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and may have threads"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{TokenKey, TokenStore};
use oauth_redis::{RedisStore, redis};
use oauth_testkit::Messages;

/// An engine that has one answer to everything.
fn engine(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move |mut stream: TcpStream| {
        let mut request = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut request) {
            // A command begins with its length, "*3\r\n"; its words have "$".
            let commands = request[..read].iter().filter(|byte| **byte == b'*').count();
            if stream
                .write_all(answer.repeat(commands).as_bytes())
                .is_err()
            {
                break;
            }
        }
    };
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    port
}

#[test]
fn p09_each_message_is_the_one_on_record_and_shows_no_secret() {
    let key = TokenKey::builder("messages").build();
    let mut messages = Messages::new();
    messages.add_err("no URL", RedisStore::open("hunter2@redis.example.com"));
    let client = redis::Client::open("redis://127.0.0.1").unwrap();
    let braces = RedisStore::builder(client).prefix("{oauth}:").build();
    messages.add_err("a prefix with a brace", braces);

    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut ports = vec![port];
    let open =
        |port: u16| RedisStore::open(format!("redis://me:hunter2@127.0.0.1:{port}")).unwrap();
    messages.add_err("nobody listens", block_on(open(port).load(&key)));
    for (when, answer) in [
        (
            "a wrong password",
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
        ),
        (
            "no rights",
            "-NOPERM User me has no permissions to run the 'evalsha' command\r\n",
        ),
        (
            "no memory",
            "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        ),
        (
            "an error that may quote",
            "-ERR unknown command 'hunter2'\r\n",
        ),
    ] {
        let port = engine(answer);
        ports.push(port);
        let url = format!("redis://127.0.0.1:{port}");
        let url = if when == "a wrong password" {
            url.replace("//", "//me:hunter2@")
        } else {
            url
        };
        let store = RedisStore::open(url).unwrap();
        messages.add_err(when, block_on(store.load(&key)));
    }
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    ports.push(port);
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let store = RedisStore::builder(client)
        .connection_timeout(Duration::from_millis(100))
        .response_timeout(Duration::from_millis(100));
    let store = store.build().unwrap();
    messages.add_err("an engine that does not answer", block_on(store.load(&key)));

    messages.assert_free_of(&["hunter2"]);
    let mut text = messages.to_string();
    for port in ports {
        text = text.replace(&format!(":{port}"), ":<port>");
    }
    insta::assert_snapshot!("redis", text);
}
