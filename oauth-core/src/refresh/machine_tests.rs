use super::*;

#[path = "machine_rejection_tests.rs"]
mod rejections;

fn at(seconds: f64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(1_000) + Duration::from_secs_f64(seconds)
}

fn token(secret: &str, lifetime: u64) -> AccessToken {
    AccessToken::builder(secret)
        .expires_in(Duration::from_secs(lifetime))
        .build()
        .unwrap()
}

fn exact() -> RefreshPolicy {
    RefreshPolicy::builder()
        .no_jitter()
        .attempts(1)
        .build()
        .unwrap()
}

/// A machine that obtained `secret` at 0.
fn holding(secret: &str, lifetime: u64) -> Machine {
    let mut machine = Machine::new(exact());
    let flight = machine.start_flight(at(0.0));
    land(&mut machine, flight, 0.0, secret, lifetime).unwrap();
    machine
}

fn land(
    machine: &mut Machine,
    flight: FlightId,
    now: f64,
    secret: &str,
    lifetime: u64,
) -> Result<AccessToken, Error> {
    machine.end_flight(
        flight,
        at(now),
        Ok((token(secret, lifetime), at(now))),
        Draw::NONE,
    )
}

fn fail(machine: &mut Machine, flight: FlightId, now: f64, error: Error) {
    assert!(
        machine
            .end_flight(flight, at(now), Err(error), Draw::NONE)
            .is_err()
    );
}

fn unavailable() -> Error {
    Error::new(ErrorKind::ServerUnavailable, "503")
}

fn decision(machine: &mut Machine, now: f64) -> Decision {
    machine.decide(at(now))
}

#[test]
fn p03_failed_renewals_wait_a_quarter_of_the_time_left_at_most() {
    let mut machine = holding("t1", 3600);
    assert_eq!(decision(&mut machine, 3568.0), Decision::UseAndRenew);
    let flight = machine.start_flight(at(3568.0));
    fail(&mut machine, flight, 3568.0, unavailable());
    assert_eq!(
        decision(&mut machine, 3568.4),
        Decision::Use,
        "the gate is shut"
    );
    assert_eq!(
        decision(&mut machine, 3568.5),
        Decision::UseAndRenew,
        "2 s left, a quarter is 0.5"
    );
    assert_eq!(machine.next_look(), at(3568.5));
}

#[test]
fn p06_the_gate_doubles_up_to_its_cap_and_success_opens_it() {
    let mut machine = Machine::new(exact());
    let mut now = 0.0;
    for pause in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
        let flight = machine.start_flight(at(now));
        fail(&mut machine, flight, now, unavailable());
        assert_eq!(decision(&mut machine, now + pause - 0.001), Decision::Fail);
        now += pause;
        assert_eq!(decision(&mut machine, now), Decision::Start);
    }
    let flight = machine.start_flight(at(now));
    land(&mut machine, flight, now, "t1", 5).unwrap();
    now += 5.0;
    let flight = machine.start_flight(at(now));
    fail(&mut machine, flight, now, unavailable());
    assert_eq!(
        decision(&mut machine, now + 1.0),
        Decision::Start,
        "the row begins anew"
    );
}

#[test]
fn p06_retry_after_is_obeyed_up_to_its_cap_and_told_to_callers() {
    for (asked, waited) in [(20, 20.0), (7200, 300.0), (0, 1.0)] {
        let mut machine = Machine::new(exact());
        let flight = machine.start_flight(at(0.0));
        let error = Error::builder(ErrorKind::RateLimited, "429")
            .retry_after(Duration::from_secs(asked))
            .build();
        fail(&mut machine, flight, 0.0, error);
        assert_eq!(decision(&mut machine, waited - 0.5), Decision::Fail);
        let standing = machine.standing_error(at(waited - 0.5));
        assert_eq!(standing.kind(), ErrorKind::RateLimited);
        assert_eq!(standing.retry_after(), Some(Duration::from_millis(500)));
        assert!(standing.to_string().contains("0.5 s"), "{standing}");
        assert_eq!(decision(&mut machine, waited), Decision::Start);
    }
}

#[test]
fn p06_attempts_inside_a_flight_are_for_passing_faults_that_somebody_waits_out() {
    let policy = RefreshPolicy::builder()
        .no_jitter()
        .attempts(3)
        .build()
        .unwrap();
    let machine = Machine::new(policy);
    let pause = |error: &Error, attempt, somebody| {
        let pause = machine.pause_before_retry(error, attempt, somebody, Draw::NONE);
        pause.map(|pause| pause.as_millis())
    };
    assert_eq!(pause(&unavailable(), 1, true), Some(100));
    assert_eq!(pause(&unavailable(), 2, true), Some(200));
    assert_eq!(pause(&unavailable(), 3, true), None);
    assert_eq!(
        pause(&unavailable(), 1, false),
        None,
        "a background renewal tries once"
    );
    assert_eq!(pause(&Error::new(ErrorKind::Refused, "no"), 1, true), None);
    let limited = Error::builder(ErrorKind::RateLimited, "429")
        .retry_after(Duration::ZERO)
        .build();
    assert_eq!(pause(&limited, 1, true), None, "the gate obeys Retry-After");
}

