//! The timers of all sources that are kept warm: for each clock one set of deadlines, one sleeper, one task.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(not(oauth_shuttle))]
use crate::background::spawn_quietly as spawn;
use crate::clock::{BoxFuture, Clock};
use crate::observe;
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use crate::time::Instant;

/// So many sources are looked at in a tick, each of which may send a request: 5,000 a second, so that 100,000 that are
/// due at once (after a night asleep) are through in 20 s, well within the margin before the expiry.
const AT_ONCE: usize = 250;
/// Between two ticks.
const TICK: Duration = Duration::from_millis(50);

/// Of a source that nobody has to look at.
const NEVER: u64 = Instant::MAX.as_nanos();

/// A source that is kept warm.
pub(crate) trait Warm: Send + Sync {
    /// Renews the token if that is due, and schedules the next look.
    fn look(self: Arc<Self>);
}

/// The place of one source among those that are kept warm. Dropping it takes the source out.
pub(crate) struct Place {
    keeper: Arc<Keeper>,
    source: Weak<dyn Warm>,
    number: u64,
    /// When the source is to be looked at, as nanoseconds, or `NEVER`: where it stands in the schedule, unless it has
    /// been taken out to be looked at. Read and changed with the schedule locked.
    due: AtomicU64,
}

impl Place {
    pub(crate) fn new(source: Weak<dyn Warm>, clock: &Arc<dyn Clock>) -> Self {
        let keeper = Keeper::of(clock);
        let number = {
            let mut schedule = keeper.lock();
            schedule.numbers += 1;
            schedule.numbers
        };
        Self {
            keeper,
            source,
            number,
            due: AtomicU64::new(NEVER),
        }
    }

    /// The source wants to be looked at then, and no sooner; [`Instant::MAX`] is never.
    pub(crate) fn schedule(&self, look: Instant) {
        let look = look.as_nanos();
        let mut schedule = self.keeper.lock();
        let due = self.due.load(Ordering::Relaxed);
        self.due.store(look, Ordering::Relaxed);
        if due != look && due != NEVER {
            schedule.looks.remove(&(due, self.number));
        }
        if look != NEVER {
            let source = Weak::clone(&self.source);
            schedule.looks.insert((look, self.number), source);
        }
        self.keeper.changed(schedule);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.schedule(Instant::MAX);
    }
}

/// Who looks at the sources of one clock.
struct Keeper {
    clock: Arc<dyn Clock>,
    identity: usize,
    schedule: Mutex<Schedule>,
}

struct Schedule {
    /// By moment, and by number among those of one moment.
    looks: BTreeMap<(u64, u64), Weak<dyn Warm>>,
    numbers: u64,
    task: Task,
}

/// The task that goes through the schedule. There is none while the schedule is empty.
enum Task {
    None,
    /// It is at work, and sees for itself what has changed.
    AtWork,
    /// Until the moment, unless it is woken.
    Asleep {
        until: u64,
        waker: Waker,
    },
}

enum Step {
    Look(Vec<Weak<dyn Warm>>),
    Sleep { until: u64 },
    End,
}

/// The keepers, by the identity of their clocks. They live as long as their sources and their tasks.
static KEEPERS: StdMutex<BTreeMap<usize, Weak<Keeper>>> = StdMutex::new(BTreeMap::new());

impl Keeper {
    fn of(clock: &Arc<dyn Clock>) -> Arc<Self> {
        // The keeper has the clock, so that no other one can get the same identity meanwhile.
        let address = || Arc::as_ptr(clock).cast::<()>().addr();
        let identity = (**clock).identity().unwrap_or_else(address);
        let mut keepers = KEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = keepers.get(&identity).and_then(Weak::upgrade) {
            return keeper;
        }
        let keeper = Arc::new(Self {
            clock: Arc::clone(clock),
            identity,
            schedule: Mutex::new(Schedule {
                looks: BTreeMap::new(),
                numbers: 0,
                task: Task::None,
            }),
        });
        keepers.insert(identity, Arc::downgrade(&keeper));
        keeper
    }

