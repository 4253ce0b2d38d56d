//! Caches that share a store: who asks the source, who waits, and what a broken store costs.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use futures_util::future::poll_fn;
use oauth_core::{
    AccessToken, BoxFuture, CachedTokenSource, Clock, Error, ErrorKind, Lease, MemoryStore,
    RefreshPolicy, RefreshPolicyBuilder, Spawner, StoreError, StoredToken, TokenKey, TokenSource,
    TokenStore, async_trait,
};
use oauth_testkit::ManualClock;

const HOUR: Duration = Duration::from_secs(3600);
const LEASE_TTL: Duration = Duration::from_secs(10);
const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// An authorization server: `t1`, `t2`, …, each an hour good, when the gate is open.
#[derive(Clone, Default)]
struct Server(Arc<ServerState>);

#[derive(Default)]
struct ServerState {
    asked: AtomicUsize,
    is_shut: Mutex<bool>,
    refuses: Mutex<bool>,
}

impl Server {
    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    fn shut(&self, is_shut: bool) {
        *self.0.is_shut.lock().unwrap() = is_shut;
    }

    fn refuse(&self, refuses: bool) {
        *self.0.refuses.lock().unwrap() = refuses;
    }
}

#[async_trait]
impl TokenSource for Server {
    async fn token(&self) -> Result<AccessToken, Error> {
        let ordinal = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        poll_fn(|context| {
            if *self.0.is_shut.lock().unwrap() {
                // The test polls again when it has opened the gate.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        if *self.0.refuses.lock().unwrap() {
            return Err(Error::new(ErrorKind::Refused, "no"));
        }
        Ok(AccessToken::builder(format!("t{ordinal}"))
            .expires_in(HOUR)
            .build()?)
    }
}

/// A wall clock that is wrong by some seconds, on the time of all.
#[derive(Clone)]
struct Skewed(ManualClock, i64);

impl Clock for Skewed {
    fn now(&self) -> oauth_core::Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        let skew = Duration::from_secs(self.1.unsigned_abs());
        if self.1 < 0 {
            self.0.wall() - skew
        } else {
            self.0.wall() + skew
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }
}

/// Background work in the hands of the test.
#[derive(Clone, Default)]
struct ByHand(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Spawner for ByHand {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }
}

impl ByHand {
    fn poll(&self) {
        let mut works = std::mem::take(&mut *self.0.lock().unwrap());
        works.retain_mut(|work| poll_a_while(work).is_none());
        self.0.lock().unwrap().extend(works);
    }
}

/// One process of the fleet.
struct Process {
    cached: CachedTokenSource<Server>,
    background: ByHand,
}

struct World {
    clock: ManualClock,
    server: Server,
    store: Arc<dyn TokenStore>,
}

fn world() -> World {
    let clock = ManualClock::new();
    World {
        server: Server::default(),
        store: Arc::new(MemoryStore::new(clock.clone())),
        clock,
    }
}

fn key() -> TokenKey {
    TokenKey::builder("test").build()
}

impl World {
    fn process(&self) -> Process {
        self.process_with_clock(Skewed(self.clock.clone(), 0))
    }

    fn process_with_clock(&self, clock: impl Clock + 'static) -> Process {
        let policy = RefreshPolicy::builder().no_jitter().attempts(1);
        self.process_with(clock, policy)
    }

    fn process_with(&self, clock: impl Clock + 'static, policy: RefreshPolicyBuilder) -> Process {
        let background = ByHand::default();
        let cached = CachedTokenSource::builder(self.server.clone())
            .store(Arc::clone(&self.store), key())
            .store_timeout(STORE_TIMEOUT)
            .lease_ttl(LEASE_TTL)
            .policy(policy.build().unwrap())
            .clock(clock)
            .spawner(background.clone())
            .build();
        Process { cached, background }
    }
}

type Asking<'a> = BoxFuture<'a, Result<AccessToken, Error>>;

impl Process {
    fn ask(&self) -> Asking<'_> {
        Box::pin(self.cached.token())
    }

    fn ask_lasting(&self, seconds: u64) -> Asking<'_> {
        Box::pin(self.cached.token_lasting(Duration::from_secs(seconds)))
    }

    fn ready(&self) -> Option<String> {
        self.cached.ready().map(|token| token.secret().to_owned())
    }

