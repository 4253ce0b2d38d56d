//! The authorized client: what is sent, what is sent again, what is not sent at all.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use bytes::Bytes;
use http_body_util::StreamBody;
use oauth_core::{Authorizer, ClientCredentials, ErrorKind, TokenSource};
use oauth_reqwest::{Client, Error, ReqwestHttpClient};
use oauth_testkit::{FakeTokenServer, Reply};
use reqwest::{Body, Method, Version};

fn source(server: &FakeTokenServer) -> impl TokenSource + Clone + 'static {
    ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached()
}

fn fixture() -> (FakeTokenServer, Client) {
    let server = FakeTokenServer::start().unwrap();
    let api = oauth_reqwest::client(source(&server), [server.api_url()]).unwrap();
    (server, api)
}

#[tokio::test]
async fn every_method_bears_the_token_once() {
    let (server, api) = fixture();
    let url = server.api_url_for("/things");
    for builder in [
        api.get(&url),
        api.head(&url),
        api.post(&url),
        api.put(&url),
        api.patch(&url),
        api.delete(&url),
        api.request(Method::OPTIONS, &url).version(Version::HTTP_11),
    ] {
        assert_eq!(builder.send().await.unwrap().status(), 200);
    }
    let requests = server.api_requests();
    let methods: Vec<_> = requests.iter().map(|request| request.method()).collect();
    assert_eq!(
        methods,
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    );
    assert!(
        requests
            .iter()
            .all(|request| request.authorization_count() == 1)
    );
    server.assert_token_requests(1);
}

#[tokio::test]
async fn the_callers_own_authorization_is_kept() {
    let (server, api) = fixture();
    let url = server.api_url_for("/");
    for builder in [
        api.get(&url).bearer_auth("own"),
        api.get(&url).basic_auth("me", Some("own")),
        api.get(&url)
            .map(|request| request.header("authorization", "Bearer own")),
    ] {
        assert_eq!(
            builder.send().await.unwrap().status(),
            401,
            "and not healed"
        );
    }
    assert!(
        server
            .api_requests()
            .iter()
            .all(|request| request.token_ordinal().is_none())
    );
    server.assert_token_requests(0);
}

