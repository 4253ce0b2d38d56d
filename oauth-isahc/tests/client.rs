//! The authorized client, synchronous and asynchronous, in programs with and without a runtime.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use http::{Extensions, StatusCode};
use isahc::config::{Configurable, RedirectPolicy};
use isahc::{AsyncReadResponseExt, Request, ResponseExt};
use oauth_core::{Authorizer, ClientCredentials, ErrorKind, NotResent, Resent, TokenSource};
use oauth_isahc::{Client, Error, IsahcHttpClient};
use oauth_testkit::{FakeTokenServer, Gate, ManualClock, Reply};

fn source(server: &FakeTokenServer) -> impl TokenSource + Clone + 'static {
    ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(IsahcHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached()
}

fn fixture() -> (FakeTokenServer, Client) {
    let server = FakeTokenServer::start().unwrap();
    let api = oauth_isahc::client(source(&server), [server.api_url()]).unwrap();
    (server, api)
}

#[test]
fn every_method_bears_the_token_once() {
    let (server, api) = fixture();
    let url = &server.api_url_for("/things");
    futures_executor::block_on(async {
        for status in [
            api.get(url).unwrap().status(),
            api.head(url).unwrap().status(),
            api.delete(url).unwrap().status(),
            api.post(url, "x").unwrap().status(),
            api.put(url, "x").unwrap().status(),
            api.patch(url, "x").unwrap().status(),
            api.get_async(url).await.unwrap().status(),
            api.head_async(url).await.unwrap().status(),
            api.delete_async(url).await.unwrap().status(),
            api.post_async(url, "x").await.unwrap().status(),
            api.put_async(url, "x").await.unwrap().status(),
            api.patch_async(url, "x").await.unwrap().status(),
        ] {
            assert_eq!(status, 200);
        }
    });
    let requests = server.api_requests();
    let methods: Vec<_> = requests.iter().map(|request| request.method()).collect();
    let once = ["GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"];
    assert_eq!(methods, [once, once].concat());
    assert!(
        requests
            .iter()
            .all(|request| request.authorization_count() == 1)
    );
    server.assert_token_requests(1);
}

#[test]
fn a_future_borrows_neither_uri_nor_body() {
    let (server, api) = fixture();
    let future = {
        let url = server.api_url_for("/things").to_string();
        let body = "x".to_owned();
        api.post_async(url.as_str(), body.as_str())
    };
    let response = futures_executor::block_on(future).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(server.api_requests()[0].body(), "x");
}

#[test]
fn p07_a_token_that_isahc_drops_on_a_redirect_within_the_origin_is_not_rejected() {
    let server = FakeTokenServer::start().unwrap();
    let source = source(&server);
    // For isahc, names that differ in case are two hosts.
    let home = server.api_url().replace("127.0.0.1", "localhost");
    let asked = home.replace("localhost", "LOCALHOST");
    let http = isahc::HttpClient::builder()
        .proxy(None)
        .redirect_policy(RedirectPolicy::Follow)
        .build()
        .unwrap();
    let api = Client::new(http, Authorizer::new(source.clone(), [&home]).unwrap());
    for landing in [format!("{home}/landing"), format!("{home}/")] {
        server.clear_log();
        server.next_api_reply(Reply::redirect(307, landing));
        let refusal =
            Reply::status(401).header("WWW-Authenticate", r#"Bearer error="invalid_token""#);
        server.next_api_reply(refusal);
        assert_eq!(api.get(format!("{asked}/")).unwrap().status(), 401);
        let bears: Vec<_> = server
            .api_requests()
            .iter()
            .map(|request| request.authorization_count())
            .collect();
        assert_eq!(bears, [1, 0]);
        assert_eq!(source.ready().unwrap().generation(), 1);
    }
}

#[test]
fn an_invalid_uri_is_an_error_and_not_a_panic() {
    let (_server, api) = fixture();
    assert!(matches!(api.get("http://[").unwrap_err(), Error::Http(_)));
    let outcome = futures_executor::block_on(api.get_async("http://["));
    assert!(matches!(outcome.unwrap_err(), Error::Http(_)));
    let Error::Token(error) = api.get("/relative").unwrap_err() else {
        panic!("a relative URI is at no origin")
    };
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
}

/// Fetches, renews in the background and heals, through whatever executor runs it.
async fn life_of_a_token() {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder()
        .clock(clock.clone())
        .start()
        .unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(IsahcHttpClient::new().unwrap())
        .clock(clock.clone())
        .build()
        .unwrap()
        .cached();
    let api = oauth_isahc::client(source.clone(), [server.api_url()]).unwrap();

    let mut response = api.get_async(server.api_url()).await.unwrap();
    assert!(response.text().await.unwrap().starts_with('{'));

    let gate = Gate::new();
    server.next_token_reply(Reply::token().gated(&gate));
    clock.advance(Duration::from_secs(3300));
    // The renewal is held back, and no call waits for it.
    assert_eq!(api.get(server.api_url()).unwrap().status(), 200);
    until(|| server.token_request_count() == 2).await;
    let status = api.get_async(server.api_url()).await.unwrap().status();
    assert_eq!(status, 200);
    assert_eq!(source.status().generation(), 1);
    gate.open();
    until(|| source.status().generation() == 2).await;

    server.revoke_all();
    let response = api.post_async(server.api_url(), "again").await.unwrap();
    assert_eq!(response.status(), 200);
    // Long enough for the new token to have proved itself.
    clock.advance(Duration::from_secs(60));
    server.revoke_all();
    assert_eq!(api.post(server.api_url(), "again").unwrap().status(), 200);
    server.assert_token_requests(4);
}

/// Waits without holding up the tasks beside it: with the core's feature `tokio` a renewal is one of them.
async fn until(done: impl Fn() -> bool) {
    while !done() {
        smol::future::yield_now().await;
    }
}

#[test]
fn the_life_of_a_token_in_futures_executor() {
    futures_executor::block_on(life_of_a_token());
}

#[test]
fn the_life_of_a_token_in_smol() {
    smol::block_on(smol::spawn(life_of_a_token()));
}

#[test]
fn the_life_of_a_token_in_one_thread_of_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(life_of_a_token());
}

