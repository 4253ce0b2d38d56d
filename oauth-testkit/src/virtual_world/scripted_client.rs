//! An HTTP client whose answers come from a script.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use oauth_core::{HttpClient, HttpError, async_trait};

use crate::sync::lock;

pub(crate) type Answer = Result<http::Response<Bytes>, HttpError>;

/// Keeps every request open until it is answered. Clones share the requests.
#[derive(Clone, Default)]
pub(crate) struct ScriptedClient(Arc<Mutex<Requests>>);

#[derive(Default)]
struct Requests {
    sent: u64,
    /// Not answered, the oldest first; those that their sender has given up stay in line.
    open: VecDeque<Arc<Mutex<Exchange>>>,
}

impl ScriptedClient {
    /// Requests sent since the start.
    pub(crate) fn sent(&self) -> u64 {
        lock(&self.0).sent
    }

    /// Requests sent, not answered, and not given up by their sender.
    pub(crate) fn in_flight(&self) -> u64 {
        let requests = lock(&self.0);
        let awaited = requests
            .open
            .iter()
            .filter(|exchange| !lock(exchange).given_up);
        awaited.count() as u64
    }

    /// Answers the oldest open request, whether or not its sender still waits for it. Gives whether there
    /// was one.
    pub(crate) fn answer_oldest(&self, answer: Answer) -> bool {
        let Some(exchange) = lock(&self.0).open.pop_front() else {
            return false;
        };
        let waker = {
            let mut exchange = lock(&exchange);
            exchange.answer = Some(answer);
            exchange.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

#[async_trait]
impl HttpClient for ScriptedClient {
    async fn send(&self, _: http::Request<Bytes>) -> Answer {
        let exchange = Arc::<Mutex<Exchange>>::default();
        {
            let mut requests = lock(&self.0);
            requests.sent += 1;
            requests.open.push_back(Arc::clone(&exchange));
        }
        Awaited(exchange).await
    }
}

impl fmt::Debug for ScriptedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedClient")
            .field("sent", &self.sent())
            .field("in_flight", &self.in_flight())
            .finish()
    }
}

#[derive(Default)]
struct Exchange {
    answer: Option<Answer>,
    waker: Option<Waker>,
    given_up: bool,
}

/// The sender's side of an exchange.
struct Awaited(Arc<Mutex<Exchange>>);

impl Future for Awaited {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let mut exchange = lock(&self.0);
        match exchange.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                exchange.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let waker = {
            let mut exchange = lock(&self.0);
            exchange.given_up = true;
            exchange.waker.take()
        };
        // Outside the lock: dropping the last waker of a task may drop the task.
        drop(waker);
    }
}
