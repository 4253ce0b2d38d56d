//! Waking those who wait for a token when one is saved, or a lease given back.

use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use oauth_core::{Clock, StoreError, SystemClock, TokenKey};
use redis::aio::PubSub;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::connection::Connection;
use crate::error::store_error;
use crate::keys::Names;
use crate::observe;
use crate::runtime;

/// Between two attempts to listen.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens on a connection of its own, from the first time somebody waits until it is dropped. While it cannot, nobody
/// is woken.
pub(crate) struct Wakeups {
    connection: Arc<Connection>,
    names: Names,
    waiters: Arc<Waiters>,
    listener: Mutex<Option<AbortHandle>>,
}

/// By channel.
type Waiters = Mutex<HashMap<String, Arc<Notify>>>;

impl Wakeups {
    pub(crate) fn new(connection: Arc<Connection>, names: Names) -> Self {
        Self {
            connection,
            names,
            waiters: Arc::default(),
            listener: Mutex::default(),
        }
    }

    pub(crate) async fn changed(&self, key: &TokenKey) {
        let notify = {
            let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(waiters.entry(self.names.channel(key)).or_default())
        };
        let notified = notify.notified();
        if self.listen().is_err() {
            // No thread: those who wait look from time to time.
            pending::<()>().await;
        }
        notified.await;
    }

    fn listen(&self) -> Result<(), StoreError> {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.is_none() {
            let work = listen(
                Arc::clone(&self.connection),
                self.names.channels(),
                Arc::clone(&self.waiters),
            );
            *listener = Some(runtime::spawn(work)?);
        }
        Ok(())
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        let listener = self.listener.get_mut();
        if let Some(listener) = listener.unwrap_or_else(PoisonError::into_inner) {
            listener.abort();
        }
    }
}

impl fmt::Debug for Wakeups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wakeups")
    }
}

async fn listen(connection: Arc<Connection>, pattern: String, waiters: Arc<Waiters>) {
    let wake = |channel: Option<&str>| {
        let waiters = waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters
            .iter()
            .filter(|(name, _)| channel.is_none_or(|channel| channel == name.as_str()))
            .for_each(|(_, notify)| notify.notify_waiters());
    };
    loop {
        match subscribe(&connection, &pattern).await {
            Ok(mut subscription) => {
                // What was published before is lost.
                wake(None);
                let mut messages = subscription.on_message();
                while let Some(message) = messages.next().await {
                    wake(Some(message.get_channel_name()));
                }
            }
            Err(error) => observe::not_notified(&error),
        }
        SystemClock::new().sleep(PAUSE).await;
    }
}

async fn subscribe(connection: &Connection, pattern: &str) -> Result<PubSub, StoreError> {
    connection.make_tls_ready()?;
    let subscribe = async {
        let mut subscription = connection.client().get_async_pubsub().await?;
        subscription.psubscribe(pattern).await?;
        Ok(subscription)
    };
    match tokio::time::timeout(connection.timeouts().connection, subscribe).await {
        Ok(subscription) => subscription.map_err(|error| store_error("listen", &error)),
        Err(_) => Err(StoreError::new("listen: it took too long")),
    }
}
