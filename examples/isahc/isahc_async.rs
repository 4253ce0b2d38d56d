//! Asynchronous code in whatever executor there is. Here it is the smallest one; there is no async runtime
//! anywhere in the program:
//!
//! ```sh
//! cargo run -p examples-isahc --example isahc_async
//! ```

use std::time::Duration;

use anyhow::{Result, ensure};
use examples_isahc::{await_renewal, set_up, start_server};
use futures_executor::block_on;
use futures_util::future::try_join_all;
use isahc::AsyncReadResponseExt;

fn main() -> Result<()> {
    block_on(run())
}

async fn run() -> Result<()> {
    let (server, clock) = start_server()?;
    let (source, api) = set_up(&server, &clock)?;
    let url = server.api_url_for("/users/23");

    let responses = try_join_all((0..10).map(|_| api.get_async(&url))).await?;
    println!(
        "{} calls at a cold start share {} token request.",
        responses.len(),
        server.token_request_count()
    );
    ensure!(server.token_request_count() == 1);

    // The token lives for an hour.
    clock.advance(Duration::from_secs(55 * 60));
    let status = api.get_async(&url).await?.status();
    await_renewal(&source)?;
    println!(
        "After 55 minutes a call still has its token, and another one is fetched in the background: {status}."
    );
    ensure!(status == 200 && server.token_request_count() == 2);

    server.revoke_all();
    let mut response = api.post_async(&url, "sent twice, seen once").await?;
    let text = response.text().await?;
    println!("The API refuses the token; the call gets a new one and is sent again: {text}");
    ensure!(response.status() == 200 && server.token_request_count() == 3);

    println!("Where it stands: {:?}", source.status());
    Ok(())
}
