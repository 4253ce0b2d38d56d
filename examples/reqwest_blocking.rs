//! Plain synchronous code on reqwest's blocking client:
//!
//! ```sh
//! cargo run --example reqwest_blocking
//! ```

use std::thread;

use anyhow::{Result, ensure};
use oauth_core::ClientCredentials;
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::FakeTokenServer;

fn main() -> Result<()> {
    let server = FakeTokenServer::start()?;
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new()?)
        .build()?
        .cached();
    let api = oauth_reqwest::blocking::client(source.clone(), [server.api_url()])?;
    let url = server.api_url_for("/users/23");

    let text = api.get(&url).send()?.text()?;
    println!("The first call fetches a token, and the API answers: {text}");

    let statuses = thread::scope(|scope| {
        let call = || api.get(&url).send().map(|response| response.status());
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

    server.revoke_all();
    let status = api.put(&url).body("sent twice, seen once").send()?.status();
    println!("The API refuses the token; the call gets a new one and is sent again: {status}.");
    ensure!(status == 200 && server.token_request_count() == 2);

    println!("Where it stands: {:?}", source.status());
    Ok(())
}
