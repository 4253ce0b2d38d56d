use super::*;
use crate::error::ErrorKind;
use crate::refresh::backoff::Draw;
use crate::refresh::policy::RefreshPolicy;

fn at(seconds: u64) -> Instant {
    Instant::ORIGIN + secs(1_000 + seconds)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A machine that obtained a token at 0, and what it is asked.
struct Asked(Machine);

impl Asked {
    fn cold() -> Self {
        let policy = RefreshPolicy::builder().no_jitter().attempts(1);
        Self(Machine::new(policy.build().unwrap()))
    }

    fn holding(lifetime: Option<u64>) -> Self {
        let mut asked = Self::cold();
        asked.land(0, "t1", lifetime);
        asked
    }

    fn land(&mut self, now: u64, secret: &str, lifetime: Option<u64>) {
        let mut token = AccessToken::builder(secret).requested_at(at(now));
        if let Some(lifetime) = lifetime {
            token = token.expires_in(secs(lifetime));
        }
        let flight = self.0.start_flight(at(now));
        let outcome = Ok((token.build().unwrap(), at(now)));
        self.0
            .end_flight(flight, at(now), outcome, Draw::NONE)
            .unwrap();
    }

    /// It had been asked for by another process.
    fn land_from_store(&mut self, now: u64, sent: Instant, left: u64) {
        let token = AccessToken::builder("t0")
            .requested_at(sent)
            .expires_in(at(now + left).saturating_duration_since(sent));
        let flight = self.0.start_flight(at(now));
        let outcome = Ok((token.build().unwrap(), sent));
        self.0
            .end_flight(flight, at(now), outcome, Draw::NONE)
            .unwrap();
    }

    fn fail(&mut self, now: u64) {
        let flight = self.0.start_flight(at(now));
        let error = Error::builder(ErrorKind::ServerUnavailable, "out of order");
        let error = error.retry_after(secs(20)).build();
        let outcome = self.0.end_flight(flight, at(now), Err(error), Draw::NONE);
        assert!(outcome.is_err());
    }

    fn decision(&mut self, now: u64, at_least: u64) -> Decision {
        match self.0.decide_lasting(at(now), secs(at_least)) {
            Lasting::As(decision) => decision,
            Lasting::Refuse(error) => panic!("{error}"),
        }
    }

    fn refusal(&mut self, now: u64, at_least: u64) -> Error {
        match self.0.decide_lasting(at(now), secs(at_least)) {
            Lasting::As(decision) => panic!("{decision:?}"),
            Lasting::Refuse(error) => error,
        }
    }
}

#[test]
fn p02_a_token_with_enough_left_is_used_to_the_second_and_then_renewed() {
    let mut asked = Asked::holding(Some(3600));
    assert_eq!(asked.decision(1_600, 2_000), Decision::Use);
    assert_eq!(asked.decision(1_601, 2_000), Decision::Start);
    assert_eq!(
        asked.decision(1_601, 1_999),
        Decision::Use,
        "enough for others"
    );
    assert_eq!(asked.decision(3_400, 100), Decision::UseAndRenew);
}

#[test]
fn p04_who_needs_more_joins_the_flight_under_way() {
    let mut asked = Asked::holding(Some(3600));
    asked.0.start_flight(at(1_601));
    assert_eq!(asked.decision(1_601, 2_000), Decision::Join);
    assert_eq!(asked.decision(1_601, 10), Decision::Use);
}

#[test]
fn p06_the_gate_holds_for_who_needs_more_and_the_error_says_so() {
    let mut asked = Asked::holding(Some(3600));
    asked.fail(1_700);
    let error = asked.refusal(1_701, 2_000);
    assert_eq!(error.kind(), ErrorKind::ServerUnavailable);
    assert_eq!(error.retry_after(), Some(secs(19)));
    assert_eq!(
        error.to_string(),
        "the token in hand lives 1899 s more, but one is needed that lives at least 2000 s more, and the last request \
         for another failed; the next attempt is due in 19.0 s"
    );
    assert_eq!(
        asked.decision(1_701, 1_000),
        Decision::Use,
        "nobody else is sent away"
    );
    assert_eq!(asked.decision(1_720, 2_000), Decision::Start);
}

#[test]
fn p05_a_renewal_that_was_dropped_turns_nobody_away() {
    let mut asked = Asked::holding(Some(3600));
    for now in [3300, 3301, 3303] {
        let flight = asked.0.start_flight(at(now));
        asked.0.drop_flight(flight, at(now), Draw::NONE);
    }
    assert_eq!(asked.decision(3304, 1000), Decision::Start);
}

#[test]
fn p06_tokens_that_live_shorter_than_asked_are_not_fetched_over_and_over() {
    let mut asked = Asked::holding(Some(300));
    for now in [0, 1, 99] {
        let error = asked.refusal(now, 600);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(
            error.retry_after(),
            Some(secs(if now < 99 { 100 - now } else { 1 }))
        );
        let text = error.to_string();
        assert!(
            text.contains("live 300 s") && text.contains("at least 600 s"),
            "{text}"
        );
        assert!(text.contains("ask for less"), "{text}");
    }
    assert_eq!(
        asked.decision(100, 600),
        Decision::Start,
        "the server may have changed its mind"
    );
}

#[test]
fn p06_the_same_token_once_more_is_not_asked_for_over_and_over() {
    let mut asked = Asked::holding(Some(3600));
    assert_eq!(asked.decision(3_000, 1_000), Decision::Start);
    // The server hands out what it has: the rest of the same life.
    asked.land(3_000, "t1", Some(600));
    let error = asked.refusal(3_001, 1_000);
    assert!(error.to_string().contains("lives 599 s more"), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_millis(298_500)));
    assert_eq!(asked.decision(3_001, 599), Decision::Use);
    assert_eq!(asked.decision(3_300, 1_000), Decision::Start);
}

