//! A reverse proxy on axum that puts a token on what it passes on. Its callers need none:
//!
//! ```sh
//! cargo run -p examples-proxy
//! ```

mod hop_by_hop;
mod proxy;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::iter;
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use oauth_core::{Authorizer, ClientCredentials};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::FakeTokenServer;
use tokio::net::TcpListener;

pub use proxy::{Proxy, RESENT};

/// What it shows, told on the standard output while it happens.
///
/// # Errors
///
/// If anything is not as told.
pub async fn run() -> Result<()> {
    let server = FakeTokenServer::start()?;
    let proxy = serve(&server).await?;
    let caller: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let post = async |body: Body| -> Result<StatusCode> {
        let request = Request::post(format!("http://{proxy}/orders?open=1"))
            .header(AUTHORIZATION, "Bearer of-the-caller")
            .header("Connection", "X-Private")
            .header("X-Private", "between the caller and the proxy")
            .body(body)?;
        Ok(caller.request(request).await?.status())
    };

    let status = post(Body::from("an order")).await?;
    println!("A caller without a token for the API is answered by it: {status}.");
    ensure!(status == StatusCode::OK);
    let seen = server.api_requests();
    println!(
        "The API saw {} at {}.",
        seen[0].method(),
        seen[0].path_and_query()
    );
    ensure!(seen[0].token_was_live() && seen[0].authorization_count() == 1);
    ensure!(seen[0].header("via").is_some() && seen[0].header("x-private").is_none());

    server.revoke_all();
    let status = post(stream(2)).await?;
    println!("The token is revoked. A small stream is sent again with a new one: {status}.");
    ensure!(status == StatusCode::OK && server.token_request_count() == 2);
    let seen = server.api_requests();
    ensure!(seen[1].body() == seen[2].body() && seen[2].body().len() == 2 * PART);

    let parts = 8 * RESENT / PART;
    let status = post(stream(parts)).await?;
    println!("A large stream passes through: {status}.");
    ensure!(status == StatusCode::OK);
    let seen = server.api_requests();
    ensure!(
        seen.last()
            .is_some_and(|seen| seen.body().len() == parts * PART)
    );

    server.revoke_all();
    let status = post(stream(parts)).await?;
    println!("With a token that was revoked it is lost, as nobody keeps it: {status}.");
    ensure!(status == StatusCode::BAD_GATEWAY);
    Ok(())
}

/// Starts the proxy on loopback; it serves until the runtime ends.
///
/// # Errors
///
/// If there is no port to be had.
pub async fn serve(server: &FakeTokenServer) -> Result<SocketAddr> {
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new()?)
        .build()?
        .cached();
    let api = server.api_url();
    let authority = api.trim_start_matches("http://").parse()?;
    let proxy = Proxy::new(Authorizer::new(source, [&api])?, authority);
    let router = Router::new().fallback(move |request| proxy.clone().forward(request));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(address)
}

const PART: usize = 1024;

/// A body that comes in parts, and does not say how many there are.
fn stream(parts: usize) -> Body {
    let part = Bytes::from_static(&[b'x'; PART]);
    Body::from_stream(iter(std::iter::repeat_n(Ok::<_, Infallible>(part), parts)))
}
