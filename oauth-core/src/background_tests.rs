use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use super::*;

/// Moves on at once, or not at all.
const NO_TIME: Duration = Duration::ZERO;

/// Has `thread` do something, and waits until that is done.
fn work_on(thread: &'static Thread) {
    let (done, is_done) = channel();
    thread.spawn(async move { done.send(()).unwrap() });
    is_done.recv().unwrap();
}

fn await_end_of(thread: &Thread) {
    while thread.lock().served_by.is_some() {
        thread::yield_now();
    }
}

#[test]
fn it_ends_when_there_is_nothing_to_do_and_begins_anew() {
    static THREAD: Thread = Thread::new("oauth-ends", NO_TIME);
    for _ in 0..20 {
        work_on(&THREAD);
        await_end_of(&THREAD);
    }
    #[cfg(target_os = "linux")]
    while alive(THREAD.name) > 0 {
        thread::yield_now();
    }
}

#[test]
fn p05_work_that_comes_while_it_ends_is_done_all_the_same() {
    static THREAD: Thread = Thread::new("oauth-races", NO_TIME);
    let callers = [(); 4].map(|()| {
        #[expect(clippy::disallowed_methods, reason = "callers side by side")]
        thread::spawn(|| (0..500).for_each(|_| work_on(&THREAD)))
    });
    for caller in callers {
        caller.join().unwrap();
    }
    await_end_of(&THREAD);
}

#[test]
fn a_timer_keeps_it_until_the_timer_is_over_or_dropped() {
    static THREAD: Thread = Thread::new("oauth-timers", NO_TIME);
    block_on(THREAD.pause(Duration::from_millis(5)));
    await_end_of(&THREAD);

    let mut for_long = Box::pin(THREAD.pause(Duration::from_secs(3600)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(for_long.as_mut().poll(&mut context).is_pending());
    for _ in 0..100 {
        work_on(&THREAD);
        assert!(THREAD.lock().served_by.is_some(), "there is a timer");
    }
    drop(for_long);
    await_end_of(&THREAD);
}

#[test]
fn work_that_has_itself_woken_over_and_over_holds_up_no_timer() {
    static THREAD: Thread = Thread::new("oauth-busy", NO_TIME);
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_over);
    THREAD.spawn(poll_fn(move |context| {
        if seen.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }));
    // It would never end, were it not for the timer.
    block_on(THREAD.pause(Duration::from_millis(5)));
    is_over.store(true, Ordering::Relaxed);
    await_end_of(&THREAD);
}

#[test]
fn it_is_replaced_if_whoever_is_told_of_a_panic_panics_too() {
    static THREAD: Thread = Thread::new("oauth-gone", NO_TIME);
    THREAD.lock().served_by = Some(thread::current().id());
    let gone = Gone {
        thread: &THREAD,
        me: thread::current().id(),
    };
    drop(gone);
    work_on(&THREAD);
}

#[test]
fn work_that_blocks_is_no_longer_counted_on() {
    static THREAD: Thread = Thread::new("oauth-blocks", NO_TIME);
    let (done, is_done) = channel();
    THREAD.spawn(async move {
        THREAD.go_on_without_me();
        // Needs the thread that took over.
        work_on(&THREAD);
        done.send(()).unwrap();
    });
    is_done.recv().unwrap();
    await_end_of(&THREAD);
}

#[test]
fn that_there_is_no_thread_is_told_by_who_holds_no_lock() {
    static THREAD: Thread = Thread::new("oauth-silent", NO_TIME);
    let mut queue = THREAD.lock();
    queue.untold = Some(io::Error::other("none to be had"));
    drop(queue);
    // As a waker does.
    work_on(&THREAD);
    assert!(THREAD.lock().untold.is_some());
    THREAD.tell();
    assert!(THREAD.lock().untold.is_none());
}

/// How many threads of this process have that name.
#[cfg(target_os = "linux")]
fn alive(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|known| known.trim_end() == name).count()
}