    fn secret(&self) -> String {
        finished(&mut self.ask())
    }
}

/// Polls as often as anything that can go on needs.
fn poll_a_while<T>(future: &mut BoxFuture<'_, T>) -> Option<T> {
    for _ in 0..20 {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
    }
    None
}

fn waits(asking: &mut Asking<'_>) -> bool {
    poll_a_while(asking).is_none()
}

fn finished(asking: &mut Asking<'_>) -> String {
    let token = poll_a_while(asking).expect("it waits").unwrap();
    token.secret().to_owned()
}

#[test]
fn p12_processes_at_a_cold_start_share_one_request() {
    let world = world();
    let processes = [(); 16].map(|()| world.process());
    world.server.shut(true);
    let mut callers: Vec<_> = processes.iter().map(Process::ask).collect();
    assert!(callers.iter_mut().all(waits));
    assert_eq!(world.server.asked(), 1);

    world.server.shut(false);
    assert_eq!(finished(&mut callers[0]), "t1");
    world.clock.advance(Duration::from_millis(500));
    for caller in &mut callers[1..] {
        assert_eq!(finished(caller), "t1");
    }
    assert_eq!(world.server.asked(), 1);
}

#[test]
fn p12_a_renewal_is_made_once_and_nobody_waits_for_it() {
    let world = world();
    let (a, b) = (world.process(), world.process());
    assert_eq!((a.secret(), b.secret()), ("t1".into(), "t1".into()));

    world.clock.advance(Duration::from_secs(3300));
    world.server.shut(true);
    for process in [&a, &b] {
        assert_eq!(process.ready().as_deref(), Some("t1"));
        process.background.poll();
    }
    assert_eq!(world.server.asked(), 2, "one of them renews");
    assert_eq!((a.secret(), b.secret()), ("t1".into(), "t1".into()));

    world.server.shut(false);
    a.background.poll();
    assert_eq!(a.ready().as_deref(), Some("t2"));
    assert_eq!(b.ready().as_deref(), Some("t1"));
    world.clock.advance(Duration::from_millis(500));
    b.background.poll();
    assert_eq!(b.ready().as_deref(), Some("t2"));
    assert_eq!(world.server.asked(), 2);
}

#[test]
fn p12_when_the_holder_dies_another_takes_over_within_the_life_of_the_lease() {
    let world = world();
    let (dying, other) = (world.process(), world.process());
    world.server.shut(true);
    let mut asking = dying.ask();
    assert!(waits(&mut asking));
    drop(asking);
    drop(dying);
    world.server.shut(false);

    let mut waiting = other.ask();
    assert!(waits(&mut waiting));
    let mut waited = Duration::ZERO;
    while waits(&mut waiting) {
        assert!(
            waited < LEASE_TTL + STORE_TIMEOUT,
            "still waiting after {waited:?}"
        );
        waited += Duration::from_millis(100);
        world.clock.advance(Duration::from_millis(100));
    }
    assert!(waited >= LEASE_TTL - STORE_TIMEOUT, "{waited:?}");
    assert_eq!(other.ready().as_deref(), Some("t2"));
    // The source did not say when it asked: not before the wait.
    assert_eq!(other.cached.status().time_to_expiry(), Some(HOUR));
}

/// How long the call takes on the clock.
fn duration(clock: &ManualClock, asking: &mut Asking<'_>) -> Duration {
    let (step, mut waited) = (Duration::from_millis(100), Duration::ZERO);
    loop {
        if let Some(outcome) = poll_a_while(asking) {
            outcome.unwrap();
            return waited;
        }
        clock.advance(step);
        waited += step;
    }
}

#[test]
fn p12_a_lease_never_lasts_so_long_that_who_waits_for_its_dead_holder_fails() {
    let world = world();
    let patience = Duration::from_secs(10);
    let process = || {
        let policy = RefreshPolicy::builder().acquire_timeout(patience);
        world.process_with(world.clock.clone(), policy)
    };
    let (dying, other) = (process(), process());
    world.server.shut(true);
    let mut asking = dying.ask();
    assert!(waits(&mut asking));
    drop(asking);
    drop(dying);
    world.server.shut(false);
    let waited = duration(&world.clock, &mut other.ask());
    assert!(waited <= patience / 2 + STORE_TIMEOUT, "{waited:?}");
}