#[tokio::test]
async fn p10_a_request_to_a_foreign_origin_is_not_sent() {
    let (server, api) = fixture();
    let foreign = FakeTokenServer::start().unwrap();
    let error = api.get(foreign.api_url()).send().await.unwrap_err();
    let Error::Token(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
    assert!(foreign.api_requests().is_empty());
    server.assert_token_requests(0);
}

#[tokio::test]
async fn p10_a_redirect_to_another_origin_does_not_take_the_token_along() {
    let (server, api) = fixture();
    let elsewhere = FakeTokenServer::start().unwrap();
    let target = elsewhere.api_url_for("/landing");
    let url = server.api_url_for(&format!("/redirect-to?location={target}"));

    let response = api.get(url).send().await.unwrap();

    assert_eq!(response.url().as_str(), target);
    assert_eq!(response.status(), 401);
    let requests = elsewhere.api_requests();
    assert_eq!(requests.len(), 1, "what another origin says is not healed");
    assert!(!requests[0].has_authorization());
    assert_eq!(
        api.authorizer().source().ready().unwrap().generation(),
        1,
        "nor believed"
    );
}

#[tokio::test]
async fn p07_a_redirect_there_and_back_does_not_get_a_good_token_rejected() {
    let (server, api) = fixture();
    let elsewhere = FakeTokenServer::start().unwrap();
    let back = server.api_url_for("/landing");
    elsewhere.always_api_reply(Reply::redirect(307, back));
    let away = elsewhere.api_url_for("/");
    let url = server.api_url_for(&format!("/redirect-to?location={away}"));
    let response = api.get(url).send().await.unwrap();
    assert_eq!(response.status(), 307, "not followed back");
    assert_eq!(server.api_request_count(), 1);
    assert_eq!(api.authorizer().source().ready().unwrap().generation(), 1);
}

#[tokio::test]
async fn redirects_without_end_are_an_error() {
    let (server, api) = fixture();
    server.always_api_reply(Reply::redirect(307, server.api_url_for("/again")));
    let error = api.get(server.api_url()).send().await.unwrap_err();
    let Error::Http(error) = error else {
        panic!("{error:?}")
    };
    assert!(error.is_redirect());
    assert_eq!(server.api_request_count(), 11);
}

#[tokio::test]
async fn a_redirect_within_the_origin_keeps_the_token() {
    let (server, api) = fixture();
    let target = server.api_url_for("/landing");
    let url = server.api_url_for(&format!("/redirect-to?location={target}"));
    assert_eq!(api.get(url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_streaming_body_is_not_sent_again_but_its_token_is_rejected() {
    let (server, api) = fixture();
    let url = server.api_url_for("/upload");
    assert_eq!(api.get(&url).send().await.unwrap().status(), 200);
    server.revoke_all();

    let stream = Body::wrap(StreamBody::new(futures_util::stream::iter([Ok::<
        _,
        std::io::Error,
    >(
        http_body::Frame::data(Bytes::from_static(b"part")),
    )])));
    let response = api.post(&url).body(stream).send().await.unwrap();

    assert_eq!(response.status(), 401, "the first answer is the caller's");
    assert_eq!(server.api_request_count(), 2);
    assert_eq!(api.get(&url).send().await.unwrap().status(), 200);
    server.assert_token_requests(2);
}

#[tokio::test]
async fn p07_an_api_that_rejects_every_token_gets_two_requests_a_call_and_a_bounded_renewal() {
    let (server, api) = fixture();
    server.always_api_reply(
        Reply::status(401).header("www-authenticate", r#"Bearer error="invalid_token""#),
    );
    let url = server.api_url_for("/");
    assert_eq!(api.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(server.api_request_count(), 2);
    let mut tokenless = 0;
    for _ in 0..20 {
        match api.get(&url).send().await {
            Ok(response) => assert_eq!(response.status(), 401),
            Err(Error::Token(error)) => {
                assert_eq!(error.kind(), ErrorKind::TokenRejected);
                tokenless += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    let requests = server.token_request_count();
    assert!(
        tokenless > 0 && requests < 20,
        "{tokenless} without a token, {requests} requests"
    );
}

#[tokio::test]
async fn if_no_new_token_comes_the_401_is_the_callers_with_its_body() {
    let (server, api) = fixture();
    let url = server.api_url_for("/");
    assert_eq!(api.get(&url).send().await.unwrap().status(), 200);
    server.revoke_all();
    server.always_token_reply(Reply::oauth_error("invalid_client"));
    let response = api.get(&url).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(
        response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("invalid_token")
    );
}

#[tokio::test]
async fn a_403_is_left_alone() {
    let (server, api) = fixture();
    server.next_api_reply(
        Reply::status(403).header("www-authenticate", r#"Bearer error="insufficient_scope""#),
    );
    assert_eq!(
        api.get(server.api_url()).send().await.unwrap().status(),
        403
    );
    assert_eq!(server.api_request_count(), 1);
    assert!(api.authorizer().source().ready().is_some());
}

#[tokio::test]
async fn a_client_of_ones_own_keeps_its_settings() {
    let server = FakeTokenServer::start().unwrap();
    let http = reqwest::Client::builder()
        .user_agent("mine/1")
        .build()
        .unwrap();
    let authorizer = Authorizer::new(source(&server), [server.api_url()]).unwrap();
    let api = Client::new(http, authorizer);
    assert_eq!(
        api.get(server.api_url()).send().await.unwrap().status(),
        200
    );
    assert_eq!(
        server.api_requests()[0].header("user-agent"),
        Some("mine/1")
    );
}

#[tokio::test]
async fn the_builder_forwards_and_builds() {
    let (_, api) = fixture();
    let builder = api
        .post("https://api.example.com/x")
        .header("a", "b")
        .body("1")
        .try_clone()
        .unwrap();
    let request = builder.build().unwrap();
    assert_eq!(request.headers()["a"], "b");
    assert_eq!(request.body().unwrap().as_bytes(), Some(&b"1"[..]));
    assert!(
        !request.headers().contains_key("authorization"),
        "sending authorizes"
    );
    assert!(matches!(
        api.get("no url").send().await,
        Err(Error::Http(_))
    ));
}