#[test]
fn the_same_token_again_is_neither_failure_nor_renewal() {
    let mut machine = holding("t1", 3600);
    let flight = machine.start_flight(at(3300.0));
    let again = land(&mut machine, flight, 3300.0, "t1", 300).unwrap();
    assert_eq!(again.generation(), 1);
    let life = machine.held().unwrap().life();
    assert_eq!((life.refresh_due, life.unusable), (at(3435.0), at(3570.0)));

    let flight = machine.start_flight(at(3569.0));
    land(&mut machine, flight, 3569.0, "t1", 31).unwrap();
    assert_eq!(
        machine.held().unwrap().life().refresh_due,
        at(3570.0),
        "no sooner than in 1 s"
    );

    let flight = machine.start_flight(at(3569.5));
    land(&mut machine, flight, 3569.5, "t1", 3600).unwrap();
    let held = machine.held().unwrap();
    assert_eq!(
        (held.life().expires, held.token().generation()),
        (at(7169.5), 1),
        "it lives longer"
    );
}

#[test]
fn expired_on_arrival_is_for_those_who_waited_only() {
    let mut machine = Machine::new(exact());
    let flight = machine.start_flight(at(0.0));
    assert_eq!(
        land(&mut machine, flight, 0.0, "t1", 0).unwrap().secret(),
        "t1"
    );
    assert!(machine.held().is_none());
    assert_eq!(decision(&mut machine, 0.0), Decision::Start);

    let flight = machine.start_flight(at(0.0));
    let late = machine.end_flight(flight, at(6.0), Ok((token("t2", 5), at(0.0))), Draw::NONE);
    assert_eq!(late.unwrap().secret(), "t2");
    assert!(machine.held().is_none());
}

#[test]
fn p03_a_token_too_old_to_use_on_arrival_does_not_replace_one_that_can_be_used() {
    for (lifetime, sent) in [(0, 3300.0), (30, 3272.0)] {
        let mut machine = holding("t1", 3600);
        let flight = machine.start_flight(at(sent));
        let outcome = Ok((token("t2", lifetime), at(sent)));
        machine
            .end_flight(flight, at(3300.0), outcome, Draw::NONE)
            .unwrap();
        assert_eq!(machine.held().unwrap().token().secret(), "t1");
        assert_eq!(
            decision(&mut machine, 3434.9),
            Decision::Use,
            "nor is the server hammered"
        );
        assert_eq!(decision(&mut machine, 3435.0), Decision::UseAndRenew);
    }
}

#[test]
fn p05_a_flight_past_its_deadline_is_given_up_and_its_late_outcome_ignored() {
    let mut machine = Machine::new(exact());
    let overdue = machine.start_flight(at(0.0));
    assert_eq!(
        decision(&mut machine, 30.9),
        Decision::Join,
        "its own timer may be a little late"
    );
    assert_eq!(
        decision(&mut machine, 31.0),
        Decision::Start,
        "and nobody is blamed"
    );
    let next = machine.start_flight(at(31.0));
    assert!(land(&mut machine, overdue, 31.0, "late", 3600).is_err());
    assert!(machine.held().is_none());
    assert!(land(&mut machine, next, 31.0, "t1", 3600).is_ok());
}

#[test]
fn p05_a_dropped_flight_lets_the_next_caller_start_over() {
    let mut machine = Machine::new(exact());
    let dropped = machine.start_flight(at(0.0));
    machine.drop_flight(dropped, at(0.0), Draw::NONE);
    assert_eq!(decision(&mut machine, 0.0), Decision::Start);
    let next = machine.start_flight(at(0.0));
    machine.drop_flight(dropped, at(0.0), Draw::NONE);
    assert_eq!(decision(&mut machine, 0.0), Decision::Join);
    assert!(land(&mut machine, next, 0.0, "t1", 3600).is_ok());
}

