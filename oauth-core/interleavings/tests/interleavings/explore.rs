//! Which schedules a scenario is run in.

use std::cell::RefCell;

use shuttle::scheduler::{
    DfsScheduler, PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId,
};
use shuttle::{Config, Runner};

/// The same schedules in each run. A failure prints its seed and its schedule; `SHUTTLE_RANDOM_SEED`
/// replaces this one.
const SEED: u64 = 0x0A07;
/// How often a scenario runs where each step is left to chance.
const RANDOM: usize = 8000;
/// How often it runs with priorities that change a few times: that reaches what takes a long delay of one
/// task.
const PRIORITIES: usize = 6000;
/// How many changes of priority there are.
const CHANGES: usize = 4;

/// Runs the scenario in many schedules.
pub(crate) fn explore(scenario: fn()) {
    run(RandomScheduler::new_from_seed(SEED, RANDOM), scenario);
    run(
        PctScheduler::new_from_seed(SEED, CHANGES, PRIORITIES),
        scenario,
    );
}

/// Runs the scenario, which must leave nothing to chance, in every schedule there is, and fails if there
/// are more than `most`.
pub(crate) fn exhaust(most: usize, scenario: fn()) {
    let ran = run(DfsScheduler::new(Some(most), false), scenario);
    assert!(ran < most, "there are more than {most} schedules");
}

fn run(schedules: impl Scheduler + 'static, scenario: fn()) -> usize {
    let mut config = Config::new();
    // It warns that it takes every atomic for one with the strictest ordering. Nothing but a hint is relaxed.
    config.silence_warnings = true;
    Runner::new(Watched(schedules), config).run(scenario)
}

std::thread_local! {
    /// The tasks that are in a call which must not wait. All tasks of a run share one thread.
    static UNBLOCKED: RefCell<Vec<TaskId>> = const { RefCell::new(Vec::new()) };
}

/// Does something that must not wait for anybody.
pub(crate) fn without_waiting<T>(call: impl FnOnce() -> T) -> T {
    let me = shuttle::current::me();
    UNBLOCKED.with_borrow_mut(|tasks| tasks.push(me));
    let result = call();
    UNBLOCKED.with_borrow_mut(|tasks| tasks.retain(|task| *task != me));
    result
}

/// Drops the work of a flight, which may wait a moment for the lock of the cache, even in a call that must
/// not wait otherwise: a spawner that has been shut down has no better place.
pub(crate) fn drop_waiting<T>(work: T) {
    let me = shuttle::current::me();
    let unblocked = UNBLOCKED.with_borrow_mut(|tasks| {
        let before = tasks.len();
        tasks.retain(|task| *task != me);
        tasks.len() < before
    });
    drop(work);
    if unblocked {
        UNBLOCKED.with_borrow_mut(|tasks| tasks.push(me));
    }
}

/// Sees to it that whoever must not wait can go on at each step.
struct Watched<S>(S);

impl<S: Scheduler> Scheduler for Watched<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        UNBLOCKED.with_borrow_mut(Vec::clear);
        self.0.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        yields: bool,
    ) -> Option<TaskId> {
        let waits = UNBLOCKED.with_borrow(|tasks| {
            let is_stopped = |task: &TaskId| runnable.iter().all(|other| other.id() != *task);
            tasks.iter().any(is_stopped)
        });
        assert!(!waits, "a call that must not wait does");
        self.0.next_task(runnable, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}