    fn lock(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that the task knows of a schedule that was changed.
    fn changed(self: &Arc<Self>, mut schedule: MutexGuard<'_, Schedule>) {
        let first = schedule.first();
        match &schedule.task {
            Task::None if first.is_some() => {
                schedule.task = Task::AtWork;
                drop(schedule);
                spawn(run(OnDuty {
                    keeper: Arc::clone(self),
                    is_over: false,
                }));
            }
            Task::Asleep { until, .. } if first.is_none_or(|first| first < *until) => {
                if let Task::Asleep { waker, .. } =
                    std::mem::replace(&mut schedule.task, Task::AtWork)
                {
                    drop(schedule);
                    waker.wake();
                }
            }
            _ => {}
        }
    }

    fn next_step(&self) -> Step {
        let now = self.clock.now().as_nanos();
        let mut schedule = self.lock();
        match schedule.first() {
            None => {
                schedule.task = Task::None;
                Step::End
            }
            Some(first) if first > now => Step::Sleep { until: first },
            Some(_) => Step::Look(schedule.take_due(now)),
        }
    }

    /// Until the clock says so, the first look is sooner than `wake_before`, or there is nothing to look at any more.
    async fn sleep(&self, until: u64, wake_before: u64) {
        let now = self.clock.now();
        let duration = Instant::from_nanos(until).saturating_duration_since(now);
        let mut slept: BoxFuture<'static, ()> = self.clock.sleep(duration);
        poll_fn(|context| {
            let is_over = slept.as_mut().poll(context).is_ready();
            self.fall_asleep(is_over, wake_before, context)
        })
        .await;
    }

    fn fall_asleep(&self, is_over: bool, wake_before: u64, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut schedule = self.lock();
        let wanted = schedule.first().is_none_or(|first| first < wake_before);
        if is_over || wanted {
            schedule.task = Task::AtWork;
            return Poll::Ready(());
        }
        schedule.task = Task::Asleep {
            until: wake_before,
            waker,
        };
        Poll::Pending
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut keepers = KEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
        // Another one may have taken its place already.
        if keepers
            .get(&self.identity)
            .is_some_and(|keeper| keeper.strong_count() == 0)
        {
            keepers.remove(&self.identity);
        }
    }
}

impl Schedule {
    fn first(&self) -> Option<u64> {
        self.looks.first_key_value().map(|((look, _), _)| *look)
    }

    fn take_due(&mut self, now: u64) -> Vec<Weak<dyn Warm>> {
        let mut due = Vec::new();
        while due.len() < AT_ONCE
            && let Some(first) = self.looks.first_entry()
            && first.key().0 <= now
        {
            due.push(first.remove());
        }
        due
    }
}

/// The task's hold on its keeper.
struct OnDuty {
    keeper: Arc<Keeper>,
    is_over: bool,
}

impl Drop for OnDuty {
    /// A task that ends by a panic makes way for another one, which begins with the next change.
    fn drop(&mut self) {
        if !self.is_over {
            self.keeper.lock().task = Task::None;
        }
    }
}

async fn run(mut on_duty: OnDuty) {
    let keeper = &on_duty.keeper;
    loop {
        match keeper.next_step() {
            Step::Look(due) => {
                due.into_iter().for_each(look);
                let tick = keeper.clock.now() + TICK;
                keeper.sleep(tick.as_nanos(), 0).await;
            }
            Step::Sleep { until } => keeper.sleep(until, until).await,
            Step::End => break,
        }
    }
    // Another task may have begun since.
    on_duty.is_over = true;
}

fn look(source: Weak<dyn Warm>) {
    let Some(source) = source.upgrade() else {
        return;
    };
    // A spawner and a clock are others' code, and the other sources are still to be looked at.
    if catch_unwind(AssertUnwindSafe(|| source.look())).is_err() {
        observe::background_panicked("looking at a source that is kept warm panicked");
    }
}

/// The model checker sees every step of the task.
#[cfg(oauth_shuttle)]
fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    drop(shuttle::future::spawn(work));
}
