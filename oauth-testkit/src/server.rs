//! The fake token server as a test holds it.

mod answer;
#[cfg(feature = "jose")]
mod assertion;
mod authority_controls;
mod binding;
mod builder;
mod client_auth;
mod credentials;
mod delivery;
#[cfg(feature = "jose")]
mod dpop;
mod expectation;
mod faults;
#[cfg(feature = "jose")]
mod federation;
mod grants;
mod http1;
mod issuer;
#[cfg(feature = "jose")]
mod jose;
#[cfg(feature = "jose")]
mod jose_settings;
mod jwt;
mod kept;
mod listeners;
mod log;
mod matching;
mod metadata;
mod net;
mod network;
mod observations;
mod port;
#[cfg(feature = "program")]
mod program_controls;
mod protected_api;
mod protocol;
mod redact;
mod refresh_tokens;
mod requests;
mod rules;
mod script;
mod settings;
mod side_endpoints;
mod state;
#[cfg(feature = "jose")]
mod target_uri;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_controls;
mod token_endpoint;
mod token_request;
#[cfg(feature = "jose")]
mod token_signer;
mod urls;
mod wire;
#[cfg(feature = "program")]
pub(crate) mod witness;

use std::fmt;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

#[cfg(feature = "jose")]
pub use assertion::{AssertionAudience, AssertionRules};
pub use builder::FakeTokenServerBuilder;
pub use client_auth::{ClientAuth, ClientAuthMethod};
pub(crate) use delivery::{Delivery, Ending, Hold, Pace};
#[cfg(feature = "jose")]
pub use dpop::{DpopNonce, DpopRules};
#[cfg(feature = "jose")]
pub use federation::FederatedIdentity;
#[cfg(feature = "jose")]
pub use jose::JwtAlgorithm;
pub use jwt::SeenJwt;
pub use matching::{ApiMatch, Match, TokenMatch};
pub use port::Outage;
pub use requests::{ApiRequest, TokenRequest};
pub use rules::{Expectation, MatchedRequest, When};

pub(crate) use http1::Request as Received;
pub(crate) use issuer::fresh_value;
#[cfg(feature = "program")]
pub(crate) use kept::LogLimit;
pub(crate) use net::{Answer, Endpoint, HttpServer};
pub(crate) use port::refusing;
#[cfg(feature = "program")]
pub(crate) use {http1::Response, log::InFlight, port::listen, wire::Transport};

use crate::reply::Reply;
use issuer::Grant;
use listeners::{Listeners, Transports};
use protected_api::ProtectedApi;
use state::ServerState;
#[cfg(feature = "tls")]
pub use tls::{CertificateSubject, ClientCertificate, TlsFault};
use token_endpoint::TokenEndpoint;
#[cfg(not(feature = "program"))]
use wire::Transport;

/// An OAuth 2.0 token endpoint and a protected API beside it, on loopback, for one test.
///
/// The two listen at ports of their own, so they are different origins. Left alone, the token endpoint
/// is a strict authorization server for the client credentials grant (RFC 6749 §4.4), refresh tokens (§6),
/// assertions (RFC 7523 §2.1) and token exchange (RFC 8693), and the API
/// answers `200` to a live token on any path and method, with JSON that tells what it saw. Both can be
/// told to answer otherwise, and log what arrives.
///
/// The server has threads of its own and needs no async runtime. Dropping it closes its ports and its
/// connections, and waits for its threads to end.
///
/// # Contract
///
/// - A request is in the log before its answer is on the way.
/// - Scripted replies of one endpoint are used in the order they were given in, one a request.
/// - Neither client secrets nor tokens are in the log, in any `Debug` or in any panic message.
/// - The API answers `401` with `WWW-Authenticate: Bearer error="invalid_token"` to a token that is
///   unknown, expired or revoked, without `error` if there is none. To `/redirect-to?location=URL` it
///   answers `307` once the token has proved live.
pub struct FakeTokenServer {
    state: Arc<ServerState>,
    /// Each serves until it is dropped; two if there is one for client certificates.
    token: Vec<HttpServer>,
    api: HttpServer,
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "only TLS is controlled")
    )]
    transports: Transports,
}

/// Starting, and where to find it.
impl FakeTokenServer {
    /// The client that is registered if the builder is not told of any.
    pub const CLIENT_ID: &str = "test-client";

    /// The secret of [`CLIENT_ID`](Self::CLIENT_ID).
    pub const CLIENT_SECRET: &str = "test-secret";

    /// Starts a server with the default setup.
    ///
    /// # Errors
    ///
    /// If there is no port or no thread to be had.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// A server to be set up.
    pub fn builder() -> FakeTokenServerBuilder {
        FakeTokenServerBuilder::new()
    }

