//! The blocking client: where it may be used, and where it says that it may not.

#![cfg(feature = "blocking")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use oauth_core::{ClientCredentials, TokenSource};
use oauth_reqwest::blocking::Client;
use oauth_reqwest::{Error, ReqwestHttpClient};
use oauth_testkit::FakeTokenServer;
use reqwest::StatusCode;
use tokio::runtime::Builder;

fn source(server: &FakeTokenServer) -> impl TokenSource + 'static {
    ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached()
}

fn client(server: &FakeTokenServer) -> Result<Client, Error> {
    oauth_reqwest::blocking::client(source(server), [server.api_url()])
}

fn status(outcome: Result<reqwest::blocking::Response, Error>) -> StatusCode {
    outcome.unwrap().status()
}

#[test]
fn every_method_bears_the_token_once() {
    let server = FakeTokenServer::start().unwrap();
    let api = client(&server).unwrap();
    let url = server.api_url_for("/things");
    for builder in [
        api.get(&url),
        api.head(&url),
        api.post(&url).body("x"),
        api.put(&url).body("x"),
        api.patch(&url).body("x"),
        api.delete(&url),
    ] {
        assert_eq!(status(builder.send()), 200);
    }
    let requests = server.api_requests();
    let methods: Vec<_> = requests.iter().map(|request| request.method()).collect();
    assert_eq!(methods, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
    server.assert_token_requests(1);
}

#[test]
fn inside_a_runtime_it_is_an_error_that_says_what_to_use() {
    let server = FakeTokenServer::start().unwrap();
    let api = client(&server).unwrap();
    let current = Builder::new_current_thread().build().unwrap();
    let multi = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();

    let error = current.block_on(async { client(&server) }).unwrap_err();
    assert!(matches!(error, Error::InsideRuntime));
    let error = current.block_on(async { api.get(server.api_url()).send() });
    assert!(matches!(error, Err(Error::InsideRuntime)));
    let worker_api = api.clone();
    let url = server.api_url();
    let task = multi.spawn(async move { worker_api.get(url).send() });
    let error = multi.block_on(task).unwrap().unwrap_err();
    assert!(matches!(error, Error::InsideRuntime));
    let shown = error.to_string();
    assert!(
        shown.contains("oauth_reqwest::Client") && shown.contains("spawn_blocking"),
        "{shown}"
    );
    server.assert_token_requests(0);
    server.assert_api_requests(0);
}

#[test]
fn on_a_thread_of_a_runtime_that_may_block_it_works() {
    let server = FakeTokenServer::start().unwrap();
    let runtime = Builder::new_current_thread().build().unwrap();
    let api = client(&server).unwrap();
    let url = server.api_url();
    let task = runtime.spawn_blocking({
        let api = api.clone();
        move || status(api.get(url).send())
    });
    assert_eq!(runtime.block_on(task).unwrap(), 200);
    let multi = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let task = multi.spawn({
        let (api, url) = (api.clone(), server.api_url());
        async move {
            let status = tokio::task::block_in_place(|| status(api.get(&url).send()));
            (status, api.get(&url).send().err())
        }
    });
    let (allowed, behind) = multi.block_on(task).unwrap();
    assert_eq!(allowed, 200);
    assert!(matches!(behind, Some(Error::InsideRuntime)), "{behind:?}");
    // A plain thread that knows a runtime is in none.
    let _known = runtime.enter();
    assert_eq!(status(api.get(server.api_url()).send()), 200);
}
