//! What a broken store costs.

use std::time::Duration;

use oauth_core::TokenSource as _;

use crate::broken_store::{How, broken_world, world_that_breaks_after};
use crate::processes::{LEASE_TTL, STORE_TIMEOUT, duration, finished, poll_a_while, waits};

#[test]
fn p11_a_store_that_never_grants_a_lease_fails_no_call() {
    let (world, broken) = broken_world(How::Works);
    broken.set(How::GrantsNoLease);
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
fn p11_a_store_that_fails_or_panics_fails_no_call() {
    for how in [How::Fails, How::Panics] {
        let (world, broken) = broken_world(how);
        let process = world.process();
        assert_eq!(process.secret(), "t1");
        assert_eq!(process.cached.status().store_failures(), 1);
        assert_eq!(broken.calls(), 1, "then it is left alone");
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
    assert_eq!(broken.calls(), 1);
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
            assert_eq!(broken.calls(), works + 1);
            assert_eq!(process.cached.status().store_failures(), 1);

            broken.set(How::Works);
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
    broken.set(How::Works);
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
    let before = broken.calls();
    let mut waiting = b.ask();
    for looks in 1..=5 {
        assert!(waits(&mut waiting));
        // load, lease
        assert_eq!(broken.calls() - before, 2 * looks);
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
