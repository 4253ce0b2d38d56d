use super::*;
use crate::refresh::under_way::REMEMBERED_REJECTIONS;

#[test]
fn p07_only_the_token_in_hand_can_be_rejected() {
    let mut machine = holding("t1", 3600);
    let first = machine.held().unwrap().token().clone();
    assert!(machine.reject(&first, at(100.0), Draw::NONE));
    assert!(!machine.reject(&first, at(100.0), Draw::NONE));
    assert_eq!(
        decision(&mut machine, 100.0),
        Decision::Start,
        "one renewal at once"
    );
    let flight = machine.start_flight(at(100.0));
    land(&mut machine, flight, 100.0, "t2", 3600).unwrap();
    assert!(!machine.reject(&first, at(101.0), Draw::NONE));
    assert_eq!(decision(&mut machine, 101.0), Decision::Use);
}

#[test]
fn p07_a_flight_cannot_bring_back_what_was_rejected_while_it_flew() {
    let mut machine = holding("t1", 3600);
    let first = machine.held().unwrap().token().clone();
    let flight = machine.start_flight(at(3300.0));
    machine.reject(&first, at(3301.0), Draw::NONE);
    let error = land(&mut machine, flight, 3302.0, "t1", 3600).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenRejected);
    assert!(machine.held().is_none());
    assert_eq!(decision(&mut machine, 3302.5), Decision::Fail);
}

#[test]
fn p07_late_rejections_of_many_older_tokens_do_not_crowd_out_that_of_the_token_in_hand() {
    for in_hand_first in [true, false] {
        let mut machine = holding("t0", 3600);
        let mut older = vec![machine.held().unwrap().token().clone()];
        for ordinal in 1..=2 * REMEMBERED_REJECTIONS {
            let flight = machine.start_flight(at(1.0));
            let secret = format!("t{ordinal}");
            older.push(land(&mut machine, flight, 1.0, &secret, 3600).unwrap());
        }
        let in_hand = older.pop().unwrap();
        let flight = machine.start_flight(at(2.0));
        if in_hand_first {
            machine.reject(&in_hand, at(3.0), Draw::NONE);
        }
        for token in &older {
            machine.reject(token, at(3.0), Draw::NONE);
        }
        if !in_hand_first {
            machine.reject(&in_hand, at(3.0), Draw::NONE);
        }
        let error = land(&mut machine, flight, 4.0, in_hand.secret(), 3600).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TokenRejected);
    }
}

#[test]
fn p07_a_flight_remembers_as_many_rejections_as_it_says() {
    let mut machine = holding("t0", 3600);
    let mut rejected = vec![machine.held().unwrap().token().clone()];
    for ordinal in 1..REMEMBERED_REJECTIONS {
        let flight = machine.start_flight(at(1.0));
        rejected.push(land(&mut machine, flight, 1.0, &format!("t{ordinal}"), 3600).unwrap());
    }
    let flight = machine.start_flight(at(2.0));
    for token in &rejected {
        machine.reject(token, at(3.0), Draw::NONE);
    }
    let error = land(&mut machine, flight, 4.0, "t0", 3600).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenRejected);
}

#[test]
fn p07_rejections_of_fresh_tokens_are_spaced_out_until_one_lives_for_a_minute() {
    let mut machine = holding("t1", 3600);
    let mut now = 100.0;
    for (ordinal, pause) in [0.0, 1.0, 2.0, 4.0].into_iter().enumerate() {
        let token = machine.held().unwrap().token().clone();
        assert!(machine.reject(&token, at(now), Draw::NONE));
        if pause > 0.0 {
            assert_eq!(decision(&mut machine, now), Decision::Fail);
            assert_eq!(
                machine.standing_error(at(now)).kind(),
                ErrorKind::TokenRejected
            );
        }
        now += pause;
        assert_eq!(decision(&mut machine, now), Decision::Start);
        let flight = machine.start_flight(at(now));
        land(&mut machine, flight, now, &format!("u{ordinal}"), 3600).unwrap();
        now += 10.0;
    }
    now += 60.0;
    let token = machine.held().unwrap().token().clone();
    machine.reject(&token, at(now), Draw::NONE);
    assert_eq!(
        decision(&mut machine, now),
        Decision::Start,
        "it had lived for a minute"
    );
}

#[test]
fn p07_the_first_rejection_opens_a_gate_that_a_failed_renewal_shut() {
    let mut machine = holding("t1", 3600);
    let flight = machine.start_flight(at(3300.0));
    fail(&mut machine, flight, 3300.0, unavailable());
    let token = machine.held().unwrap().token().clone();
    machine.reject(&token, at(3300.5), Draw::NONE);
    assert_eq!(decision(&mut machine, 3300.5), Decision::Start);
}

