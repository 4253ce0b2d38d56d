//! A flight: one piece of work that any number of callers wait on, and none of them owns.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use crate::clock::BoxFuture;
use crate::error::{Error, ErrorKind};
use crate::refresh::under_way::FlightId;
use crate::shared::{NoOutput, Shared, WeakShared};
use crate::sync::AtomicUsize;
use crate::token::AccessToken;

pub(crate) type Outcome = Result<AccessToken, Error>;

/// The cache's own hold on a flight: weak, so that a flight which nobody drives any more (its runtime has
/// shut down, its callers are gone) is dropped and says so.
#[derive(Debug)]
pub(crate) struct Flight {
    id: FlightId,
    work: WeakShared<Outcome>,
    waiters: Waiters,
}

/// How many callers wait on a flight.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiters(Arc<AtomicUsize>);

impl Waiters {
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

/// A caller's place on a flight. Polling it drives the work on; dropping it leaves the work to the others.
pub(crate) struct Waiter {
    work: Shared<Outcome>,
    waiters: Waiters,
}

/// The place of whoever drives the work when nobody waits.
pub(crate) struct Driver(Shared<Outcome>);

impl Flight {
    /// A flight that does `work`, which has not begun, and the driver that keeps it alive.
    pub(crate) fn new(
        id: FlightId,
        waiters: Waiters,
        work: BoxFuture<'static, Outcome>,
    ) -> (Self, Driver) {
        let work = Shared::new(work);
        let flight = Self {
            id,
            work: work.downgrade(),
            waiters,
        };
        (flight, Driver(work))
    }

    pub(crate) fn id(&self) -> FlightId {
        self.id
    }

    /// A place on the flight, unless nobody drives it any more.
    pub(crate) fn join(&self) -> Option<Waiter> {
        Some(Waiter::new(self.work.upgrade()?, &self.waiters))
    }
}

impl Waiter {
    fn new(work: Shared<Outcome>, waiters: &Waiters) -> Self {
        waiters.0.fetch_add(1, Ordering::AcqRel);
        Self {
            work,
            waiters: waiters.clone(),
        }
    }
}

impl Driver {
    /// The work as something to spawn: its outcome is in the cache by then.
    pub(crate) fn into_work(self) -> BoxFuture<'static, ()> {
        Box::pin(async { drop(self.0.await) })
    }
}

impl Future for Waiter {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = ready!(Pin::new(&mut self.work).poll(context));
        Poll::Ready(outcome.unwrap_or_else(|nothing| {
            Err(match nothing {
                NoOutput::Lost => lost(),
                NoOutput::AsksItself => asks_itself(),
            })
        }))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiters.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// For work that panicked, or was dropped.
pub(crate) fn lost() -> Error {
    Error::new(
        ErrorKind::Transport,
        "the token request was lost with the runtime that drove it; call again",
    )
}

/// For work that needs its own outcome.
fn asks_itself() -> Error {
    Error::configuration(
        "the token source asks the cache around it for the token that it is to give; let what it uses have tokens of \
         another source",
    )
}

/// For tokens that are dead on arrival, again and again.
pub(crate) fn always_dead() -> Error {
    Error::new(
        ErrorKind::Timeout,
        "each token that came was dead before its caller could take it; have the server issue tokens that live longer",
    )
}

/// For a source whose own code panicked.
pub(crate) fn panicked() -> Error {
    Error::new(
        ErrorKind::Transport,
        "the token source panicked; the message of the panic, on the standard error output, says why",
    )
}