#[test]
fn p11_a_store_that_never_grants_a_lease_fails_no_call() {
    let (world, broken) = broken_world(How::Works);
    *broken.how.lock().unwrap() = How::GrantsNoLease;
    let process = world.process();
    let waited = duration(&world.clock, &mut process.ask());
    assert!(waited > 2 * LEASE_TTL, "others come first: {waited:?}");
    assert_eq!(process.ready().as_deref(), Some("t1"));

    // While there is a token to go on with nobody comes between.
    world.clock.advance(Duration::from_secs(3300));
    assert!(process.cached.ready().is_some());
    for _ in 0..60 {
        process.background.poll();
        world.clock.advance(Duration::from_millis(500));
    }
    assert_eq!(world.server.asked(), 1);
}

#[test]
fn p05_a_dropped_flight_leaves_its_lease_to_the_next_of_the_same_process() {
    let world = world();
    let process = world.process();
    world.server.shut(true);
    let mut asking = process.ask();
    assert!(waits(&mut asking));
    drop(asking);
    process.background.0.lock().unwrap().clear();
    world.server.shut(false);
    assert_eq!(process.secret(), "t2");
}

#[test]
fn a_restart_finds_the_token_and_what_is_left_of_its_life() {
    let world = world();
    assert_eq!(world.process().secret(), "t1");
    world.clock.advance(Duration::from_secs(3000));

    let restarted = world.process();
    assert_eq!(restarted.secret(), "t1");
    let status = restarted.cached.status();
    assert_eq!(status.time_to_expiry(), Some(Duration::from_secs(600)));
    assert_eq!(status.time_to_refresh(), Some(Duration::from_secs(300)));
    assert_eq!(world.server.asked(), 1);
}

#[test]
fn p01_on_a_machine_that_has_just_started_a_token_is_no_younger_for_it() {
    let world = world();
    assert_eq!(world.process().secret(), "t1");
    world.clock.advance(Duration::from_secs(3000));

    // Its time counts from the start of the machine.
    let young = ManualClock::starting_at(oauth_core::Instant::ORIGIN, world.clock.wall());
    let restarted = world.process_with_clock(young);
    assert_eq!(restarted.secret(), "t1");
    let left = restarted.cached.status().time_to_expiry();
    assert_eq!(left, Some(Duration::from_secs(600)));
}

#[test]
fn who_needs_more_life_than_the_token_in_the_store_has_left_gets_a_new_one() {
    let world = world();
    assert_eq!(world.process().secret(), "t1");
    for (run, is_young) in [(2, false), (3, true)] {
        world.clock.advance(HOUR / 2);
        // Its time counts from the start of the machine, or of the process.
        let now = world.clock.wall();
        let clock = match is_young {
            true => ManualClock::starting_at(
                oauth_core::Instant::from_origin(Duration::from_secs(9)),
                now,
            ),
            false => world.clock.clone(),
        };
        let restarted = world.process_with_clock(Skewed(clock, 0));
        let token = finished(&mut restarted.ask_lasting(3000));
        assert_eq!(token, format!("t{run}"), "of half an hour's age was t1");
        assert_eq!(world.server.asked(), run);
        assert_eq!(world.process().secret(), token, "and so it is for all");
    }
}

#[test]
fn p06_a_token_that_another_process_has_just_put_into_the_store_is_the_best_there_is() {
    let world = world();
    assert_eq!(world.process().secret(), "t1");
    world.clock.advance(HOUR / 30);
    for _ in 0..10 {
        let restarted = world.process();
        let mut asking = restarted.ask_lasting(3599);
        let error = poll_a_while(&mut asking).unwrap().unwrap_err();
        assert!(error.to_string().contains("nine tenths"), "{error}");
    }
    assert_eq!(world.server.asked(), 1);
}

#[test]
fn p06_processes_that_start_anew_ask_for_lives_that_no_token_has_once_each_part_of_a_life() {
    let world = world();
    assert_eq!(world.process().secret(), "t1");
    for run in 1..=10 {
        world.clock.advance(HOUR / 6);
        let restarted = world.process();
        let mut asking = restarted.ask_lasting(7200);
        let error = poll_a_while(&mut asking).unwrap().unwrap_err();
        assert!(error.to_string().contains("live 3600 s"), "{error}");
        assert_eq!(world.server.asked(), 1 + run / 2);
    }
}

