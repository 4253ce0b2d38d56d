//! A request that another middleware changes on its way.

#![cfg(feature = "middleware")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use http::Extensions;
use oauth_core::{Authorizer, ClientCredentials, async_trait};
use oauth_reqwest::{OAuthMiddleware, ReqwestHttpClient, redirect_policy};
use oauth_testkit::FakeTokenServer;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next};

/// Puts each request under `/v1`.
struct Prefix;

#[async_trait]
impl Middleware for Prefix {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let path = format!("/v1{}", request.url().path());
        request.url_mut().set_path(&path);
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn p07_a_request_that_is_changed_behind_us_is_sent_again_as_we_got_it() {
    let server = FakeTokenServer::start().unwrap();
    let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
        .client_secret(FakeTokenServer::CLIENT_SECRET)
        .http_client(ReqwestHttpClient::new().unwrap())
        .build()
        .unwrap()
        .cached();
    let http = reqwest::Client::builder()
        .redirect(redirect_policy())
        .no_proxy();
    let authorizer = Authorizer::new(source, [server.api_url()]).unwrap();
    let api = ClientBuilder::new(http.build().unwrap())
        .with(OAuthMiddleware::new(authorizer))
        .with(Prefix)
        .build();
    let url = server.api_url_for("/things");
    assert_eq!(api.get(&url).send().await.unwrap().status(), 200);
    server.revoke_all();
    assert_eq!(api.get(&url).send().await.unwrap().status(), 200);
    let requests = server.api_requests();
    let paths: Vec<_> = requests.iter().map(|it| it.path_and_query()).collect();
    assert_eq!(paths, ["/v1/things"; 3]);
}