#[test]
fn p06_nearly_the_whole_life_of_a_token_costs_a_request_each_tenth_of_it_at_most() {
    let mut asked = Asked::holding(Some(3600));
    assert_eq!(asked.decision(1, 3_599), Decision::Use);
    let error = asked.refusal(2, 3_599);
    assert!(error.to_string().contains("nine tenths"), "{error}");
    assert_eq!(asked.decision(360, 3_599), Decision::Start);
    assert_eq!(
        asked.decision(360, 3_240),
        Decision::Use,
        "nine tenths can be relied on"
    );
    assert_eq!(asked.decision(361, 3_240), Decision::Start);
}

#[test]
fn a_token_that_was_in_the_store_is_as_old_as_it_is() {
    let fresh = |age: u64| {
        let mut asked = Asked::cold();
        asked.land_from_store(3_600, at(3_600 - age), 3_600 - age);
        asked
    };
    assert_eq!(fresh(1_800).decision(3_600, 3_000), Decision::Start);
    assert_eq!(fresh(1_800).decision(3_600, 1_800), Decision::Use);
    let error = fresh(300).refusal(3_600, 3_500);
    assert_eq!(error.retry_after(), Some(secs(60)));

    // Older than the clock.
    let mut asked = Asked::cold();
    asked.land_from_store(1, Instant::ORIGIN, 1_800);
    assert_eq!(asked.decision(1, 3_000), Decision::Start);
    // Others have nothing better.
    asked.land_from_store(2, Instant::ORIGIN, 1_799);
    asked.refusal(2, 3_000);
}

#[test]
fn p06_how_long_a_request_took_does_not_make_its_token_older() {
    let mut asked = Asked::cold();
    let flight = asked.0.start_flight(at(0));
    let token = AccessToken::builder("t1")
        .requested_at(at(0))
        .expires_in(secs(60));
    let outcome = Ok((token.build().unwrap(), at(0)));
    asked
        .0
        .end_flight(flight, at(25), outcome, Draw::NONE)
        .unwrap();
    assert_eq!(
        asked.refusal(25, 120).retry_after(),
        Some(Duration::from_millis(17_500))
    );
}

#[test]
fn p01_a_life_that_is_not_known_counts_to_the_end_of_its_use() {
    let mut asked = Asked::holding(None);
    let until = asked.0.held().unwrap().usable().until;
    let whole = until.saturating_duration_since(at(0)).as_secs();
    assert_eq!(asked.decision(100, whole - 100), Decision::Use);
    let error = asked.refusal(0, whole + 1);
    assert!(
        error.to_string().contains(&format!("live {whole} s")),
        "{error}"
    );
}

#[test]
fn a_token_of_an_uncached_source_is_new() {
    let token = |life: Option<u64>| {
        let mut token = AccessToken::builder("t");
        if let Some(life) = life {
            token = token.expires_in(secs(life));
        }
        token.build().unwrap()
    };
    assert!(check_lifetime(&token(None), secs(60)).is_ok());
    assert!(check_lifetime(&token(Some(60)), secs(60)).is_ok());
    let error = check_lifetime(&token(Some(59)), Duration::from_millis(60_500)).unwrap_err();
    assert!(error.to_string().contains("live 59 s") && error.to_string().contains("60.5 s"));
}
