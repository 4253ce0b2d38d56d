//! Who waits on a flight, and what the others lose if one of them leaves: nothing.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Error, Spawner, TokenSource, async_trait,
};

type Asking = BoxFuture<'static, Result<AccessToken, Error>>;

/// A source that wakes its caller while it is being polled, and then lets another caller come: as if that
/// one did on another thread.
#[derive(Clone, Default)]
struct WakesAtOnce {
    other: Arc<Mutex<Option<Asking>>>,
    wakes: Arc<Wakes>,
}

#[async_trait]
impl TokenSource for WakesAtOnce {
    async fn token(&self) -> Result<AccessToken, Error> {
        let mut polled = false;
        poll_fn(|context| {
            if polled {
                return Poll::Ready(());
            }
            polled = true;
            context.waker().wake_by_ref();
            assert!(self.poll_other().is_pending());
            Poll::Pending
        })
        .await;
        Ok(AccessToken::builder("secret").build()?)
    }
}

impl WakesAtOnce {
    fn poll_other(&self) -> Poll<Result<AccessToken, Error>> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let mut other = self.other.lock().unwrap();
        let asking = other.as_mut().unwrap();
        asking.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// As a runtime that shuts down.
struct Refusing;

impl Spawner for Refusing {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}
}

fn asking(cache: &CachedTokenSource<WakesAtOnce>) -> Asking {
    let cache = cache.clone();
    Box::pin(async move { cache.token().await })
}

#[test]
fn p05_a_wake_during_a_poll_reaches_the_others_if_the_one_who_polled_leaves() {
    let source = WakesAtOnce::default();
    let cache = CachedTokenSource::builder(source.clone())
        .spawner(Refusing)
        .build();
    *source.other.lock().unwrap() = Some(asking(&cache));
    let mut leader = asking(&cache);
    let mut context = Context::from_waker(Waker::noop());
    assert!(leader.as_mut().poll(&mut context).is_pending());
    drop(leader);
    assert!(source.wakes.0.load(Ordering::SeqCst) > 0, "left to wait");
    assert!(matches!(source.poll_other(), Poll::Ready(Ok(_))));
    *source.other.lock().unwrap() = None;
}
