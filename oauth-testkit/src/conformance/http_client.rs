//! The contract of [`HttpClient`], rule by rule, over real sockets.
//!
//! Each rule takes a function that makes a client with the given limit on a whole exchange, and panics if
//! the client breaks the rule. [`http_client_conformance!`](crate::http_client_conformance) makes a test of
//! each.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request, Response};
use oauth_core::{
    ClientAuthMethod, ClientCredentials, HttpClient, HttpError, MAX_RESPONSE_BODY, TokenSource,
};

use crate::server::refusing;
use crate::{FakeTokenServer, Recording, Reply};

/// Long enough for every exchange that is to succeed, on a busy machine too.
const AMPLE: Duration = Duration::from_secs(30);
/// For an exchange that is to run out of time.
const SHORT: Duration = Duration::from_millis(200);
/// For an answer that nobody waits for.
const LATE: Duration = Duration::from_secs(5);

/// Makes a named test of each rule for [`HttpClient`].
///
/// `client` is a function from the limit on a whole exchange to a client, `block_on` one that runs a future.
///
/// ```
/// # use oauth_core::{HttpClient, HttpError, async_trait};
/// # struct MyClient;
/// # impl MyClient {
/// #     fn with_timeout(_: std::time::Duration) -> Self { Self }
/// # }
/// # #[async_trait]
/// # impl HttpClient for MyClient {
/// #     async fn send(
/// #         &self,
/// #         _: http::Request<bytes::Bytes>,
/// #     ) -> Result<http::Response<bytes::Bytes>, HttpError> {
/// #         Err(HttpError::unusable("not there yet"))
/// #     }
/// # }
/// oauth_testkit::http_client_conformance! {
///     client: |limit| MyClient::with_timeout(limit),
///     block_on: futures_executor::block_on,
/// }
/// ```
#[macro_export]
macro_rules! http_client_conformance {
    (client: $client:expr, block_on: $block_on:expr $(,)?) => {
        $crate::http_client_conformance! { @each tests($client, $block_on) }
    };
    // An expression: each rule by its name and as a function to be called.
    (@checks client: $client:expr, block_on: $block_on:expr $(,)?) => {
        $crate::http_client_conformance! { @each checks($client, $block_on) }
    };
    (@each $then:ident($client:expr, $block_on:expr)) => {
        $crate::http_client_conformance! {
            @$then $client, $block_on;
            sends_the_request_as_it_is
            any_status_is_a_response
            p10_follows_no_redirect
            keeps_no_cookies
            p08_reads_one_byte_too_many_of_a_body_that_is_too_long
            a_refused_connection_is_a_connect_error
            a_reset_is_a_transport_error
            a_truncated_body_is_a_transport_error
            garbage_is_a_transport_error
            an_answer_in_http_1_0_is_read_to_its_end
            a_body_in_chunks_is_put_together
            a_connection_that_the_server_has_closed_is_given_up
            a_server_that_hangs_is_a_timeout
            a_body_that_drips_is_a_timeout
            p05_a_request_given_up_does_not_disturb_the_next
            an_error_shows_no_credentials
            p09_nothing_that_is_logged_shows_credentials
        }
    };
    (@checks $client:expr, $block_on:expr; $($rule:ident)*) => {
        [$((stringify!($rule), Box::new(move || {
            let block_on = $block_on;
            block_on($crate::conformance::http_client::$rule($client));
        }) as Box<dyn Fn()>)),*]
    };
    (@tests $client:expr, $block_on:expr; $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                let block_on = $block_on;
                block_on($crate::conformance::http_client::$rule($client));
            }
        )*
    };
}

/// Method, query, headers and body arrive as they were given.
pub async fn sends_the_request_as_it_is<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    let server = start();
    let response = ok(client(AMPLE)
        .send(request(&format!("{}?tenant=a", server.token_url())))
        .await);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(response.body().starts_with(b"{"));
    let requests = server.token_requests();
    assert_eq!(requests.len(), 1, "one request");
    assert_eq!(requests[0].method(), "POST");
    assert!(
        requests[0].path_and_query().ends_with("?tenant=a"),
        "the query is kept"
    );
    assert_eq!(requests[0].header("x-own"), Some("kept"));
    assert_eq!(requests[0].grant_type(), Some("client_credentials"));
}

/// A 4xx or 5xx is no error.
pub async fn any_status_is_a_response<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    let server = start();
    let client = client(AMPLE);
    for status in [201, 400, 401, 403, 429, 500, 503] {
        server.next_token_reply(Reply::status(status).header("retry-after", "7").body("why"));
        let response = ok(client.send(request(&server.token_url())).await);
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.body(), "why");
    }
}

/// A redirect is a response: the credentials in the body must not go anywhere else (RFC 9700 §4.12).
pub async fn p10_follows_no_redirect<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    let (server, elsewhere) = (start(), start());
    let client = client(AMPLE);
    for status in [301, 302, 303, 307, 308] {
        server.next_token_reply(Reply::redirect(status, elsewhere.token_url()));
        let response = ok(client.send(request(&server.token_url())).await);
        assert_eq!(response.status(), status);
    }
    elsewhere.assert_token_requests(0);
    server.assert_token_requests(5);
}