#[test]
fn a_token_found_in_its_last_minutes_is_used_and_renewed_in_the_background() {
    let world = world();
    assert_eq!(world.process().secret(), "t1");
    world.clock.advance(Duration::from_secs(3400));
    let restarted = world.process();
    assert_eq!(restarted.secret(), "t1");
    assert_eq!(restarted.ready().as_deref(), Some("t1"));
    restarted.background.poll();
    assert_eq!(restarted.ready().as_deref(), Some("t2"));
}

#[test]
fn p01_a_wrong_wall_clock_cannot_lengthen_the_life_of_a_token() {
    let world = world();
    assert_eq!(world.process().secret(), "t1");
    for (skew, left) in [(-120, HOUR), (120, HOUR - Duration::from_secs(120))] {
        let process = world.process_with_clock(Skewed(world.clock.clone(), skew));
        assert_eq!(process.secret(), "t1");
        let status = process.cached.status();
        assert_eq!(status.time_to_expiry(), Some(left), "{skew}");
    }
}

#[test]
fn p07_a_rejection_removes_that_token_for_all_and_each_gets_the_new_one() {
    let world = world();
    let (a, b) = (world.process(), world.process());
    let refused = [&a, &b].map(|process| poll_a_while(&mut process.ask()).unwrap().unwrap());

    a.cached.reject(&refused[0]);
    assert_eq!(a.secret(), "t2");
    b.cached.reject(&refused[1]);
    assert_eq!(b.secret(), "t2", "taken from the store");
    assert_eq!(world.process().secret(), "t2");
    assert_eq!(world.server.asked(), 2);
}

#[test]
fn p07_a_rejected_token_is_removed_though_nobody_asks_again() {
    let world = world();
    let process = world.process();
    let refused = poll_a_while(&mut process.ask()).unwrap().unwrap();
    process.cached.reject(&refused);
    process.background.poll();
    let left = poll_a_while(&mut Box::pin(world.store.load(&key()))).unwrap();
    assert!(left.unwrap().is_none());
    assert_eq!(world.process().secret(), "t2");
    assert_eq!(world.server.asked(), 2);
}

#[test]
fn p07_a_rejected_token_that_could_not_be_removed_is_removed_when_the_store_works_again() {
    let (world, broken) = broken_world(How::Works);
    let process = world.process();
    let refused = poll_a_while(&mut process.ask()).unwrap().unwrap();
    *broken.how.lock().unwrap() = How::Fails;
    process.cached.reject(&refused);
    process.background.poll();
    *broken.how.lock().unwrap() = How::Works;
    world.clock.advance(Duration::from_secs(60));
    let calls = broken.calls.load(Ordering::SeqCst);
    assert_eq!(process.secret(), "t2");
    // remove, load, lease, load, save, release
    assert_eq!(broken.calls.load(Ordering::SeqCst) - calls, 6);
}

#[test]
fn p07_a_rejected_token_is_not_taken_from_a_store_that_still_has_it() {
    let world = world();
    let (a, b) = (world.process(), world.process());
    let refused = poll_a_while(&mut a.ask()).unwrap().unwrap();
    let stored = poll_a_while(&mut Box::pin(world.store.load(&key()))).unwrap();
    a.cached.reject(&refused);
    assert_eq!(a.secret(), "t2");
    // Somebody puts it back.
    let stored = stored.unwrap().unwrap().with_fencing(9);
    poll_a_while(&mut Box::pin(world.store.save(&key(), &stored)))
        .unwrap()
        .unwrap();
    let second = poll_a_while(&mut a.ask()).unwrap().unwrap();
    world.clock.advance(Duration::from_secs(60));
    a.cached.reject(&second);
    assert_eq!(a.secret(), "t3");
    assert_eq!(
        b.secret(),
        "t1",
        "who knows nothing of the rejection takes it"
    );
}

#[test]
fn a_failure_gives_the_lease_back_for_others_to_try() {
    let world = world();
    let (a, b) = (world.process(), world.process());
    world.server.refuse(true);
    assert!(poll_a_while(&mut a.ask()).unwrap().is_err());
    world.server.refuse(false);
    assert_eq!(b.secret(), "t2");
}

