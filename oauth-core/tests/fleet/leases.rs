//! Who asks the source, who waits, and for how long.

use std::time::Duration;

use oauth_core::RefreshPolicy;

use crate::processes::{
    HOUR, LEASE_TTL, Process, STORE_TIMEOUT, World, duration, finished, poll_a_while, waits, world,
};

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

/// In the middle of its request.
fn dies_with_the_lease(world: &World, dying: Process) {
    world.server.shut(true);
    let mut asking = dying.ask();
    assert!(waits(&mut asking));
    drop(asking);
    drop(dying);
    world.server.shut(false);
}

#[test]
fn p12_when_the_holder_dies_another_takes_over_within_the_life_of_the_lease() {
    let world = world();
    let (dying, other) = (world.process(), world.process());
    dies_with_the_lease(&world, dying);

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

#[test]
fn p12_a_lease_never_lasts_so_long_that_who_waits_for_its_dead_holder_fails() {
    let world = world();
    let patience = Duration::from_secs(10);
    let process = || {
        let policy = RefreshPolicy::builder().acquire_timeout(patience);
        world.process_with(world.clock.clone(), policy)
    };
    let (dying, other) = (process(), process());
    dies_with_the_lease(&world, dying);
    let waited = duration(&world.clock, &mut other.ask());
    assert!(waited <= patience / 2 + STORE_TIMEOUT, "{waited:?}");
}

#[test]
fn p05_a_dropped_flight_leaves_its_lease_to_the_next_of_the_same_process() {
    let world = world();
    let process = world.process();
    world.server.shut(true);
    let mut asking = process.ask();
    assert!(waits(&mut asking));
    drop(asking);
    process.background.drop_all();
    world.server.shut(false);
    assert_eq!(process.secret(), "t2");
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
