//! What a process that starts anew finds in the store.

use std::time::Duration;

use oauth_core::Clock;
use oauth_testkit::ManualClock;

use crate::processes::{HOUR, Skewed, finished, poll_a_while, world};

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