/// Does to each call what the test says.
#[derive(Clone)]
struct Broken {
    inner: Arc<dyn TokenStore>,
    how: Arc<Mutex<How>>,
    /// So many calls work in any case.
    works: usize,
    calls: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
enum How {
    Works,
    Fails,
    Hangs,
    Panics,
    FailsToSave,
    HangsWhenItSaves,
    GrantsNoLease,
    /// All the time.
    SaysThatItChanges,
    PanicsWhileItIsWaitedFor,
}

impl Broken {
    async fn go(&self, what: &str) -> Result<(), StoreError> {
        let calls_before = self.calls.fetch_add(1, Ordering::SeqCst);
        match self.how() {
            _ if calls_before < self.works => Ok(()),
            How::Fails => Err(StoreError::new("out of order")),
            How::Hangs => pending().await,
            How::Panics => panic!("a bug in a user's store"),
            How::FailsToSave if what == "save" => Err(StoreError::new("no right to do that")),
            How::HangsWhenItSaves if what == "save" => pending().await,
            _ => Ok(()),
        }
    }

    fn how(&self) -> How {
        *self.how.lock().unwrap()
    }
}

#[async_trait]
impl TokenStore for Broken {
    async fn load(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        self.go("load").await?;
        self.inner.load(key).await
    }

    async fn save(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        self.go("save").await?;
        self.inner.save(key, token).await
    }

    async fn remove(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        self.go("remove").await?;
        self.inner.remove(key, token).await
    }

    async fn lease(&self, key: &TokenKey, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        self.go("lease").await?;
        if matches!(self.how(), How::GrantsNoLease) {
            return Ok(None);
        }
        self.inner.lease(key, ttl).await
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        self.go("release").await?;
        self.inner.release(key, lease).await
    }

