//! The HTTP client port.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::future::Future;
use std::time::Duration;

use oauth_core::{ClientCredentials, ErrorKind, TokenSource};
use oauth_reqwest::ReqwestHttpClient;
use oauth_testkit::{FakeTokenServer, Gate, Reply};
use tokio::runtime::{Builder, Runtime};

mod conformance {
    oauth_testkit::http_client_conformance! {
        client: super::client,
        block_on: super::block_on,
    }
}

fn client(limit: Duration) -> ReqwestHttpClient {
    ReqwestHttpClient::configured(|builder| builder.timeout(limit)).unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

fn source(
    server: &FakeTokenServer,
    client: ReqwestHttpClient,
) -> impl TokenSource + Clone + 'static {
    ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(client)
        .build()
        .unwrap()
        .cached()
}

#[test]
fn p10_redirects_stay_off_whatever_the_settings_say() {
    let (server, elsewhere) = (
        FakeTokenServer::start().unwrap(),
        FakeTokenServer::start().unwrap(),
    );
    server.next_token_reply(Reply::redirect(307, elsewhere.token_url()));
    let client =
        ReqwestHttpClient::configured(|b| b.redirect(reqwest::redirect::Policy::limited(5)))
            .unwrap();
    let error = block_on(source(&server, client).token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse);
    assert!(error.to_string().contains("redirect"), "{error}");
    elsewhere.assert_token_requests(0);
}

#[test]
fn a_plain_thread_in_a_program_without_a_runtime_gets_its_token() {
    let server = FakeTokenServer::start().unwrap();
    let source = source(&server, ReqwestHttpClient::new().unwrap());
    assert_eq!(source.token_blocking().unwrap().generation(), 1);
    server.assert_token_requests(1);
}

#[test]
fn p05_blocking_a_current_thread_runtime_waits_for_a_request_begun_in_it() {
    let server = FakeTokenServer::start().unwrap();
    let gate = Gate::new();
    server.next_token_reply(Reply::token().gated(&gate));
    let source = source(&server, ReqwestHttpClient::new().unwrap());
    let generation = block_on(async {
        let first = source.clone();
        let task = tokio::spawn(async move { first.token().await });
        while server.token_request_count() == 0 {
            tokio::task::yield_now().await;
        }
        gate.open();
        // Nothing of this runtime goes on from here.
        let token = source.token_blocking().unwrap();
        assert_eq!(task.await.unwrap().unwrap().generation(), 1);
        token.generation()
    });
    assert_eq!(generation, 1);
    server.assert_token_requests(1);
}

#[test]
fn p05_every_worker_of_a_runtime_may_block() {
    let server = FakeTokenServer::start().unwrap();
    let source = source(&server, ReqwestHttpClient::new().unwrap());
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let source = source.clone();
            runtime.spawn(async move { source.token_blocking().unwrap().generation() })
        })
        .collect();
    for caller in callers {
        assert_eq!(runtime.block_on(caller).unwrap(), 1);
    }
    server.assert_token_requests(1);
}

#[test]
fn p05_a_runtime_that_shuts_down_mid_flight_strands_nobody() {
    let server = FakeTokenServer::start().unwrap();
    server.next_token_reply(Reply::hang());
    let source = source(&server, ReqwestHttpClient::new().unwrap());

    let first = runtime();
    let waiting = source.clone();
    first.spawn(async move { waiting.token().await });
    first.block_on(async {
        while server.token_request_count() == 0 {
            tokio::task::yield_now().await;
        }
    });
    first.shutdown_background();

    assert_eq!(block_on(source.token()).unwrap().generation(), 1);
    server.assert_token_requests(2);
}

#[test]
fn p04_callers_in_two_runtimes_share_one_request() {
    let server = FakeTokenServer::start().unwrap();
    server.always_token_reply(Reply::token().after(Duration::from_millis(50)));
    let source = source(&server, ReqwestHttpClient::new().unwrap());
    let generations = std::thread::scope(|scope| {
        let callers =
            [(); 2].map(|()| scope.spawn(|| block_on(source.token()).unwrap().generation()));
        callers.map(|caller| caller.join().unwrap())
    });
    assert_eq!(generations, [1, 1]);
    server.assert_token_requests(1);
}

#[test]
fn p10_plain_http_to_this_machine_goes_through_no_proxy() {
    let server = FakeTokenServer::start().unwrap();
    let proxy = FakeTokenServer::start().unwrap();
    let client = ReqwestHttpClient::configured(|builder| {
        builder.proxy(reqwest::Proxy::all(proxy.api_url()).unwrap())
    })
    .unwrap();
    let token = block_on(source(&server, client).token()).unwrap();
    assert_eq!(token.generation(), 1);
    proxy.assert_api_requests(0);
    server.assert_token_requests(1);
}
