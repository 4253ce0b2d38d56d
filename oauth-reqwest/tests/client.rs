//! The authorized client: what the conformance suite leaves to it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use oauth_core::{Authorizer, ClientCredentials, ErrorKind, TokenSource};
use oauth_reqwest::{Client, Error, RequestBuilder, ReqwestHttpClient};
use oauth_testkit::{FakeTokenServer, Reply};
use reqwest::{Method, Request, Version};

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
async fn each_method_of_the_client_is_a_method_of_http() {
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
}

#[tokio::test]
async fn credentials_given_to_the_builder_take_the_place_of_the_token() {
    let (server, api) = fixture();
    let url = server.api_url_for("/");
    for builder in [
        api.get(&url).bearer_auth("own"),
        api.get(&url).basic_auth("me", Some("own")),
        api.get(&url)
            .map(|request| request.header("authorization", "Bearer own")),
    ] {
        assert_eq!(builder.send().await.unwrap().status(), 401);
    }
    server.assert_api_requests(3);
    server.assert_token_requests(0);
}

/// The builder takes user information for credentials of the caller's own; here nothing does.
#[tokio::test]
async fn p10_a_finished_request_with_user_information_is_at_no_origin() {
    let (server, api) = fixture();
    let url = server.api_url().replace("http://", "http://me:own@");
    let request = Request::new(Method::GET, url.parse().unwrap());
    let Err(Error::Token(error)) = api.execute(request).await else {
        panic!("it was sent")
    };
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
    server.assert_api_requests(0);
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

/// What refuses may not be what was asked: a page that a revoked session is sent to.
#[tokio::test]
async fn p07_what_was_refused_after_a_redirect_takes_the_whole_way_again() {
    let body = |builder: RequestBuilder| builder.body("c");
    let timeout = |builder: RequestBuilder| builder.timeout(Duration::from_secs(60));
    for shape in [|it| it, body, timeout] {
        let (server, api) = fixture();
        server.next_api_reply(Reply::redirect(307, server.api_url_for("/b?c=d")));
        server.next_api_reply(
            Reply::status(401).header("www-authenticate", r#"Bearer error="invalid_token""#),
        );
        let put = api
            .put(server.api_url_for("/a?b=%20"))
            .header("x-mine", "e");
        assert_eq!(shape(put).send().await.unwrap().status(), 200);
        let requests = server.api_requests();
        let paths: Vec<_> = requests.iter().map(|it| it.path_and_query()).collect();
        assert_eq!(paths, ["/a?b=%20", "/b?c=d", "/a?b=%20"]);
        let (first, last) = (&requests[0], &requests[2]);
        assert_eq!(first.method(), last.method());
        assert_eq!(first.header("x-mine"), last.header("x-mine"));
        assert_eq!(first.body(), last.body());
    }
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
