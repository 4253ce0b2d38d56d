//! The layer, over hyper's client and over a channel of tonic: both log what they send, headers too.

use std::sync::Arc;

use bytes::Bytes;
use examples_grpc::Server;
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use oauth_core::Authorizer;
use oauth_testkit::Reply;
use oauth_tower::{OAuthLayer, RecordBody};
use tonic::Code;
use tonic::body::Body;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower_layer::Layer as _;
use tower_service::Service as _;

use crate::library::RUNTIME;
use crate::world::{HOUR, SECRET, World};

pub(crate) fn http(world: &World) {
    let server = world.server().start().unwrap();
    let client = world.client(&server).client_secret(SECRET).build().unwrap();
    let authorizer = Authorizer::new(world.cached(client), [server.api_url()]).unwrap();
    let inner: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut api = OAuthLayer::new(authorizer).layer(inner);
    let mut call = || {
        let request = Request::post(server.api_url()).body(Full::from("order"));
        let answer = RUNTIME.block_on(api.call(request.unwrap()));
        world.say(&api);
        match answer {
            Ok(answer) => {
                world.say(answer.extensions());
                Ok(answer.status().as_u16())
            }
            Err(error) => Err(format!("{error} {error:?}")),
        }
    };
    assert_eq!(call(), Ok(200));
    server.revoke_all();
    assert_eq!(call(), Ok(200), "with a new token");
    server.always_token_reply(Reply::oauth_error("invalid_client").description(SECRET));
    server.revoke_all();
    assert_eq!(call(), Ok(401), "no new token came");
    world.clock.advance(HOUR * 2);
    world.say(call().expect_err("there is no token"));
}

pub(crate) fn grpc(world: &World) {
    let issuer = Arc::new(world.server().start().unwrap());
    let client = world.client(&issuer).client_secret(SECRET).build().unwrap();
    let source = world.cached(client);
    RUNTIME.block_on(async {
        let server = Server::start(Arc::clone(&issuer)).await.unwrap();
        let channel = Channel::from_shared(server.origin()).unwrap();
        let channel = channel.connect().await.unwrap();
        let layer = OAuthLayer::new(Authorizer::new(source, [server.origin()]).unwrap())
            .heal_grpc_unauthenticated()
            .resend(RecordBody::up_to(64 * 1024, Body::new));
        let channel = layer.layer(channel);
        let mut health = HealthClient::with_origin(channel, server.origin().parse().unwrap());
        let mut call = async || health.check(HealthCheckRequest::default()).await;

        call().await.unwrap();
        issuer.revoke_all();
        call().await.unwrap();
        issuer.always_token_reply(Reply::oauth_error("invalid_client").description(SECRET));
        issuer.revoke_all();
        let refused = call().await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "no new token came");
        world.say(refused);
        world.clock.advance(HOUR * 2);
        world.say(call().await.expect_err("there is no token"));
        drop(health);
        server.stop().await.unwrap();
    });
}
