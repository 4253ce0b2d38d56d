//! The conformance suite, over the client of hyper-util.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Either, Full, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use oauth_testkit::conformance::adapter::{Adapter, Body, Capabilities, Failure, Redirects, Setup};
use oauth_tower::{BoxError, OAuthLayer};
use tokio::runtime::{Builder, Runtime};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt as _};

/// In memory, or read once only.
type Sent = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Infallible>>;

struct HyperUtil {
    runtime: Runtime,
    service: BoxCloneSyncService<Request<Sent>, Response<hyper::body::Incoming>, BoxError>,
    timeout: Duration,
}

impl HyperUtil {
    fn new(setup: Setup) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client: Client<_, Sent> = Client::builder(TokioExecutor::new()).build_http();
        let shown = setup.shown.clone();
        let service = ServiceBuilder::new()
            .layer(OAuthLayer::new(setup.authorizer()).resend(copy as fn(&Sent) -> Option<Sent>))
            .map_request(move |request: Request<Sent>| {
                shown.tell(request.headers());
                request
            })
            .service(client);
        Self {
            runtime,
            service: BoxCloneSyncService::new(service),
            timeout: setup.timeout,
        }
    }
}

fn copy(body: &Sent) -> Option<Sent> {
    match body {
        Either::Left(bytes) => Some(Either::Left(bytes.clone())),
        Either::Right(_) => None,
    }
}

impl Adapter for HyperUtil {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new()
            .redirects(Redirects::Returned)
            .shows_headers()
    }

    fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, Failure> {
        let request = request.map(|body| match body {
            Body::Empty => Either::Left(Full::default()),
            Body::Bytes(bytes) => Either::Left(Full::new(bytes)),
            Body::Stream(bytes) => {
                let frame = Ok(Frame::data(bytes));
                let stream = StreamBody::new(futures_util::stream::iter([frame]));
                Either::Right(stream.boxed_unsync())
            }
        });
        let service = self.service.clone();
        let exchange = async {
            let response = service.oneshot(request).await.map_err(sort)?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(Failure::transport)?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        self.runtime.block_on(async {
            match tokio::time::timeout(self.timeout, exchange).await {
                Ok(outcome) => outcome,
                Err(elapsed) => Err(Failure::timeout(elapsed)),
            }
        })
    }
}

fn sort(error: BoxError) -> Failure {
    match error.downcast::<oauth_core::Error>() {
        Ok(error) => Failure::Token(*error),
        Err(error) => Failure::transport(error),
    }
}

oauth_testkit::adapter_conformance! { adapter: HyperUtil::new }