#[test]
fn p06_a_renewal_that_is_dropped_again_and_again_is_spaced_out() {
    let mut machine = holding("t1", 3600);
    let mut now = 3300.0;
    for pause in [1.0, 2.0, 4.0, 8.0] {
        let flight = machine.start_flight(at(now));
        machine.drop_flight(flight, at(now), Draw::NONE);
        assert_eq!(decision(&mut machine, now + pause - 0.001), Decision::Use);
        now += pause;
        assert_eq!(decision(&mut machine, now), Decision::UseAndRenew);
        assert_eq!(machine.next_look(), at(now));
    }
}

#[test]
fn the_status_tells_what_a_health_page_wants_to_know() {
    let mut machine = Machine::new(exact());
    let cold = machine.status(at(0.0));
    assert!(!cold.is_usable() && !cold.in_flight() && cold.last_reason().is_none());
    assert_eq!(
        (cold.generation(), cold.flights(), cold.age()),
        (0, 0, None)
    );

    let flight = machine.start_flight(at(0.0));
    assert_eq!(
        machine.status(at(0.0)).last_reason(),
        Some(FlightReason::Cold)
    );
    assert!(machine.status(at(0.0)).in_flight());
    land(&mut machine, flight, 2.0, "t1", 3600).unwrap();
    let fresh = machine.status(at(12.0));
    assert!(fresh.is_usable() && !fresh.in_flight());
    assert_eq!(fresh.age(), Some(Duration::from_secs(10)));
    assert_eq!(fresh.time_to_refresh(), Some(Duration::from_secs(3290)));
    assert_eq!(fresh.time_to_expiry(), Some(Duration::from_secs(3590)));

    let flight = machine.start_flight(at(3302.0));
    fail(&mut machine, flight, 3302.0, unavailable());
    let failed = machine.status(at(3302.5));
    assert_eq!(failed.last_reason(), Some(FlightReason::Renewal));
    assert_eq!(
        failed.last_error().unwrap().kind(),
        ErrorKind::ServerUnavailable
    );
    assert_eq!(failed.next_attempt_in(), Some(Duration::from_millis(500)));
    assert_eq!(machine.status(at(3303.0)).next_attempt_in(), None);
    assert_eq!(failed.time_to_refresh(), Some(Duration::ZERO));

    let flight = machine.start_flight(at(3572.0));
    machine.drop_flight(flight, at(3572.0), Draw::NONE);
    assert_eq!(
        machine.status(at(3572.0)).last_reason(),
        Some(FlightReason::Expired),
        "just so"
    );
    let flight = machine.start_flight(at(3590.0));
    let unusable = machine.status(at(3590.0));
    assert!(!unusable.is_usable());
    assert_eq!(unusable.last_reason(), Some(FlightReason::Expired));
    let token = land(&mut machine, flight, 3590.0, "t2", 3600).unwrap();
    assert!(machine.status(at(3590.0)).last_error().is_none());

    machine.reject(&token, at(3600.0), Draw::NONE);
    machine.start_flight(at(3600.0));
    let rejected = machine.status(at(3600.0));
    assert_eq!(rejected.last_reason(), Some(FlightReason::Rejected));
    assert_eq!(
        (rejected.generation(), rejected.flights(), rejected.age()),
        (2, 5, None)
    );
    assert_eq!(
        rejected.last_reason().map(FlightReason::as_str),
        Some("rejected")
    );
}

#[test]
fn p01_who_waited_may_use_what_came_only_as_long_as_it_is_good() {
    let mut machine = holding("t1", 3600);
    let first = machine.held().unwrap().token().clone();
    assert!(machine.is_still_good(&first, at(3569.9)));
    assert!(!machine.is_still_good(&first, at(3570.0)));
    machine.reject(&first, at(10.0), Draw::NONE);
    assert!(!machine.is_still_good(&first, at(10.0)));
    let flight = machine.start_flight(at(10.0));
    let fleeting = land(&mut machine, flight, 10.0, "t2", 0).unwrap();
    assert!(
        machine.is_still_good(&fleeting, at(10.0)),
        "it was for those who waited"
    );
}

#[test]
fn a_flight_that_is_waited_for_with_a_usable_token_in_hand_is_no_renewal() {
    let mut machine = Machine::new(exact());
    let reason = |machine: &Machine, now| machine.status(at(now)).last_reason();
    let flight = machine.start_awaited_flight(at(0.0));
    assert_eq!(reason(&machine, 0.0), Some(FlightReason::Cold));
    land(&mut machine, flight, 0.0, "t1", 3600).unwrap();
    let flight = machine.start_awaited_flight(at(1000.0));
    assert_eq!(reason(&machine, 1000.0), Some(FlightReason::TooShort));
    land(&mut machine, flight, 1000.0, "t2", 3600).unwrap();
    machine.start_awaited_flight(at(4600.0));
    assert_eq!(reason(&machine, 4600.0), Some(FlightReason::Expired));
}
