//! Metadata that is fetched when it is first needed, and kept for a while.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, Uri};

use crate::clock::Clock;
use crate::discovery_error::DiscoveryError;
use crate::error::{Error, ErrorKind};
use crate::http_client::HttpClient;
use crate::observe;
use crate::protocol::metadata::{self, ServerMetadata};
use crate::protocol::origin::Origin;
use crate::protocol::retry_after::retry_after;
use crate::shared::{NoOutput, Shared, WeakShared};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Instant;

type Outcome = Result<Arc<ServerMetadata>, Error>;

/// The metadata of one server.
pub(crate) struct Discovery {
    /// The issuer that the metadata has to name.
    expected_issuer: Box<str>,
    /// Where it may be.
    urls: Box<[Uri]>,
    lifetime: Duration,
    http_client: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    flight: Option<WeakShared<Outcome>>,
}

struct Known {
    metadata: Arc<ServerMetadata>,
    until: Instant,
}

impl Discovery {
    pub(crate) fn new(
        expected_issuer: String,
        urls: Vec<Uri>,
        lifetime: Duration,
        http_client: Arc<dyn HttpClient>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            expected_issuer: expected_issuer.into(),
            urls: urls.into(),
            lifetime,
            http_client,
            clock,
            state: Mutex::default(),
        }
    }

    pub(crate) fn expected_issuer(&self) -> &str {
        &self.expected_issuer
    }

    /// The metadata, fetched if there is none or it is old. All who wait for it at a time share one fetch, its
    /// error too.
    pub(crate) async fn metadata(self: &Arc<Self>) -> Outcome {
        let flight = {
            let now = self.clock.now();
            let mut state = self.lock();
            if let Some(known) = state.known.as_ref().filter(|known| now < known.until) {
                return Ok(Arc::clone(&known.metadata));
            }
            let running = state.flight.as_ref().and_then(WeakShared::upgrade);
            running.unwrap_or_else(|| {
                let this = Arc::clone(self);
                let flight = Shared::new(Box::pin(async move { this.renew().await }));
                state.flight = Some(flight.downgrade());
                flight
            })
        };
        flight.await.unwrap_or_else(|reason| {
            Err(match reason {
                NoOutput::Lost => Error::new(
                    ErrorKind::Transport,
                    "the request for metadata was lost with the runtime that drove it; call again",
                ),
                NoOutput::AsksItself => Error::configuration(
                    "the request for metadata waits for itself; give it an HTTP client that needs no token of this client",
                ),
            })
        })
    }

    /// Metadata that cannot be renewed stays in use: endpoints hardly ever move.
    async fn renew(&self) -> Outcome {
        let fetched = self.fetch().await;
        let now = self.clock.now();
        let mut state = self.lock();
        state.flight = None;
        let (metadata, lifetime) = match (fetched, state.known.take()) {
            (Ok(metadata), _) => (Arc::new(metadata), self.lifetime),
            (Err(error), None) => return Err(error),
            (Err(error), Some(known)) => {
                observe::metadata_not_renewed(&error);
                (known.metadata, self.lifetime / 10)
            }
        };
        state.known = Some(Known {
            metadata: Arc::clone(&metadata),
            until: now + lifetime,
        });
        Ok(metadata)
    }

    /// Looks at each place in turn. What was wrong at the first is what is told, unless a later one has the
    /// metadata of somebody else.
    async fn fetch(&self) -> Result<ServerMetadata, Error> {
        let mut first = None;
        for url in &self.urls {
            let response = self.http_client.send(metadata::get(url)).await;
            let response = match response {
                Ok(response) => response,
                Err(error) => return Err(error.at(&Origin::of(url)?)),
            };
            self.check_health(&response, url)?;
            let fault = match metadata::read(&response, url, &self.expected_issuer) {
                Ok(metadata) => return Ok(metadata),
                Err(fault) => fault,
            };
            observe::metadata_unusable(&fault);
            let tells_more = matches!(first, Some(DiscoveryError::NotFound { .. }) | None);
            if tells_more {
                first = Some(match (first, fault) {
                    (Some(first), DiscoveryError::NotFound { .. }) => first,
                    (_, fault) => fault,
                });
            }
        }
        let missing = DiscoveryError::MissingEndpoint {
            name: "token_endpoint",
        };
        Err(unusable(first.unwrap_or(missing)))
    }

    /// A server out of order says nothing about where its metadata is.
    fn check_health(&self, response: &Response<Bytes>, url: &Uri) -> Result<(), Error> {
        let status = response.status();
        let kind = match status {
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
            StatusCode::REQUEST_TIMEOUT => ErrorKind::ServerUnavailable,
            _ if status.is_server_error() => ErrorKind::ServerUnavailable,
            _ => return Ok(()),
        };
        let mut error = Error::builder(
            kind,
            format!("the metadata at {} cannot be had now", metadata::place(url)),
        );
        if let Some(wait) = retry_after(response.headers(), self.clock.wall()) {
            error = error.retry_after(wait);
        }
        Err(error.status(status).build())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery")
            .field("expected_issuer", &self.expected_issuer)
            .finish_non_exhaustive()
    }
}

/// An error that tells what is wrong with metadata.
pub(crate) fn unusable(fault: DiscoveryError) -> Error {
    Error::builder(
        ErrorKind::Discovery,
        "the endpoints of the server cannot be discovered (check the issuer)",
    )
    .source(fault)
    .build()
}