/// What a server sets is not sent back.
pub async fn keeps_no_cookies<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    let server = start();
    let client = client(AMPLE);
    server.next_token_reply(Reply::status(200).header("set-cookie", "session=1"));
    ok(client.send(request(&server.token_url())).await);
    ok(client.send(request(&server.token_url())).await);
    assert_eq!(server.token_requests()[1].header("cookie"), None);
}

/// A body beyond the limit is cut one byte after it, which tells that it is too long.
pub async fn p08_reads_one_byte_too_many_of_a_body_that_is_too_long<C: HttpClient>(
    client: impl FnOnce(Duration) -> C,
) {
    let server = start();
    let client = client(AMPLE);
    for (sent, read) in [
        (MAX_RESPONSE_BODY, MAX_RESPONSE_BODY),
        (MAX_RESPONSE_BODY + 1, MAX_RESPONSE_BODY + 1),
        (4 * MAX_RESPONSE_BODY, MAX_RESPONSE_BODY + 1),
    ] {
        server.next_token_reply(Reply::oversized(sent));
        let response = ok(client.send(request(&server.token_url())).await);
        assert_eq!(response.body().len(), read, "of {sent}");
    }
}

/// Nobody listens: [`HttpError::Connect`].
pub async fn a_refused_connection_is_a_connect_error<C: HttpClient>(
    client: impl FnOnce(Duration) -> C,
) {
    // Held for as long as the request takes, so that nobody else comes to listen there.
    let (_held, address) = refusing().expect("loopback has a free port");
    let outcome = client(AMPLE)
        .send(request(&format!("http://{address}/token")))
        .await;
    assert!(matches!(outcome, Err(HttpError::Connect(_))), "{outcome:?}");
}

/// The connection is reset before an answer: [`HttpError::Transport`].
pub async fn a_reset_is_a_transport_error<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    breaks(client, Reply::reset()).await;
}

/// The body ends before its length: [`HttpError::Transport`].
pub async fn a_truncated_body_is_a_transport_error<C: HttpClient>(
    client: impl FnOnce(Duration) -> C,
) {
    breaks(client, Reply::truncated(10)).await;
}

/// The answer is not HTTP: [`HttpError::Transport`].
pub async fn garbage_is_a_transport_error<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    breaks(client, Reply::raw("\u{0}\u{1}no http at all\r\n\r\n")).await;
}

/// A server of HTTP/1.0 answers with a body that has no length and ends with the connection (RFC 9112 §6.3).
pub async fn an_answer_in_http_1_0_is_read_to_its_end<C: HttpClient>(
    client: impl FnOnce(Duration) -> C,
) {
    let server = start();
    let client = client(AMPLE);
    for head in ["", "Content-Length: 14\r\n"] {
        let head = format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n{head}\r\n");
        server.next_token_reply(Reply::raw(head + r#"{"answer":1.0}"#));
        let response = ok(client.send(request(&server.token_url())).await);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.body(), r#"{"answer":1.0}"#);
    }
}

/// A body in chunks is its parts without what is between them: lengths, extensions and trailers (RFC 9112 §7.1).
pub async fn a_body_in_chunks_is_put_together<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    let server = start();
    let client = client(AMPLE);
    let chunks = "5\r\n{\"ans\r\nB;part=2\r\nwer\":\"0\r\n\r\n\r\n002\r\n\"}\r\n0\r\nX-Trailer: none\r\n\r\n";
    for _ in 0..2 {
        let reply = Reply::status(200).header("Transfer-Encoding", "chunked");
        server.next_token_reply(reply.body(chunks));
        let response = ok(client.send(request(&server.token_url())).await);
        assert_eq!(response.body(), "{\"answer\":\"0\r\n\r\n\"}");
    }
}

/// A server may close a connection that it has promised to keep (RFC 9112 §9.3.1). Who has not heard of it yet may fail
/// once, with [`HttpError::Transport`], and never a second time.
pub async fn a_connection_that_the_server_has_closed_is_given_up<C: HttpClient>(
    client: impl FnOnce(Duration) -> C,
) {
    let server = start();
    let client = client(AMPLE);
    let promised = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}";
    server.always_token_reply(Reply::raw(promised));
    for _ in 0..3 {
        let response = match client.send(request(&server.token_url())).await {
            Err(HttpError::Transport(_)) => client.send(request(&server.token_url())).await,
            outcome => outcome,
        };
        assert_eq!(ok(response).body(), "{}");
    }
}

/// No answer within the limit: [`HttpError::Timeout`].
pub async fn a_server_that_hangs_is_a_timeout<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    runs_out_of_time(client, Reply::hang()).await;
}