    async fn changed(&self, _: &TokenKey) {
        match self.how() {
            How::SaysThatItChanges if self.calls.load(Ordering::SeqCst) < 1000 => {}
            How::PanicsWhileItIsWaitedFor => panic!("a bug in a user's store"),
            _ => pending().await,
        }
    }
}

fn broken_world(how: How) -> (World, Broken) {
    world_that_breaks_after(0, how)
}

fn world_that_breaks_after(works: usize, how: How) -> (World, Broken) {
    let mut world = world();
    let broken = Broken {
        inner: Arc::clone(&world.store),
        how: Arc::new(Mutex::new(how)),
        works,
        calls: Arc::default(),
    };
    world.store = Arc::new(broken.clone());
    (world, broken)
}

#[test]
fn p11_a_store_that_fails_or_panics_fails_no_call() {
    for how in [How::Fails, How::Panics] {
        let (world, broken) = broken_world(how);
        let process = world.process();
        assert_eq!(process.secret(), "t1");
        assert_eq!(process.cached.status().store_failures(), 1);
        assert_eq!(
            broken.calls.load(Ordering::SeqCst),
            1,
            "then it is left alone"
        );
    }
}

#[test]
fn p11_a_store_that_hangs_costs_one_short_wait_and_not_one_a_call() {
    let (world, broken) = broken_world(How::Hangs);
    let process = world.process();
    let mut asking = process.ask();
    assert!(waits(&mut asking));
    world.clock.advance(STORE_TIMEOUT);
    assert_eq!(finished(&mut asking), "t1");
    drop(asking);

    let token = poll_a_while(&mut process.ask()).unwrap().unwrap();
    process.cached.reject(&token);
    assert_eq!(process.secret(), "t2", "at once");
    assert_eq!(broken.calls.load(Ordering::SeqCst), 1);
    assert_eq!(process.cached.status().store_failures(), 1);
}

#[test]
fn p11_a_store_that_breaks_at_any_call_fails_no_call_and_is_used_again_later() {
    // load, lease, load, save, release
    for works in 0..5 {
        for how in [How::Fails, How::Hangs, How::Panics] {
            let (world, broken) = world_that_breaks_after(works, how);
            let process = world.process();
            let mut asking = process.ask();
            let token = poll_a_while(&mut asking).unwrap_or_else(|| {
                world.clock.advance(STORE_TIMEOUT);
                poll_a_while(&mut asking).expect("one short wait is enough")
            });
            assert_eq!(token.unwrap().secret(), "t1");
            drop(asking);
            assert_eq!(broken.calls.load(Ordering::SeqCst), works + 1);
            assert_eq!(process.cached.status().store_failures(), 1);

            *broken.how.lock().unwrap() = How::Works;
            world.clock.advance(Duration::from_secs(3300));
            assert!(process.cached.ready().is_some());
            process.background.poll();
            world.clock.advance(LEASE_TTL);
            process.background.poll();
            assert_eq!(process.ready().as_deref(), Some("t2"));
            assert_eq!(world.process().secret(), "t2", "it is in the store");
        }
    }
}

#[test]
fn p11_p12_a_save_that_fails_keeps_nobody_else_waiting() {
    for how in [How::FailsToSave, How::HangsWhenItSaves] {
        let (world, _) = broken_world(how);
        for ordinal in 1..=8 {
            let process = world.process();
            let waited = duration(&world.clock, &mut process.ask());
            assert!(waited <= STORE_TIMEOUT, "{waited:?}");
            assert_eq!(process.ready(), Some(format!("t{ordinal}")));
            assert_eq!(process.cached.status().store_failures(), 1);
            process.background.poll();
        }
    }
}

#[test]
fn p12_a_lease_that_could_not_be_given_back_is_of_use_to_its_holder() {
    // load, lease, load
    let (world, broken) = world_that_breaks_after(3, How::Fails);
    let process = world.process();
    let token = poll_a_while(&mut process.ask()).unwrap().unwrap();
    process.background.poll();
    *broken.how.lock().unwrap() = How::Works;
    let other = world.process();
    let mut waiting = other.ask();
    assert!(waits(&mut waiting));

    world.clock.advance(Duration::from_secs(2));
    process.cached.reject(&token);
    assert_eq!(process.secret(), "t2", "at once");
    world.clock.advance(Duration::from_millis(500));
    assert_eq!(finished(&mut waiting), "t2");
}

#[test]
fn p11_a_store_that_says_all_the_time_that_it_changes_is_not_asked_all_the_time() {
    let (world, broken) = broken_world(How::SaysThatItChanges);
    let (a, b) = (world.process(), world.process());
    world.server.shut(true);
    let mut asking = a.ask();
    assert!(waits(&mut asking));
    let before = broken.calls.load(Ordering::SeqCst);
    let mut waiting = b.ask();
    for looks in 1..=5 {
        assert!(waits(&mut waiting));
        // load, lease
        assert_eq!(broken.calls.load(Ordering::SeqCst) - before, 2 * looks);
        world.clock.advance(Duration::from_millis(10));
    }
    world.server.shut(false);
    assert_eq!(finished(&mut asking), "t1");
    assert_eq!(finished(&mut waiting), "t1");
}

#[test]
fn p11_a_store_that_panics_while_it_is_waited_for_fails_no_call() {
    let (world, _) = broken_world(How::PanicsWhileItIsWaitedFor);
    let (a, b) = (world.process(), world.process());
    world.server.shut(true);
    let mut asking = a.ask();
    assert!(waits(&mut asking));
    let mut waiting = b.ask();
    assert!(waits(&mut waiting));
    world.server.shut(false);
    world.clock.advance(Duration::from_millis(10));
    assert_eq!(finished(&mut waiting), "t2");
    assert_eq!(b.cached.status().store_failures(), 1);
}

#[test]
fn p07_p11_a_store_that_came_back_helps_out_with_the_older_token_it_has() {
    let (world, broken) = broken_world(How::Works);
    let process = world.process();
    assert_eq!(process.secret(), "t1");
    *broken.how.lock().unwrap() = How::Fails;
    world.clock.advance(Duration::from_secs(3300));
    assert!(process.cached.ready().is_some());
    process.background.poll();
    assert_eq!(process.ready().as_deref(), Some("t2"));

    // Back, with t1 in it, which has a minute to live and was never refused.
    *broken.how.lock().unwrap() = How::Works;
    world.clock.advance(Duration::from_secs(200));
    let token = process.cached.ready().unwrap();
    process.cached.reject(&token);
    assert_eq!(process.secret(), "t1", "better than none");
}
