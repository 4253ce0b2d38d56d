//! A network that is slow.

use std::net::SocketAddr;
use std::time::Duration;

use oauth_core::{Clock, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::unbounded_channel;

/// Passes connections on to a port of this machine, and each answer after a while.
pub(crate) struct SlowProxy {
    address: SocketAddr,
    _runtime: Runtime,
}

impl SlowProxy {
    pub(crate) fn start(port: u16, delay: Duration) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, port, delay));
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

async fn pass_on(client: TcpStream, port: u16, delay: Duration) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    let clock = SystemClock::new();
    let (sender, mut answers) = unbounded_channel();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let due = clock.now() + delay;
            if sender.send((due, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
    while let Some((due, answer)) = answers.recv().await {
        let left = due.saturating_duration_since(clock.now());
        clock.sleep(left).await;
        if to_client.write_all(&answer).await.is_err() {
            return;
        }
    }
}
