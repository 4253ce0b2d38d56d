//! The connection to the engine: made when it is needed, and anew after a failure.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oauth_core::StoreError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, RedisError, ScriptInvocation};

use crate::error::store_error;
use crate::scripts::Scripts;

/// How long the engine may take to answer, and to be connected to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) connection: Duration,
    pub(crate) response: Duration,
}

pub(crate) struct Connection {
    client: Client,
    timeouts: Timeouts,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    manager: Option<ConnectionManager>,
    /// Of the manager.
    ordinal: u64,
}

impl Connection {
    pub(crate) fn new(client: Client, timeouts: Timeouts) -> Self {
        Self {
            client,
            timeouts,
            state: Mutex::default(),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Runs a script. `what` says in an error what it was for.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        what: &str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let (mut manager, ordinal, is_new) = self.manager(what)?;
        if is_new {
            self.greet(what, &mut manager, ordinal).await?;
        }
        let mut outcome = script.invoke_async(&mut manager).await;
        // One that lay idle may have been closed long ago, which says nothing about the engine.
        if let Err(error) = &outcome
            && error.is_connection_dropped()
            && !is_new
        {
            self.forget(ordinal);
            let (mut manager, ordinal, _) = self.manager(what)?;
            self.greet(what, &mut manager, ordinal).await?;
            outcome = script.invoke_async(&mut manager).await;
            return outcome.map_err(|error| self.failed(what, &error, ordinal));
        }
        outcome.map_err(|error| self.failed(what, &error, ordinal))
    }

    /// What is first said on a new connection.
    async fn greet(
        &self,
        what: &str,
        manager: &mut ConnectionManager,
        ordinal: u64,
    ) -> Result<(), StoreError> {
        let scripts = Scripts::make_known();
        match scripts.query_async::<()>(manager).await {
            Err(error) if error.is_io_error() => Err(self.failed(what, &error, ordinal)),
            // Another refusal meets the call too, which is what it should be told of.
            _ => Ok(()),
        }
    }

    /// The next call starts over: a manager remembers how its last attempt to connect ended, perhaps a minute ago,
    /// and never tries again after a refused password.
    fn failed(&self, what: &str, error: &RedisError, ordinal: u64) -> StoreError {
        self.forget(ordinal);
        let address = self.client.get_connection_info().addr();
        store_error(&format!("{what} at {address}"), error)
    }

    fn forget(&self, ordinal: u64) {
        let mut state = self.lock();
        if state.ordinal == ordinal {
            state.manager = None;
        }
    }

    /// The manager, its ordinal, and whether it was made just now.
    fn manager(&self, what: &str) -> Result<(ConnectionManager, u64, bool), StoreError> {
        let mut state = self.lock();
        if let Some(manager) = &state.manager {
            return Ok((manager.clone(), state.ordinal, false));
        }
        self.make_tls_ready()?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(self.timeouts.connection))
            .set_response_timeout(Some(self.timeouts.response))
            .set_number_of_retries(0);
        let manager = ConnectionManager::new_lazy_with_config(self.client.clone(), config)
            .map_err(|error| store_error(what, &error))?;
        state.ordinal += 1;
        state.manager = Some(manager.clone());
        Ok((manager, state.ordinal, true))
    }

    #[cfg(feature = "rustls-no-provider")]
    pub(crate) fn make_tls_ready(&self) -> Result<(), StoreError> {
        match self.client.get_connection_info().addr() {
            redis::ConnectionAddr::TcpTls { .. } => crate::tls::make_ready(),
            _ => Ok(()),
        }
    }

    #[cfg(not(feature = "rustls-no-provider"))]
    #[expect(clippy::unnecessary_wraps, reason = "it can fail with TLS")]
    pub(crate) fn make_tls_ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without the password.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.client.get_connection_info().addr();
        f.debug_struct("Connection")
            .field("address", &address.to_string())
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
