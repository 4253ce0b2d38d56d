//! The fastest server there is, for measuring clients.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// A server on loopback that answers every request without a body at once and always the same, on a thread of its own.
/// It looks at nothing but where a request ends.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    _runtime: Runtime,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";

impl Loopback {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If there is no port or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_io()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Ok(Self {
            address,
            _runtime: runtime,
        })
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Until the client goes.
async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::with_capacity(4096);
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
        // A client that does not pipeline has sent nothing behind the end.
        if received.ends_with(b"\r\n\r\n") {
            stream.write_all(ANSWER).await?;
            received.clear();
        }
    }
}
