//! The server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use oauth_testkit::FakeTokenServer;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Answers health checks to whoever has a live token, on loopback.
#[derive(Debug)]
pub struct Server {
    origin: String,
    health: HealthReporter,
    check: TokenCheck,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Server {
    /// Starts it, with the tokens of this issuer.
    ///
    /// # Errors
    ///
    /// If there is no port to be had.
    pub async fn start(issuer: Arc<FakeTokenServer>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let (health, service) = tonic_health::server::health_reporter();
        let check = TokenCheck::new(issuer);
        let (stop, stopped) = oneshot::channel();
        let serving = tonic::transport::Server::builder().serve_with_incoming_shutdown(
            InterceptedService::new(service, check.clone()),
            TcpIncoming::from(listener),
            async {
                // Either way: it was stopped, or nobody is left to do it.
                let _ = stopped.await;
            },
        );
        Ok(Self {
            origin,
            health,
            check,
            stop,
            serving: tokio::spawn(serving),
        })
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.origin.clone()
    }

    /// How many calls had no live token.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.check.refusals()
    }

    /// What it says about itself from now on.
    pub async fn set_serving(&self, serving: bool) {
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        self.health.set_service_status("", status).await;
    }

    /// Answers the calls that are under way, and ends.
    ///
    /// # Errors
    ///
    /// If it could not serve.
    pub async fn stop(self) -> Result<()> {
        // An error says that it has ended already, and the next line why.
        let _ = self.stop.send(());
        Ok(self.serving.await??)
    }
}

/// Lets calls with a live token through. The issuer is in this process and knows; a server elsewhere would verify the
/// signature of the token (RFC 9068), or ask (RFC 7662).
#[derive(Clone, Debug)]
pub struct TokenCheck {
    issuer: Arc<FakeTokenServer>,
    refusals: Arc<AtomicUsize>,
}

impl TokenCheck {
    /// Lets the tokens of this issuer through.
    #[must_use]
    pub fn new(issuer: Arc<FakeTokenServer>) -> Self {
        Self {
            issuer,
            refusals: Arc::default(),
        }
    }

    /// How many calls had no live token.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.refusals.load(Ordering::Relaxed)
    }
}

impl Interceptor for TokenCheck {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let authorization = request.metadata().get("authorization");
        let token = authorization
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .filter(|token| self.issuer.is_live(token));
        if token.is_none() {
            self.refusals.fetch_add(1, Ordering::Relaxed);
            return Err(Status::unauthenticated("this call needs a live token"));
        }
        Ok(request)
    }
}
