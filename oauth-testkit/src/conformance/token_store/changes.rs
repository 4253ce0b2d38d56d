//! The rules about waiting for changes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use oauth_core::{BoxFuture, Clock as _, SystemClock, TokenKey, TokenStore};

use super::super::drive::{PATIENCE, left_out};
use super::{Factory, Handle, MINUTE, NOW, StoreUnderTest, key};

/// A store that begins to listen, or has lost touch for a while, may wake those who wait for nothing; not more often.
const FALSE_ALARMS: usize = 10;

/// While nothing changes, those who wait do just that: a wake costs them a look at the store.
pub fn without_a_change_who_waits_is_not_kept_busy(make: &Factory<'_>) {
    let under_test = make();
    let (waiter, key) = (Waiter::of(&under_test), key("a"));
    let is_quiet = under_test.drive(async { waiter.wait(&key).await.is_some() });
    assert!(is_quiet, "woken {FALSE_ALARMS} times for nothing");
}

/// Somebody always waits, for as long as another has the lease.
pub fn who_waits_holds_up_no_call(make: &Factory<'_>) {
    let under_test = make();
    let (waiter, key) = (Waiter::of(&under_test), key("a"));
    let (old, new) = (
        under_test.token("old", MINUTE),
        under_test.token("new", NOW),
    );
    let ttl = under_test.span();
    under_test.drive(async {
        let store = &waiter.store;
        store.save(&key, &old).await.expect("`save` succeeds");
        let waiting = waiter.begin(&key).await;
        store.load(&key).await.expect("`load` succeeds");
        store.remove(&key, &old).await.expect("`remove` succeeds");
        let lease = store.lease(&key, ttl).await;
        if let Some(lease) = lease.expect("`lease` succeeds") {
            let released = store.release(&key, lease).await;
            released.expect("`release` succeeds");
        }
        store.save(&key, &new).await.expect("`save` succeeds");
        drop(waiting);
    });
}

/// On any handle, as far as handles share anything. It is enough to have begun to wait before.
pub fn a_save_wakes_who_waits(make: &Factory<'_>) {
    let under_test = make();
    if !tells(&under_test, "a_save_wakes_who_waits") {
        return;
    }
    let (waiter, key) = (Waiter::of(&under_test), key("a"));
    let (other, token) = (waiter.other(&under_test), under_test.token("new", NOW));
    let is_woken = under_test.drive(async {
        let waiting = waiter.wait(&key).await;
        let saved = other.save(&key, &token).await;
        saved.expect("`save` succeeds");
        waiter.is_woken(waiting).await
    });
    assert!(is_woken, "a token was saved, and nobody told");
}

/// As a token would: whoever waits may have the lease now.
pub fn p12_a_lease_given_back_wakes_who_waits(make: &Factory<'_>) {
    let under_test = make();
    if !tells(&under_test, "p12_a_lease_given_back_wakes_who_waits") {
        return;
    }
    let (waiter, key) = (Waiter::of(&under_test), key("a"));
    let store = waiter.other(&under_test);
    let other = Handle {
        store: Arc::clone(&store),
        under_test: &under_test,
    };
    // Another rule is about this.
    let Some(lease) = other.lease(&key) else {
        return;
    };
    let other = store;
    let is_woken = under_test.drive(async {
        let waiting = waiter.wait(&key).await;
        let released = other.release(&key, lease).await;
        released.expect("`release` succeeds");
        waiter.is_woken(waiting).await
    });
    assert!(is_woken, "a lease was given back, and nobody told");
}

/// All are told, and what was meant for one who has gone is not lost to the others.
pub fn p05_a_dropped_wait_takes_nobodys_wake(make: &Factory<'_>) {
    let under_test = make();
    if !tells(&under_test, "p05_a_dropped_wait_takes_nobodys_wake") {
        return;
    }
    let (waiter, key) = (Waiter::of(&under_test), key("a"));
    let holder = Handle {
        store: Arc::clone(&waiter.store),
        under_test: &under_test,
    };
    let (lease, token) = (holder.lease(&key), under_test.token("new", NOW));
    let are_woken = under_test.drive(async {
        let dropped = waiter.wait(&key).await;
        let first = waiter.wait(&key).await;
        let second = waiter.wait(&key).await;
        drop(dropped);
        // That each of these wakes is another rule.
        let saved = waiter.store.save(&key, &token).await;
        saved.expect("`save` succeeds");
        if let Some(lease) = lease {
            let released = waiter.store.release(&key, lease).await;
            released.expect("`release` succeeds");
        }
        waiter.is_woken(first).await && waiter.is_woken(second).await
    });
    assert!(
        are_woken,
        "not all are told who wait, because one has given up"
    );
}

fn tells(under_test: &StoreUnderTest, rule: &str) -> bool {
    if !under_test.capabilities.tells_changes {
        left_out(rule, "the store tells nobody of changes");
    }
    under_test.capabilities.tells_changes
}

/// One who waits for changes on a handle of its own.
struct Waiter {
    store: Arc<dyn TokenStore>,
    /// In real time, of which a store on a clock that is moved needs little.
    patience: Duration,
}

impl Waiter {
    fn of(under_test: &StoreUnderTest) -> Self {
        Self {
            store: under_test.handle().store,
            patience: match under_test.pass {
                Some(_) => PATIENCE / 50,
                None => PATIENCE,
            },
        }
    }

    /// The handle of somebody else, whose doings this one is told of: another one, unless each is on its own.
    fn other(&self, under_test: &StoreUnderTest) -> Arc<dyn TokenStore> {
        if under_test.capabilities.shared {
            under_test.handle().store
        } else {
            Arc::clone(&self.store)
        }
    }

    /// A wait that has begun, and is not ended for nothing any more; `None` if each is.
    async fn wait<'a>(&'a self, key: &'a TokenKey) -> Option<BoxFuture<'a, ()>> {
        for _ in 0..FALSE_ALARMS {
            if let Some(mut waiting) = self.begin(key).await
                && !ends_within(self.patience / 100, &mut waiting).await
            {
                return Some(waiting);
            }
        }
        None
    }

    /// A wait; `None` if it is over at once.
    async fn begin<'a>(&'a self, key: &'a TokenKey) -> Option<BoxFuture<'a, ()>> {
        let mut waiting: BoxFuture<'_, ()> = Box::pin(self.store.changed(key));
        let begun = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
        begun.is_pending().then_some(waiting)
    }

    /// Whether it ends in time. One that never lasted is another rule's.
    async fn is_woken(&self, waiting: Option<BoxFuture<'_, ()>>) -> bool {
        match waiting {
            Some(mut waiting) => ends_within(self.patience, &mut waiting).await,
            None => true,
        }
    }
}

async fn ends_within(limit: Duration, waiting: &mut BoxFuture<'_, ()>) -> bool {
    let mut end = SystemClock::new().sleep(limit);
    poll_fn(|context| {
        if waiting.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        end.as_mut().poll(context).map(|()| false)
    })
    .await
}