#[test]
fn p06_a_further_rejection_does_not_cut_retry_after_short() {
    let mut machine = holding("t1", 3600);
    let token = machine.held().unwrap().token().clone();
    machine.reject(&token, at(1.0), Draw::NONE);
    let flight = machine.start_flight(at(1.0));
    let token = land(&mut machine, flight, 1.0, "t2", 3600).unwrap();
    let flight = machine.start_flight(at(2.0));
    let busy = Error::builder(ErrorKind::ServerUnavailable, "503")
        .retry_after(Duration::from_secs(100))
        .build();
    fail(&mut machine, flight, 2.0, busy);
    assert!(machine.reject(&token, at(3.0), Draw::NONE));
    assert_eq!(decision(&mut machine, 101.9), Decision::Fail);
    assert_eq!(decision(&mut machine, 102.0), Decision::Start);
}

#[test]
fn p07_a_row_of_rejections_ends_with_a_token_that_served_as_long_as_it_could() {
    for (lifetime, served) in [(3600, 3300.0), (5, 4.5)] {
        let mut machine = holding("t1", lifetime);
        let first = machine.held().unwrap().token().clone();
        assert!(machine.reject(&first, at(1.0), Draw::NONE));
        let flight = machine.start_flight(at(1.0));
        land(&mut machine, flight, 1.0, "t2", lifetime).unwrap();
        let renewed = 1.0 + served;
        let flight = machine.start_flight(at(renewed));
        let third = land(&mut machine, flight, renewed, "t3", lifetime).unwrap();
        assert!(machine.reject(&third, at(renewed + 1.0), Draw::NONE));
        let next = decision(&mut machine, renewed + 1.0);
        assert_eq!(next, Decision::Start, "{lifetime} s: t2 was good");
    }
}

#[test]
fn p06_the_rejection_of_a_token_that_has_expired_opens_no_gate() {
    let mut machine = holding("t1", 3600);
    let token = machine.held().unwrap().token().clone();
    let flight = machine.start_flight(at(3569.0));
    let busy = Error::builder(ErrorKind::ServerUnavailable, "503")
        .retry_after(Duration::from_secs(100))
        .build();
    fail(&mut machine, flight, 3569.0, busy);
    assert!(machine.reject(&token, at(3580.0), Draw::NONE));
    assert_eq!(decision(&mut machine, 3668.9), Decision::Fail);
    assert_eq!(decision(&mut machine, 3669.0), Decision::Start);
}

#[test]
fn p07_a_token_too_old_to_keep_that_one_caller_had_rejected_is_not_for_the_other() {
    let mut machine = Machine::new(exact());
    let flight = machine.start_flight(at(0.0));
    let fleeting = land(&mut machine, flight, 0.0, "t1", 0).unwrap();
    assert!(machine.is_still_good(&fleeting, at(0.0)));
    assert!(machine.reject(&fleeting, at(0.0), Draw::NONE));
    assert!(!machine.is_still_good(&fleeting, at(0.0)));
    let flight = machine.start_flight(at(0.0));
    land(&mut machine, flight, 0.0, "t2", 3600).unwrap();
    assert!(!machine.is_still_good(&fleeting, at(0.0)), "not now either");
}

#[test]
fn p07_generations_of_a_cache_behind_the_cache_are_none_of_its_own() {
    let mut machine = holding("t1", 3600);
    let flight = machine.start_flight(at(3300.0));
    let inner = token("u1", 0).with_generation(1);
    let outcome = Ok((inner, at(3300.0)));
    let fleeting = machine.end_flight(flight, at(3300.0), outcome, Draw::NONE);
    let fleeting = fleeting.unwrap();
    assert!(machine.is_still_good(&fleeting, at(3300.0)));
    let original = machine.to_reject(&fleeting).unwrap();
    assert_eq!((original.secret(), original.generation()), ("u1", 1));
    assert!(machine.reject(&fleeting, at(3300.0), Draw::NONE));
    assert_eq!(machine.held().unwrap().token().secret(), "t1");
}

#[test]
fn p07_a_token_of_another_source_is_not_taken_for_the_one_in_hand() {
    let mut machine = holding("t1", 3600);
    let foreign = holding("u1", 3600).held().unwrap().token().clone();
    assert!(machine.to_reject(&foreign).is_none());
    assert!(!machine.reject(&foreign, at(1.0), Draw::NONE));
    assert_eq!(decision(&mut machine, 1.0), Decision::Use);
}

#[test]
fn p07_rejections_of_tokens_good_for_one_use_are_spaced_out_too() {
    let mut machine = Machine::new(exact());
    for (ordinal, pause) in [0.0, 1.0, 2.0, 4.0].into_iter().enumerate() {
        let now = 100.0 * ordinal as f64;
        let flight = machine.start_flight(at(now));
        let token = land(&mut machine, flight, now, &format!("t{ordinal}"), 0).unwrap();
        assert!(machine.reject(&token, at(now), Draw::NONE));
        assert!(!machine.reject(&token, at(now), Draw::NONE), "once");
        if pause > 0.0 {
            assert_eq!(decision(&mut machine, now + pause - 0.1), Decision::Fail);
        }
        assert_eq!(decision(&mut machine, now + pause), Decision::Start);
    }
}
