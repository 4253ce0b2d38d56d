//! A network that is slow.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_core::{Clock, Instant, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::unbounded_channel;

/// Passes connections on to a port of this machine, and each answer after a while.
pub(crate) struct SlowProxy {
    address: SocketAddr,
    network: Arc<Network>,
    _runtime: Runtime,
}

struct Network {
    clock: Box<dyn Clock>,
    port: u16,
    delay: Mutex<Duration>,
    /// When the answers on the way arrive.
    due: Mutex<Vec<Instant>>,
}

impl SlowProxy {
    pub(crate) fn start(port: u16, delay: Duration) -> Self {
        Self::start_on(SystemClock::new(), port, delay)
    }

    /// It is this clock that tells how long an answer takes.
    pub(crate) fn start_on(clock: impl Clock + 'static, port: u16, delay: Duration) -> Self {
        let network = Arc::new(Network {
            clock: Box::new(clock),
            port,
            delay: Mutex::new(delay),
            due: Mutex::default(),
        });
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let of_all = Arc::clone(&network);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, Arc::clone(&of_all)));
            }
        });
        Self {
            address,
            network,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn set_delay(&self, delay: Duration) {
        *self.network.delay.lock().unwrap() = delay;
    }

    /// How many answers are on the way, for some time still.
    pub(crate) fn held(&self) -> usize {
        let now = self.network.clock.now();
        let due = self.network.due.lock().unwrap();
        due.iter().filter(|due| **due > now).count()
    }
}

async fn pass_on(client: TcpStream, network: Arc<Network>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", network.port)).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    let (sender, mut answers) = unbounded_channel();
    let on_the_way = Arc::clone(&network);
    tokio::spawn(async move {
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let delay = *on_the_way.delay.lock().unwrap();
            let way = on_the_way.clock.sleep(delay);
            let due = on_the_way.clock.now() + delay;
            on_the_way.due.lock().unwrap().push(due);
            if sender.send((way, due, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
    while let Some((way, due, answer)) = answers.recv().await {
        way.await;
        network.due.lock().unwrap().retain(|other| *other != due);
        if to_client.write_all(&answer).await.is_err() {
            return;
        }
    }
}
