//! The setup of a server.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use oauth_core::{Clock, SystemClock};

use crate::server::FakeTokenServer;
use crate::server::client_auth::{ClientAuthMethod, Clients};
use crate::server::issuer::Issuer;
use crate::server::listeners::Listeners;
use crate::server::log::RequestLog;
use crate::server::settings::Settings;
use crate::server::state::ServerState;

/// Sets up a [`FakeTokenServer`].
#[must_use = "the server runs once `start` is called"]
pub struct FakeTokenServerBuilder {
    clients: Vec<(String, String)>,
    accepted: Vec<ClientAuthMethod>,
    scopes: Option<Vec<String>>,
    token_lifetime: Duration,
    clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
}

impl FakeTokenServerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            clients: Vec::new(),
            accepted: Vec::new(),
            scopes: None,
            token_lifetime: Duration::from_secs(3600),
            clock: Arc::new(SystemClock::new()),
            settings: Settings::default(),
        }
    }

    /// Registers a client. The first takes the place of the default one, further ones add to it.
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.clients.push((id.into(), secret.into()));
        self
    }

    /// Accepts this client authentication method. The first call takes the place of the default,
    /// which is [`Basic`](ClientAuthMethod::Basic) and [`Post`](ClientAuthMethod::Post), further ones
    /// add to it.
    pub fn accept_auth(mut self, method: ClientAuthMethod) -> Self {
        self.accepted.push(method);
        self
    }

    /// Registers the scopes that may be granted: any other is refused as `invalid_scope`, and all of
    /// them are granted to a request that asks for none. By default any scope is granted.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// How long a token lives, which `expires_in` says in whole seconds and the protected API
    /// enforces. By default an hour.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Judges the age of tokens, and of whatever else has one, by this clock, a [`ManualClock`](crate::ManualClock) say. By default
    /// by the machine's. Delays of replies are real time in any case.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts the server, which is ready when this returns.
    ///
    /// # Errors
    ///
    /// If there is no port or no thread to be had, or a key or certificate that was registered cannot
    /// be read.
    pub fn start(self) -> io::Result<FakeTokenServer> {
        let mut with_secrets = self.clients;
        if with_secrets.is_empty() && !self.settings.has_clients() {
            let (id, secret) = (FakeTokenServer::CLIENT_ID, FakeTokenServer::CLIENT_SECRET);
            with_secrets.push((id.to_owned(), secret.to_owned()));
        }
        let mut clients = Clients {
            accepted: self.accepted,
            ..Clients::default()
        };
        if clients.accepted.is_empty() {
            clients.accepted = vec![ClientAuthMethod::Basic, ClientAuthMethod::Post];
        }
        for (id, secret) in with_secrets {
            clients.registered.entry(id).or_default().secret = Some(secret);
        }
        let listeners = Listeners::bind(&self.settings)?;
        let urls = listeners.urls(&self.settings)?;
        #[cfg(feature = "program")]
        let witness = self.settings.witness.clone();
        let log = Arc::new(RequestLog::new(self.settings.log_limit));
        let protocol = self.settings.protocol(&mut clients)?;
        let state = ServerState {
            clients,
            urls,
            protocol,
            scopes: self.scopes,
            token_lifetime: self.token_lifetime,
            issuer: Issuer::new(self.clock),
            token_script: Default::default(),
            api_script: Default::default(),
            token_faults: Default::default(),
            api_faults: Default::default(),
            log,
            shutdown: Default::default(),
            #[cfg(feature = "program")]
            witness,
        };
        FakeTokenServer::serve(state, listeners)
    }
}

/// Leaves out the secrets of the clients.
impl fmt::Debug for FakeTokenServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.clients.iter().map(|(id, _)| id.as_str()).collect();
        f.debug_struct("FakeTokenServerBuilder")
            .field("clients", &ids)
            .field("accepted", &self.accepted)
            .field("scopes", &self.scopes)
            .field("token_lifetime", &self.token_lifetime)
            .field("settings", &self.settings)
            .finish()
    }
}