    fn serve(state: ServerState, listeners: Listeners) -> io::Result<Self> {
        let state = Arc::new(state);
        let token: Arc<dyn Endpoint> = Arc::new(TokenEndpoint {
            state: Arc::clone(&state),
        });
        let api: Arc<dyn Endpoint> = Arc::new(ProtectedApi {
            state: Arc::clone(&state),
        });
        #[cfg(feature = "program")]
        let (token, api) = witness::observed(&state, token, api);
        let transports = listeners.transports;
        let start = |name, listener, transport: &Transport, endpoint| {
            let shutdown = Arc::clone(&state.shutdown);
            HttpServer::serve(name, listener, transport.clone(), endpoint, shutdown)
        };
        let mut servers = vec![start(
            "fake-token",
            listeners.token,
            &transports.token,
            Arc::clone(&token),
        )?];
        if let Some(listener) = listeners.mtls {
            servers.push(start("fake-mtls", listener, &transports.mtls, token)?);
        }
        Ok(Self {
            api: start("fake-api", listeners.api, &transports.api, api)?,
            token: servers,
            state,
            transports,
        })
    }

    /// The URL of the token endpoint: `http://127.0.0.1:PORT/oauth/token`, `https` with TLS.
    #[must_use]
    pub fn token_url(&self) -> String {
        self.state.urls.token()
    }

    /// The issuer identifier (RFC 8414 §2): the origin of the token endpoint, and the
    /// [path](FakeTokenServerBuilder::issuer_path) it was given.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.state.urls.issuer()
    }

    /// The origin of the protected API, without a slash at the end: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.state.urls.api_origin.clone()
    }

    /// A URL at the protected API; `path_and_query` begins with a slash.
    #[must_use]
    pub fn api_url_for(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.api_url())
    }
}

/// What it answers.
impl FakeTokenServer {
    /// The token endpoint gives this reply once, after those scripted before.
    pub fn next_token_reply(&self, reply: Reply) {
        self.state.token_script.push(reply);
    }

    /// The token endpoint gives this reply whenever no other is scripted.
    pub fn always_token_reply(&self, reply: Reply) {
        self.state.token_script.set_always(reply);
    }

    /// The protected API gives this reply once, after those scripted before, whatever the token.
    pub fn next_api_reply(&self, reply: Reply) {
        self.state.api_script.push(reply);
    }

    /// The protected API gives this reply whenever no other is scripted, whatever the token.
    pub fn always_api_reply(&self, reply: Reply) {
        self.state.api_script.set_always(reply);
    }

    /// Forgets every scripted reply that no request has taken yet, rules included. Their
    /// [faults](When::suffers) stay, and what is [expected](Self::expect).
    pub fn reset_replies(&self) {
        self.state.token_script.reset();
        self.state.api_script.reset();
        self.state.protocol.side_endpoints.reset_replies();
    }

    /// Issues `token` to [`CLIENT_ID`](Self::CLIENT_ID) without a token request, for a source that makes none.
    pub fn issue_token(&self, token: impl Into<String>) {
        let grant = Grant {
            token: token.into(),
            client_id: Self::CLIENT_ID.to_owned(),
            subject: Self::CLIENT_ID.to_owned(),
            ..Grant::default()
        };
        self.state.issuer.issue(grant, self.state.token_lifetime);
    }

    /// Revokes a token. Tells whether it was issued here and not revoked before.
    pub fn revoke(&self, token: &str) -> bool {
        self.state.issuer.revoke(token)
    }

    /// Revokes every token issued so far.
    pub fn revoke_all(&self) {
        self.state.issuer.revoke_all();
    }

    /// How many different tokens were issued.
    #[must_use]
    pub fn issued(&self) -> usize {
        self.state.issuer.issued()
    }
}

impl Drop for FakeTokenServer {
    fn drop(&mut self) {
        // Both endpoints at once, before either waits for its threads.
        self.state.shutdown.stop();
        // A second panic would end the process, and hide the first.
        if !std::thread::panicking() {
            self.verify();
        }
    }
}

/// A failed assertion about a server leaves it as it was: its locks outlive a panic, and it never calls
/// the clock it was given under one.
impl RefUnwindSafe for FakeTokenServer {}
impl UnwindSafe for FakeTokenServer {}

impl fmt::Debug for FakeTokenServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeTokenServer")
            .field("token_url", &self.token_url())
            .field("api_url", &self.api_url())
            .field("clients", &self.state.clients)
            .field("issued", &self.issued())
            .field("token_requests", &self.token_request_count())
            .field("api_requests", &self.api_request_count())
            .finish_non_exhaustive()
    }
}
