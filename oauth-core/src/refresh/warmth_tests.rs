use super::*;
use crate::error::{Error, ErrorKind};
use crate::refresh::backoff::Draw;
use crate::refresh::decision::Decision;
use crate::refresh::policy::RefreshPolicy;
use crate::token::AccessToken;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(seconds: u64) -> Instant {
    Instant::ORIGIN + secs(1_000 + seconds)
}

fn cold() -> Machine {
    let policy = RefreshPolicy::builder().no_jitter().attempts(1);
    Machine::new(policy.build().unwrap())
}

fn holding(lifetime: u64) -> Machine {
    let mut machine = cold();
    land(&mut machine, 0, lifetime);
    machine
}

fn land(machine: &mut Machine, now: u64, lifetime: u64) {
    let token = AccessToken::builder(format!("at-{now}")).expires_in(secs(lifetime));
    let flight = machine.start_flight(at(now));
    let outcome = Ok((token.build().unwrap(), at(now)));
    machine
        .end_flight(flight, at(now), outcome, Draw::NONE)
        .unwrap();
}

fn fail(machine: &mut Machine, now: u64) {
    let flight = machine.start_flight(at(now));
    let outcome = Err(Error::new(ErrorKind::ServerUnavailable, "503"));
    let outcome = machine.end_flight(flight, at(now), outcome, Draw::NONE);
    assert!(outcome.is_err());
}

#[test]
fn p02_it_is_looked_at_when_its_renewal_is_due() {
    let machine = holding(3600);
    assert_eq!(machine.next_warm_look(at(0)), at(3300));
    assert_eq!(machine.next_warm_look(at(3400)), at(3401), "overdue");
}

#[test]
fn before_somebody_has_asked_for_its_first_token_nobody_looks() {
    let machine = cold();
    assert_eq!(machine.next_warm_look(at(0)), Instant::MAX);
}

#[test]
fn p06_a_first_token_that_did_not_come_is_asked_for_when_the_gate_opens() {
    let mut machine = cold();
    let mut now = 0;
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        fail(&mut machine, now);
        assert_eq!(machine.next_warm_look(at(now)), at(now + pause));
        now += pause;
        assert_eq!(machine.decide(at(now)), Decision::Start);
    }
    land(&mut machine, now, 3600);
    assert_eq!(machine.next_warm_look(at(now)), at(now + 3300));
}

#[test]
fn p05_a_first_flight_that_was_dropped_is_begun_anew() {
    let mut machine = cold();
    let flight = machine.start_flight(at(0));
    machine.drop_flight(flight, at(0), Draw::NONE);
    assert_eq!(machine.next_warm_look(at(0)), at(1));
    assert_eq!(machine.decide(at(1)), Decision::Start);
}

#[test]
fn p06_after_a_failure_it_is_looked_at_when_the_gate_opens_also_once_the_token_is_dead() {
    let mut machine = holding(3600);
    for now in [3300, 3320, 3600, 3700] {
        fail(&mut machine, now);
        let look = machine.next_warm_look(at(now));
        assert!(look > at(now));
        assert_ne!(
            machine.decide(look - Duration::from_nanos(1)),
            Decision::Start
        );
        let decision = machine.decide(look);
        assert!(matches!(decision, Decision::Start | Decision::UseAndRenew));
    }
}

#[test]
fn p05_a_flight_that_nobody_drives_is_looked_at_when_its_time_is_over() {
    let mut machine = holding(3600);
    machine.start_flight(at(3300));
    let look = machine.next_warm_look(at(3300));
    assert_eq!(look, machine.next_look());
    assert_eq!(machine.decide(look), Decision::UseAndRenew);
}

#[test]
fn p07_after_a_rejection_who_had_it_rejected_comes_first() {
    let mut machine = holding(3600);
    let token = machine.held().unwrap().token().clone();
    machine.reject(&token, at(100), Draw::NONE);
    assert_eq!(machine.next_warm_look(at(100)), at(101));
    assert_eq!(machine.decide(at(101)), Decision::Start);
}

#[test]
fn p06_tokens_that_come_too_old_to_keep_are_not_fetched_over_and_over() {
    let mut machine = holding(3600);
    land(&mut machine, 3700, 0);
    assert_eq!(machine.next_warm_look(at(3700)), at(3760));
    land(&mut machine, 3760, 3600);
    assert_eq!(machine.next_warm_look(at(3760)), at(3760 + 3300));
}

#[test]
fn p06_tokens_that_live_for_moments_are_fetched_once_a_second_at_most() {
    let machine = holding(1);
    assert_eq!(machine.next_warm_look(at(0)), at(1));
}
