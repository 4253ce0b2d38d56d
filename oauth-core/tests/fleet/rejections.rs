//! A token that was refused leaves the store.

use std::time::Duration;

use oauth_core::TokenSource as _;

use crate::broken_store::{How, broken_world};
use crate::processes::{key, poll_a_while, world};

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
    broken.set(How::Fails);
    process.cached.reject(&refused);
    process.background.poll();
    broken.set(How::Works);
    world.clock.advance(Duration::from_secs(60));
    let calls = broken.calls();
    assert_eq!(process.secret(), "t2");
    // remove, load, lease, load, save, release
    assert_eq!(broken.calls() - calls, 6);
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
fn p07_p11_a_store_that_came_back_helps_out_with_the_older_token_it_has() {
    let (world, broken) = broken_world(How::Works);
    let process = world.process();
    assert_eq!(process.secret(), "t1");
    broken.set(How::Fails);
    world.clock.advance(Duration::from_secs(3300));
    assert!(process.cached.ready().is_some());
    process.background.poll();
    assert_eq!(process.ready().as_deref(), Some("t2"));

    // Back, with t1 in it, which has a minute to live and was never refused.
    broken.set(How::Works);
    world.clock.advance(Duration::from_secs(200));
    let token = process.cached.ready().unwrap();
    process.cached.reject(&token);
    assert_eq!(process.secret(), "t1", "better than none");
}
