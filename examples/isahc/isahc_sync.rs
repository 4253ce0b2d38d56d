//! Plain synchronous code, with no async runtime anywhere in the program:
//!
//! ```sh
//! cargo run -p examples-isahc --example isahc_sync
//! ```

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use examples_isahc::{await_renewal, set_up, start_server};
use isahc::config::Configurable;
use isahc::{ReadResponseExt, Request};

fn main() -> Result<()> {
    let (server, clock) = start_server()?;
    let (source, api) = set_up(&server, &clock)?;
    let url = server.api_url_for("/users/23");

    let text = api.get(&url)?.text()?;
    println!("The first call fetches a token, and the API answers: {text}");

    let statuses = thread::scope(|scope| {
        let call = || api.get(&url).map(|response| response.status());
        let threads = [(); 10].map(|()| scope.spawn(call));
        let outcomes = threads.map(|thread| thread.join().expect("no call panics"));
        outcomes.into_iter().collect::<Result<Vec<_>, _>>()
    })?;
    ensure!(statuses.iter().all(|status| *status == 200));
    println!(
        "Ten threads use the same token: {} request to the token endpoint.",
        server.token_request_count()
    );
    ensure!(server.token_request_count() == 1);

    // The token lives for an hour.
    clock.advance(Duration::from_secs(55 * 60));
    let status = api.get(&url)?.status();
    await_renewal(&source)?;
    println!(
        "After 55 minutes a call still has its token, and another one is fetched in the background: {status}."
    );
    ensure!(status == 200 && server.token_request_count() == 2);

    server.revoke_all();
    let request = Request::put(&url)
        .timeout(Duration::from_secs(5))
        .body("sent twice, seen once")?;
    let status = api.send(request)?.status();
    println!("The API refuses the token; the call gets a new one and is sent again: {status}.");
    ensure!(status == 200 && server.token_request_count() == 3);

    println!("Where it stands: {:?}", source.status());
    Ok(())
}