/// The limit is on the whole exchange, a slow body included: [`HttpError::Timeout`].
pub async fn a_body_that_drips_is_a_timeout<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    runs_out_of_time(client, Reply::token().drip(1, Duration::from_millis(50))).await;
}

/// A request whose future is dropped on its way leaves nothing behind that the next one trips over. A client that blocks
/// inside `poll` cannot be given up, and waits here for its answer.
pub async fn p05_a_request_given_up_does_not_disturb_the_next<C: HttpClient>(
    client: impl FnOnce(Duration) -> C,
) {
    let server = start();
    let client = client(AMPLE);
    for given_up in 1..=2 {
        server.next_token_reply(Reply::token().after(LATE));
        let mut sending = client.send(request(&server.token_url()));
        poll_fn(|context| {
            let poll = sending.as_mut().poll(context);
            if poll.is_ready() || server.token_requests().len() == 2 * given_up - 1 {
                return Poll::Ready(());
            }
            // Nothing wakes this task when the server hears of the request.
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        drop(sending);
        let next = ok(client.send(request(&server.token_url())).await);
        assert_eq!(next.status(), 200);
        assert!(next.body().starts_with(b"{"));
    }
}

/// Neither the header nor the body of a request shows in an error.
pub async fn an_error_shows_no_credentials<C: HttpClient>(client: impl FnOnce(Duration) -> C) {
    let server = start();
    server.always_token_reply(Reply::reset());
    let mut request = request(&server.token_url());
    let secret = HeaderValue::from_static("Basic bXktc2VjcmV0");
    request.headers_mut().insert(AUTHORIZATION, secret);
    let outcome = client(AMPLE).send(request).await;
    let shown = match outcome {
        Ok(_) => panic!("a reset connection gave a response"),
        Err(error) => {
            let debug = format!("{error:?}");
            debug + &format!("{:#}", oauth_core::Error::from(error))
        }
    };
    let leaks =
        [FakeTokenServer::CLIENT_SECRET, "bXktc2VjcmV0"].map(|secret| shown.contains(secret));
    assert_eq!(leaks, [false, false], "{shown}");
}

/// Neither the header nor the body of a token request, nor the token in its answer, is logged at any level: by the
/// client, nor by what it is built on. Exchanges that fail are no exception.
///
/// The process must have no `tracing` subscriber and no `log` logger of its own, see [`Recording`].
pub async fn p09_nothing_that_is_logged_shows_credentials<C: HttpClient + 'static>(
    client: impl FnOnce(Duration) -> C,
) {
    let log = Recording::start();
    let server = start();
    let client = Arc::new(client(AMPLE));
    let basic = format!(
        "{}:{}",
        FakeTokenServer::CLIENT_ID,
        FakeTokenServer::CLIENT_SECRET
    );
    let mut secrets = vec![FakeTokenServer::CLIENT_SECRET.to_owned(), basic];
    for method in [
        ClientAuthMethod::ClientSecretBasic,
        ClientAuthMethod::ClientSecretPost,
    ] {
        let source = ClientCredentials::builder(server.token_url(), FakeTokenServer::CLIENT_ID)
            .client_secret(FakeTokenServer::CLIENT_SECRET)
            .auth_method(method)
            .http_client(Arc::clone(&client))
            .build()
            .expect("the configuration is sound");
        let token = source.token().await.expect("the server gives a token");
        secrets.push(token.secret().to_owned());
        // Not once: a client may try again on a new connection (RFC 9112 §9.3.1).
        server.always_token_reply(Reply::reset());
        let failed = source.token().await;
        assert!(failed.is_err(), "a reset connection gave a response");
        server.reset_replies();
    }
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    log.finish().assert_free_of(&secrets);
}

async fn breaks<C: HttpClient>(client: impl FnOnce(Duration) -> C, reply: Reply) {
    let server = start();
    server.always_token_reply(reply);
    let outcome = client(AMPLE).send(request(&server.token_url())).await;
    assert!(
        matches!(outcome, Err(HttpError::Transport(_))),
        "{outcome:?}"
    );
}

async fn runs_out_of_time<C: HttpClient>(client: impl FnOnce(Duration) -> C, reply: Reply) {
    let server = start();
    server.always_token_reply(reply);
    let outcome = client(SHORT).send(request(&server.token_url())).await;
    assert!(matches!(outcome, Err(HttpError::Timeout(_))), "{outcome:?}");
}

fn start() -> FakeTokenServer {
    FakeTokenServer::start().expect("a server can be started on loopback")
}

/// A token request that the server accepts.
fn request(url: &str) -> Request<Bytes> {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", FakeTokenServer::CLIENT_ID)
        .append_pair("client_secret", FakeTokenServer::CLIENT_SECRET)
        .finish();
    Request::builder()
        .method(Method::POST)
        .uri(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-own", "kept")
        .body(Bytes::from(form))
        .expect("the request is well formed")
}

fn ok(outcome: Result<Response<Bytes>, HttpError>) -> Response<Bytes> {
    outcome.unwrap_or_else(|error| panic!("the exchange failed: {error:?}"))
}
