//! Waking those who wait for a token when one is saved, or a lease given back.

use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use oauth_core::{Clock, StoreError, SystemClock, TokenKey};
use redis::aio::PubSub;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
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

/// Those who wait, by channel.
#[derive(Default)]
struct Waiters(Mutex<HashMap<String, Waiting>>);

#[derive(Default)]
struct Waiting {
    notify: Arc<Notify>,
    count: usize,
}

/// One who waits, until it is dropped.
struct Waiter<'a> {
    waiters: &'a Waiters,
    channel: String,
}

impl Waiters {
    /// The future is ready when the next wake comes, also if that is before it is polled.
    fn join(&self, channel: String) -> (Waiter<'_>, OwnedNotified) {
        let mut waiters = self.lock();
        let waiting = waiters.entry(channel.clone()).or_default();
        waiting.count += 1;
        let notified = Arc::clone(&waiting.notify).notified_owned();
        let waiter = Waiter {
            waiters: self,
            channel,
        };
        (waiter, notified)
    }

    fn wake(&self, channel: &str) {
        if let Some(waiting) = self.lock().get(channel) {
            waiting.notify.notify_waiters();
        }
    }

    fn wake_all(&self) {
        let waiters = self.lock();
        waiters
            .values()
            .for_each(|waiting| waiting.notify.notify_waiters());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiters = self.waiters.lock();
        if let Some(waiting) = waiters.get_mut(&self.channel) {
            waiting.count -= 1;
            if waiting.count == 0 {
                waiters.remove(&self.channel);
            }
        }
    }
}

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
        let (_waiter, notified) = self.waiters.join(self.names.channel(key));
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
    loop {
        match subscribe(&connection, &pattern).await {
            Ok(mut subscription) => {
                // What was published before is lost.
                waiters.wake_all();
                let mut messages = subscription.on_message();
                while let Some(message) = messages.next().await {
                    waiters.wake(message.get_channel_name());
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn who_waits_no_longer_leaves_nothing_behind() {
        let waiters = Waiters::default();
        let a = waiters.join("a".into());
        let other = waiters.join("a".into());
        let b = waiters.join("b".into());
        drop(a);
        assert_eq!(waiters.lock().len(), 2);
        drop(other);
        drop(b);
        assert!(waiters.lock().is_empty());
    }

    #[test]
    fn a_message_wakes_those_who_wait_for_it_and_none_else() {
        let waiters = Waiters::default();
        let (_guards, woken): (Vec<_>, Vec<_>) = ["a", "a", "b"]
            .map(|channel| waiters.join(channel.into()))
            .into_iter()
            .unzip();
        waiters.wake("a");
        waiters.wake("c");
        let woken = woken
            .into_iter()
            .map(|woken| woken.now_or_never().is_some());
        assert_eq!(woken.collect::<Vec<_>>(), [true, true, false]);
    }
}
