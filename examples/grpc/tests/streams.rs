//! Calls whose request is a stream, over real connections: kept as they pass, and never held up.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::net::Ipv4Addr;
use std::sync::Arc;

use examples_grpc::{AuthorizedChannel, TokenCheck, authorized};
use futures_channel::mpsc::{UnboundedSender, unbounded};
use oauth_testkit::{FakeTokenServer, Reply};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_prost::ProstCodec;
use tower::service_fn;

/// A message that has a text.
type Message = HealthCheckRequest;
type Codec = ProstCodec<Message, Message>;

struct Fixture {
    issuer: Arc<FakeTokenServer>,
    check: TokenCheck,
    client: Grpc<AuthorizedChannel>,
}

/// A server that sends each message back, and a client of it.
async fn fixture() -> Fixture {
    let issuer = Arc::new(FakeTokenServer::start().unwrap());
    let check = TokenCheck::new(Arc::clone(&issuer));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let echo = service_fn(async |request: http::Request<Body>| {
        let talk = service_fn(async |messages: Request<Streaming<Message>>| {
            Ok::<_, Status>(Response::new(messages.into_inner()))
        });
        let mut server = tonic::server::Grpc::new(Codec::default());
        Ok::<_, std::convert::Infallible>(server.streaming(talk, request).await)
    });
    let serving = Server::builder().serve_with_incoming(
        InterceptedService::new(echo, check.clone()),
        TcpIncoming::from(listener),
    );
    tokio::spawn(serving);
    let channel = Channel::from_shared(origin.clone())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let channel = authorized(channel, &issuer, &origin).unwrap();
    Fixture {
        issuer,
        check,
        client: Grpc::with_origin(channel, origin.parse().unwrap()),
    }
}

/// A call of which both sides are open.
struct Talk {
    said: UnboundedSender<Message>,
    heard: Streaming<Message>,
}

impl Fixture {
    /// Begins a call that says so much at once.
    async fn talk(&self, first: &[&str]) -> Result<Talk, Status> {
        let (said, messages) = unbounded();
        for text in first {
            said.unbounded_send(message(text)).unwrap();
        }
        let mut client = self.client.clone();
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/echo.Echo/Talk");
        let answer = client.streaming(Request::new(messages), path, Codec::default());
        let heard = answer.await?.into_inner();
        Ok(Talk { said, heard })
    }
}

impl Talk {
    async fn says(&mut self, text: &str) {
        self.said.unbounded_send(message(text)).unwrap();
        self.hears(text).await;
    }

    async fn hears(&mut self, text: &str) {
        let heard = self.heard.message().await.unwrap();
        assert_eq!(heard.as_ref(), Some(&message(text)));
    }
}

fn message(text: &str) -> Message {
    Message {
        service: text.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_there_before_the_next_is_said() {
    let fixture = fixture().await;
    let mut talk = fixture.talk(&[]).await.unwrap();
    let long = "x".repeat(100_000);
    for text in ["one", "two", &long, "three"] {
        talk.says(text).await;
    }
    drop(talk.said);
    assert_eq!(talk.heard.message().await.unwrap(), None);
    assert_eq!(fixture.check.refusals(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_a_stream_that_is_refused_begins_anew_and_goes_on() {
    for first in [&[][..], &["one"], &["one", "two"]] {
        let fixture = fixture().await;
        fixture.talk(&[]).await.unwrap();
        fixture.issuer.revoke_all();
        let mut talk = fixture.talk(first).await.unwrap();
        for text in first {
            talk.hears(text).await;
        }
        talk.says("and on").await;
        drop(talk.said);
        assert_eq!(talk.heard.message().await.unwrap(), None);
        assert_eq!(fixture.check.refusals(), 1);
        fixture.issuer.assert_token_requests(2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_callers_if_no_new_token_comes() {
    let fixture = fixture().await;
    fixture.talk(&[]).await.unwrap();
    fixture.issuer.revoke_all();
    let reply = Reply::oauth_error("invalid_client");
    fixture.issuer.always_token_reply(reply);
    let refused = fixture.talk(&["one"]).await.err().unwrap();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(fixture.check.refusals(), 1);
}