#[test]
fn the_life_of_a_token_in_many_threads_of_tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let task = runtime.spawn(life_of_a_token());
    runtime.block_on(task).unwrap();
}

#[test]
fn p04_a_hundred_threads_at_a_cold_start_cause_one_request() {
    let (server, api) = fixture();
    let gate = Gate::new();
    server.next_token_reply(Reply::token().gated(&gate));
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| assert_eq!(api.get(server.api_url()).unwrap().status(), 200));
        }
        server.await_token_requests(1);
        gate.open();
    });
    server.assert_token_requests(1);
    server.assert_api_requests(100);
}

#[test]
fn what_a_request_is_configured_with_is_kept_when_it_is_sent_again() {
    for is_async in [false, true] {
        let (server, api) = fixture();
        api.get(server.api_url()).unwrap();
        server.revoke_all();
        let landing = server.api_url_for("/landing");
        let request = Request::put(server.api_url_for(&format!("/redirect-to?location={landing}")))
            .header("x-own", "kept")
            .redirect_policy(RedirectPolicy::Follow)
            .body("abc")
            .unwrap();
        let effective_uri = if is_async {
            let response = futures_executor::block_on(api.send_async(request));
            response.unwrap().effective_uri().cloned()
        } else {
            api.send(request).unwrap().effective_uri().cloned()
        };
        assert_eq!(effective_uri.unwrap(), landing.as_str());
        let requests = server.api_requests();
        assert_eq!(requests.len(), 4, "refused, sent again, redirected");
        for sent in &requests[1..] {
            assert_eq!(sent.header("x-own"), Some("kept"));
            assert_eq!(sent.body(), "abc");
        }
    }
}

fn assert_was_refused(status: StatusCode, extensions: &Extensions) {
    assert_eq!(status, 401);
    assert!(extensions.get::<Resent>().is_none());
    let reason = extensions.get::<NotResent>().unwrap();
    assert_eq!(reason.error().kind(), ErrorKind::Refused);
}

#[test]
fn p07_a_401_says_why_there_was_no_new_token() {
    for is_async in [false, true] {
        let (server, api) = fixture();
        api.get(server.api_url()).unwrap();
        server.revoke_all();
        server.always_token_reply(Reply::oauth_error("invalid_client"));
        if is_async {
            let response = futures_executor::block_on(api.get_async(server.api_url())).unwrap();
            assert_was_refused(response.status(), response.extensions());
        } else {
            let response = api.get(server.api_url()).unwrap();
            assert_was_refused(response.status(), response.extensions());
        }
        server.assert_token_requests(2);
    }
}

#[test]
fn p10_plain_http_to_this_machine_goes_through_no_proxy() {
    let (server, _) = fixture();
    let proxy = FakeTokenServer::start().unwrap();
    // What the environment says is read when a request is made; a child process has one of its own.
    let outcome = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "client_in_an_environment_with_a_proxy",
            "--nocapture",
        ])
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .env("http_proxy", proxy.api_url())
        .env("OAUTH_TEST_TOKEN_URL", server.token_url())
        .env("OAUTH_TEST_API_URL", server.api_url())
        .output()
        .unwrap();
    assert!(outcome.status.success(), "{outcome:?}");
    proxy.assert_api_requests(0);
    server.assert_api_requests(1);
}

/// Does nothing by itself: the test above runs it in a process of its own.
#[test]
fn client_in_an_environment_with_a_proxy() {
    let (Ok(token_url), Ok(api_url)) = (
        std::env::var("OAUTH_TEST_TOKEN_URL"),
        std::env::var("OAUTH_TEST_API_URL"),
    ) else {
        return;
    };
    let source = ClientCredentials::builder(token_url, FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(IsahcHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached();
    let api = oauth_isahc::client(source, [&api_url]).unwrap();
    assert_eq!(api.get(&api_url).unwrap().status(), 200);
}
