//! The admin API, at an origin of its own.

mod call;
mod expectations;
mod handlers;
mod routes;
mod tls_handlers;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use serde_json::{Value, json};

use expectations::Outages;

use crate::program::clock::MovableClock;
use crate::program::gates::Gates;
use crate::program::script::{ScriptedForm, script};
use crate::server::{
    Answer, Endpoint, FakeTokenServer, HttpServer, InFlight, Received, Transport, listen,
};
use crate::shutdown::Shutdown;

/// A server, and what the program adds to it.
#[derive(Debug)]
pub(super) struct Admin {
    server: FakeTokenServer,
    clock: MovableClock,
    gates: Gates,
    outages: Outages,
    /// Its origin.
    url: String,
    /// The name that the server was given.
    host: Option<String>,
    listener: TcpListener,
    /// Raised when the admin API is to end, which interrupts whoever waits in it.
    shutdown: Arc<Shutdown>,
    stop: Sender<()>,
}

impl Admin {
    /// At this port, or at any that is free for 0.
    ///
    /// # Errors
    ///
    /// If the port is not to be had.
    pub(super) fn new(
        server: FakeTokenServer,
        clock: MovableClock,
        host: Option<String>,
        port: u16,
        stop: Sender<()>,
    ) -> io::Result<Self> {
        let listener = listen(port)?;
        Ok(Self {
            server,
            clock,
            gates: Gates::default(),
            outages: Outages::default(),
            url: format!("http://{}", listener.local_addr()?),
            host,
            listener,
            shutdown: Arc::default(),
            stop,
        })
    }

    /// All of it, or nothing if anything is wrong with it.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub(super) fn script(&self, forms: Vec<ScriptedForm>) -> Result<usize, String> {
        script(forms, &self.server, &self.gates)
    }

    /// Whether this machine is called so here.
    fn is_named(&self, host: &str) -> bool {
        let own = self.host.as_deref();
        ["127.0.0.1", "localhost"]
            .into_iter()
            .chain(own)
            .any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Where everything is.
    fn urls(&self) -> Value {
        let server = &self.server;
        json!({
            "admin_url": self.url,
            "token_url": server.token_url(),
            "api_url": server.api_url(),
            "issuer": server.issuer(),
            "metadata_url": server.metadata_url(),
            "introspection_url": server.introspection_url(),
            "revocation_url": server.revocation_url(),
            "jwks_url": server.jwks_url(),
            "mtls_token_url": server.mtls_token_url(),
        })
    }
}

impl Endpoint for Admin {
    fn answer(&self, request: &Received) -> Answer {
        Answer::Respond {
            response: routes::answer(self, request),
            on_the_way: Box::default(),
            in_flight: InFlight::uncounted(),
        }
    }
}

/// An [`Admin`] that is being served.
#[derive(Debug)]
pub(super) struct AdminApi {
    http: HttpServer,
    admin: Arc<Admin>,
}

impl AdminApi {
    /// # Errors
    ///
    /// If a thread is not to be had.
    pub(super) fn start(admin: Admin) -> io::Result<Self> {
        let admin = Arc::new(admin);
        let (endpoint, shutdown) = (Arc::clone(&admin), Arc::clone(&admin.shutdown));
        let listener = admin.listener.try_clone()?;
        let http = HttpServer::serve("admin", listener, Transport::Plain, endpoint, shutdown)?;
        Ok(Self { http, admin })
    }

    /// Where everything is.
    pub(super) fn urls(&self) -> Value {
        self.admin.urls()
    }

    /// Answers what has arrived, and ends the server.
    pub(super) fn finish(mut self) {
        self.http.finish();
        // Its threads have ended; it holds the last of theirs.
        drop(self.http);
        if let Some(admin) = Arc::into_inner(self.admin) {
            admin.server.finish();
        }
    }
}
