//! The clock that a test moves.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use oauth_core::{BoxFuture, Clock, Instant};
use oauth_testkit::ManualClock;

const SECOND: Duration = Duration::from_secs(1);

/// Notes, when woken, its name and what the clock says.
struct Diary {
    name: &'static str,
    clock: ManualClock,
    entries: Arc<Mutex<Vec<(&'static str, Instant)>>>,
}

impl Wake for Diary {
    fn wake(self: Arc<Self>) {
        self.entries
            .lock()
            .expect("no panic before")
            .push((self.name, self.clock.now()));
    }
}

#[derive(Default)]
struct Sleepers {
    clock: ManualClock,
    entries: Arc<Mutex<Vec<(&'static str, Instant)>>>,
}

impl Sleepers {
    fn begin(&self, name: &'static str, seconds: u32) -> BoxFuture<'static, ()> {
        let mut sleep = self.clock.sleep(SECOND * seconds);
        assert!(self.poll(name, sleep.as_mut()).is_pending());
        sleep
    }

    fn poll(
        &self,
        name: &'static str,
        sleep: Pin<&mut (dyn Future<Output = ()> + Send)>,
    ) -> Poll<()> {
        let diary = Diary {
            name,
            clock: self.clock.clone(),
            entries: Arc::clone(&self.entries),
        };
        let waker = Waker::from(Arc::new(diary));
        sleep.poll(&mut Context::from_waker(&waker))
    }

    fn woken(&self) -> Vec<(&'static str, Instant)> {
        std::mem::take(&mut *self.entries.lock().expect("no panic before"))
    }
}

#[test]
fn it_stands_still_until_it_is_moved() {
    let clock = ManualClock::new();
    let (now, wall) = (clock.now(), clock.wall());
    assert!(now > Instant::ORIGIN);
    assert_eq!((clock.now(), clock.wall()), (now, wall));
    clock.clone().advance(SECOND);
    assert_eq!((clock.now(), clock.wall()), (now + SECOND, wall + SECOND));
    clock.advance_to(now);
    assert_eq!(clock.now(), now + SECOND);
    clock.advance_to(now + 3 * SECOND);
    assert_eq!(
        (clock.now(), clock.wall()),
        (now + 3 * SECOND, wall + 3 * SECOND)
    );
}

#[test]
fn the_wall_can_be_stepped_either_way_and_nobody_wakes() {
    let sleepers = Sleepers::default();
    let _sleep = sleepers.begin("a", 1);
    let (now, wall) = (sleepers.clock.now(), sleepers.clock.wall());
    sleepers.clock.step_wall(-3600);
    assert_eq!(sleepers.clock.wall(), wall - 3600 * SECOND);
    sleepers.clock.step_wall(7200);
    assert_eq!(sleepers.clock.wall(), wall + 3600 * SECOND);
    sleepers.clock.step_wall(i64::MIN);
    assert_eq!(sleepers.clock.now(), now);
    assert!(sleepers.woken().is_empty());
}

#[test]
fn sleepers_wake_in_order_each_at_its_own_deadline() {
    let sleepers = Sleepers::default();
    let begin = sleepers.clock.now();
    let mut sleeps = [
        sleepers.begin("late", 30),
        sleepers.begin("first", 10),
        sleepers.begin("second", 10),
        sleepers.begin("beyond", 61),
    ];
    assert_eq!(sleepers.clock.sleepers(), 4);
    sleepers.clock.advance(60 * SECOND);
    let expected = [
        ("first", begin + 10 * SECOND),
        ("second", begin + 10 * SECOND),
        ("late", begin + 30 * SECOND),
    ];
    assert_eq!(sleepers.woken(), expected);
    assert_eq!(sleepers.clock.now(), begin + 60 * SECOND);
    assert_eq!(sleepers.clock.next_deadline(), Some(begin + 61 * SECOND));
    let ready = sleeps
        .each_mut()
        .map(|sleep| sleepers.poll("again", sleep.as_mut()).is_ready());
    assert_eq!(ready, [true, true, true, false]);
}

#[test]
fn a_sleeper_wakes_neither_early_nor_twice() {
    let sleepers = Sleepers::default();
    let _sleep = sleepers.begin("a", 1);
    sleepers.clock.advance(SECOND - Duration::from_nanos(1));
    assert!(sleepers.woken().is_empty());
    sleepers.clock.advance(Duration::from_nanos(1));
    assert_eq!(sleepers.woken().len(), 1);
    sleepers.clock.advance(SECOND);
    assert!(sleepers.woken().is_empty());
}

#[test]
fn a_suspended_machine_wakes_its_sleepers_afterwards() {
    let sleepers = Sleepers::default();
    let (begin, wall) = (sleepers.clock.now(), sleepers.clock.wall());
    let _sleeps = [
        sleepers.begin("b", 20),
        sleepers.begin("a", 10),
        sleepers.begin("c", 4000),
    ];
    sleepers.clock.suspend(3600 * SECOND);
    let morning = begin + 3600 * SECOND;
    assert_eq!(sleepers.woken(), [("a", morning), ("b", morning)]);
    assert_eq!(sleepers.clock.wall(), wall + 3600 * SECOND);
}

#[test]
fn a_dropped_sleep_is_forgotten() {
    let sleepers = Sleepers::default();
    let sleep = sleepers.begin("a", 1);
    drop(sleep);
    assert_eq!(
        (sleepers.clock.sleepers(), sleepers.clock.next_deadline()),
        (0, None)
    );
    sleepers.clock.advance(SECOND);
    assert!(sleepers.woken().is_empty());
}

#[test]
fn the_waker_of_the_last_poll_counts() {
    let sleepers = Sleepers::default();
    let mut sleep = sleepers.begin("old", 1);
    assert!(sleepers.poll("new", sleep.as_mut()).is_pending());
    sleepers.clock.advance(SECOND);
    assert_eq!(sleepers.woken()[0].0, "new");
}

#[test]
fn no_sleep_at_all_is_over_at_once() {
    let sleepers = Sleepers::default();
    let mut sleep = sleepers.clock.sleep(Duration::ZERO);
    assert_eq!(sleepers.clock.sleepers(), 0);
    assert!(sleepers.poll("a", sleep.as_mut()).is_ready());
}

/// Begins another sleep each time it is woken, as a task polled inside its waker would.
struct Again {
    clock: ManualClock,
    woken: Mutex<Vec<Instant>>,
    sleep: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Again {
    fn go_to_sleep(self: Arc<Self>) {
        let mut sleep = self.clock.sleep(10 * SECOND);
        let waker = Waker::from(Arc::clone(&self));
        assert!(
            sleep
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let ended = self.sleep.lock().expect("no panic before").replace(sleep);
        drop(ended);
    }
}

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        self.woken
            .lock()
            .expect("no panic before")
            .push(self.clock.now());
        self.go_to_sleep();
    }
}

#[test]
fn a_sleep_begun_on_the_way_is_met_on_the_way() {
    let clock = ManualClock::new();
    let begin = clock.now();
    let again = Arc::new(Again {
        clock: clock.clone(),
        woken: Mutex::default(),
        sleep: Mutex::default(),
    });
    Arc::clone(&again).go_to_sleep();
    clock.advance(35 * SECOND);
    let woken = again.woken.lock().expect("no panic before").clone();
    assert_eq!(woken, [10, 20, 30].map(|seconds| begin + seconds * SECOND));
    assert_eq!(clock.sleepers(), 1);
    // The sleep holds its waker, which holds the sleep.
    drop(again.sleep.lock().expect("no panic before").take());
}

#[test]
fn threads_that_advance_at_once_add_up() {
    let clock = ManualClock::new();
    let begin = clock.now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| clock.advance(SECOND)));
        }
    });
    assert_eq!(clock.now(), begin + 400 * SECOND);
}

#[test]
fn the_longest_sleep_and_advance_there_are_do_not_overflow() {
    let clock = ManualClock::new();
    let _sleep = clock.sleep(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), Instant::MAX);
    clock.suspend(Duration::MAX);
}
