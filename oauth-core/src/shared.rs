//! A future that many wait on, each of whom can drive it.
//!
//! It differs from `futures_util::future::Shared` in what a wake is worth: that one loses the wake which
//! comes while the future is polled if the one who polls it is dropped before it does so again
//! (rust-lang/futures-rs#2706), and calls wakers with a lock in hand.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::clock::BoxFuture;
use crate::nesting::Standing;
use crate::sync::{Mutex, MutexGuard};

/// A place at the shared future: polling it drives the future on, and gives its output. The future is dropped along
/// with the last place.
pub(crate) struct Shared<T> {
    work: Arc<Work<T>>,
    /// The number of this place, given when it was first polled.
    place: Option<usize>,
}

/// Why there is no output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoOutput {
    /// The future has panicked in another's poll.
    Lost,
    /// Whoever asks is what the future itself waits for, so that neither would ever get any further.
    AsksItself,
}

/// Makes a further place for as long as there is one.
pub(crate) struct WeakShared<T>(Weak<Work<T>>);

struct Work<T> {
    /// Out while somebody polls it, and gone once it is over.
    future: Mutex<Option<BoxFuture<'static, T>>>,
    bell: Arc<Bell<T>>,
}

/// What the future wakes. It holds no place, or a timer that keeps the waker would keep the future.
///
/// Whenever the future has to be polled, all who wait are woken, since any of them may be dropped or be in
/// a runtime that polls no more. The first to come polls it; the others wait on.
struct Bell<T>(Mutex<State<T>>);

struct State<T> {
    phase: Phase<T>,
    /// By place, whom to wake: those who have not been woken since they last polled.
    wakers: Vec<Option<Waker>>,
    /// Places that were given up.
    free: Vec<usize>,
}

enum Phase<T> {
    /// To be polled: it has not begun, or was woken. Nobody waits who does not know.
    Due,
    /// To be polled once it is woken.
    Asleep,
    /// Somebody is polling it.
    Polled {
        at: Standing,
        woken: bool,
    },
    Over(Result<T, NoOutput>),
}

impl<T: Clone> Shared<T> {
    pub(crate) fn new(future: BoxFuture<'static, T>) -> Self {
        let state = State {
            phase: Phase::Due,
            wakers: Vec::new(),
            free: Vec::new(),
        };
        let work = Work {
            future: Mutex::new(Some(future)),
            bell: Arc::new(Bell(Mutex::new(state))),
        };
        Self {
            work: Arc::new(work),
            place: None,
        }
    }

    pub(crate) fn downgrade(&self) -> WeakShared<T> {
        WeakShared(Arc::downgrade(&self.work))
    }
}

impl<T> WeakShared<T> {
    pub(crate) fn upgrade(&self) -> Option<Shared<T>> {
        let work = self.0.upgrade()?;
        Some(Shared { work, place: None })
    }
}

impl<T: Clone + Send + 'static> Future for Shared<T> {
    type Output = Result<T, NoOutput>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Wakers are cloned, called and dropped outside of the lock: they are others' code.
        let waker = context.waker().clone();
        let mut state = this.work.bell.lock();
        match &state.phase {
            Phase::Over(output) => return Poll::Ready(output.clone()),
            Phase::Polled { at, .. } if this.work.waits_for_itself(*at, &waker) => {
                return Poll::Ready(Err(NoOutput::AsksItself));
            }
            _ => {}
        }
        let place = *this.place.get_or_insert_with(|| state.place());
        let former = state.wakers[place].replace(waker);
        let mine = matches!(state.phase, Phase::Due);
        if mine {
            state.phase = Phase::Polled {
                at: Standing::here(),
                woken: false,
            };
        }
        drop(state);
        drop(former);
        if mine {
            this.work.poll()
        } else {
            Poll::Pending
        }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.work.bell.lock().give_up(place);
            drop(waker);
        }
    }
}

impl<T: Clone + Send + 'static> Work<T> {
    /// Polls the future, for the one whose turn it is.
    fn poll(&self) -> Poll<Result<T, NoOutput>> {
        let mut turn = Turn {
            bell: &self.bell,
            then: Phase::Over(Err(NoOutput::Lost)),
        };
        let Some(mut future) = self.future().take() else {
            return Poll::Ready(Err(NoOutput::Lost));
        };
        let waker = Waker::from(Arc::clone(&self.bell));
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                *self.future() = Some(future);
                turn.then = Phase::Asleep;
                Poll::Pending
            }
            Poll::Ready(output) => {
                turn.then = Phase::Over(Ok(output.clone()));
                Poll::Ready(Ok(output))
            }
        }
    }

    /// Whether one who asks while the future is polled `at` a place is awaited by that very poll, or blocks it. Others
    /// whom that thread happens to run are none of its business.
    fn waits_for_itself(&self, at: Standing, asking: &Waker) -> bool {
        asking.will_wake(&Waker::from(Arc::clone(&self.bell))) || Standing::here().blocks(at)
    }

    fn future(&self) -> MutexGuard<'_, Option<BoxFuture<'static, T>>> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn of the one who polls. It ends by a panic too.
struct Turn<'a, T> {
    bell: &'a Bell<T>,
    then: Phase<T>,
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut state = self.bell.lock();
        let woken = matches!(state.phase, Phase::Polled { woken: true, .. });
        state.phase = match mem::replace(&mut self.then, Phase::Asleep) {
            Phase::Asleep if woken => Phase::Due,
            then => then,
        };
        if !matches!(state.phase, Phase::Asleep) {
            wake_all(state);
        }
    }
}

impl<T: Send + 'static> Wake for Bell<T> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        match &mut state.phase {
            Phase::Asleep => {
                state.phase = Phase::Due;
                wake_all(state);
            }
            // When the turn is over, all are woken: until then nobody could do anything.
            Phase::Polled { woken, .. } => *woken = true,
            Phase::Due | Phase::Over(_) => {}
        }
    }
}

impl<T> Bell<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn place(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }

    fn give_up(&mut self, place: usize) -> Option<Waker> {
        self.free.push(place);
        self.wakers[place].take()
    }
}

fn wake_all<T>(mut state: MutexGuard<'_, State<T>>) {
    let wakers: Vec<_> = state.wakers.iter_mut().filter_map(Option::take).collect();
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}

impl<T> fmt::Debug for WeakShared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakShared").finish_non_exhaustive()
    }
}
