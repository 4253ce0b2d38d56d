//! The endpoint that Prometheus scrapes. A service has an HTTP server already, and adds a route there instead.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// What a scraper has to say fits in here.
const LONGEST_HEAD: usize = 8 * 1024;
/// Whoever takes longer is no scraper.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("{address} cannot be served"))
}

/// Answers until it is dropped, one scrape after the other.
pub(crate) async fn serve(listener: TcpListener, scrape: impl Fn() -> String) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        match timeout(PATIENCE, answer(stream, &scrape)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("a scrape failed: {error}"),
            Err(_) => eprintln!("a scrape took too long"),
        }
    }
}

async fn answer(mut stream: TcpStream, scrape: impl Fn() -> String) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 || head.len() > LONGEST_HEAD {
            return Ok(());
        }
    }
    let (status, body) = if head.starts_with(b"GET /metrics ") {
        ("200 OK", scrape())
    } else {
        ("404 Not Found", "There is /metrics.\n".to_owned())
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
