//! Plain synchronous code, with no async runtime anywhere in the program:
//!
//! ```sh
//! cargo run --example isahc_sync
//! ```

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use examples_isahc::set_up;
use isahc::config::Configurable;
use isahc::{ReadResponseExt, Request};
use oauth_testkit::FakeTokenServer;

fn main() -> Result<()> {
    let server = FakeTokenServer::start()?;
    let (source, api) = set_up(&server)?;
    let url = server.api_url_for("/users/23");

    let text = api.get(&url)?.text()?;
    println!("The first call fetches a token, and the API answers: {text}");

    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| api.get(&url).map(|response| response.status()));
        }
    });
    println!(
        "Ten threads use the same token: {} request to the token endpoint.",
        server.token_request_count()
    );
    ensure!(server.token_request_count() == 1);

    server.revoke_all();
    let request = Request::put(&url)
        .timeout(Duration::from_secs(5))
        .body("sent twice, seen once")?;
    let status = api.send(request)?.status();
    println!("The API refuses the token; the call gets a new one and is sent again: {status}.");
    ensure!(status == 200 && server.token_request_count() == 2);

    println!("Where it stands: {:?}", source.status());
    Ok(())
}
