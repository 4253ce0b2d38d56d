//! The real cache against the naive one, under random histories.
//!
//! `OAUTH_HISTORIES` says how many. A history that goes wrong prints itself as a scenario, to be saved
//! beside the others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod history;
mod promises;

use std::env;
use std::path::Path;
use std::time::Duration;

use oauth_testkit::scenario::{Expectation, Policy, Reply, Scenario, Step, Subject, play};
use oauth_testkit::{ReferenceCache, VirtualWorld};
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use history::{Histories, History, Turn};
use promises::Witness;

prop_state_machine! {
    #![proptest_config(config())]

    #[test]
    fn p01_to_p07_the_cache_does_what_the_reference_does(sequential 1..60 => Comparison);

    // The other half of them, for the other processor.
    #[test]
    fn p01_to_p07_the_cache_does_it_in_other_histories_too(sequential 1..60 => Comparison);
}

#[test]
fn a_history_prints_itself_as_a_scenario_that_can_be_saved() {
    let policy = Policy::default();
    let mut history = History::new(policy);
    let mut comparison = Comparison::init_test(&history);
    let reply = Reply::json(r#"{"access_token": "t1", "expires_in": 10}"#);
    for turn in [
        Turn::Step(Step::Call(vec!["a".into(), "b".into()])),
        Turn::Step(Step::Drop(vec!["a".into()])),
        Turn::Step(Step::Reply(reply)),
        Turn::Step(Step::Advance(Duration::from_millis(6_667))),
        Turn::Look,
        Turn::Step(Step::Reject("t1".into())),
    ] {
        history = Histories::apply(history, &turn);
        comparison = Comparison::apply(comparison, &history, turn);
    }
    let text = comparison.as_scenario();
    let scenario = Scenario::parse(Path::new("a_found_history.json"), &text).unwrap();
    assert_eq!(scenario.steps(), comparison.steps);
    assert_eq!(scenario.run(), Ok(()));
    assert_eq!(text.lines().count(), 1 + comparison.steps.len() + 2);
}

fn config() -> Config {
    Config {
        cases: env::var("OAUTH_HISTORIES")
            .map_or(10_000_u32, |count| count.parse().unwrap())
            .div_ceil(2),
        // What fails is printed as a scenario, which is a better thing to keep than a seed.
        failure_persistence: None,
        ..Config::default()
    }
}

struct Comparison {
    world: VirtualWorld,
    witness: Witness,
    policy: Policy,
    /// Callers whose result is not known yet.
    callers: Vec<String>,
    /// What happened so far, and what was expected after it.
    steps: Vec<Step>,
}

impl StateMachineTest for Comparison {
    type SystemUnderTest = Self;
    type Reference = Histories;

    fn init_test(history: &History) -> Self {
        let policy = history.policy.clone();
        let world = VirtualWorld::new(policy.to_refresh_policy().unwrap()).unwrap();
        Self {
            witness: Witness::new(policy.clone(), &world),
            world,
            policy,
            callers: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn apply(mut comparison: Self, history: &History, turn: Turn) -> Self {
        match turn {
            Turn::Step(step) => comparison.step(step, &history.cache),
            Turn::Look => comparison.look(history.seen.clone(), &history.cache),
        }
        comparison
    }

    /// Whatever has happened, nobody waits for ever.
    fn teardown(mut comparison: Self, history: History) {
        let mut cache = history.cache;
        let step = Step::Advance(comparison.policy.acquire_timeout);
        let played = play(&step, &mut cache);
        comparison.hold(played.map_err(|mismatch| mismatch.to_string()));
        comparison.step(step, &cache);
        let kept = comparison.world.waiting().is_empty();
        comparison.hold(
            kept.then_some(())
                .ok_or("P5: somebody waits for ever".into()),
        );
    }
}

impl Comparison {
    fn step(&mut self, step: Step, cache: &ReferenceCache) {
        if let Step::Call(callers) = &step {
            self.callers.extend(callers.iter().cloned());
        }
        self.steps.push(step.clone());
        let played = play(&step, &mut self.world);
        self.hold(played.map_err(|mismatch| mismatch.to_string()));
        self.compare(cache);
        let kept = self.witness.after(&step, &self.world);
        self.hold(kept);
    }

    fn look(&mut self, seen: Option<String>, cache: &ReferenceCache) {
        self.expect(Expectation {
            ready: Some(seen.clone()),
            ..Expectation::default()
        });
        let kept = self.witness.after_look(seen.as_deref(), &self.world);
        self.hold(kept);
        self.compare(cache);
    }

    /// Expects of the world what the reference shows, except what it takes a look to see.
    fn compare(&mut self, cache: &ReferenceCache) {
        let results = self
            .callers
            .extract_if(.., |caller| cache.result(caller).is_some())
            .filter_map(|caller| cache.result(&caller).map(|result| (caller, result)))
            .collect();
        self.expect(Expectation {
            requests: Some(cache.requests()),
            in_flight: Some(cache.in_flight()),
            waiting: Some(cache.waiting()),
            results: Some(results),
            ready: None,
        });
    }

    fn expect(&mut self, expectation: Expectation) {
        let step = Step::Expect(expectation);
        let met = play(&step, &mut self.world);
        self.steps.push(step);
        self.hold(met.map_err(|mismatch| mismatch.to_string()));
    }

    fn hold(&self, kept: Result<(), String>) {
        assert!(
            kept.is_ok(),
            "{}\n{}",
            kept.unwrap_err(),
            self.as_scenario()
        );
    }

    /// A step a line, as the others are written.
    fn as_scenario(&self) -> String {
        let lines: Vec<_> = self
            .steps
            .iter()
            .map(|step| format!("    {}", serde_json::to_string(step).unwrap()))
            .collect();
        let without_steps = Scenario::new("a_found_history", "P1", self.policy.clone(), Vec::new());
        let head = serde_json::to_string(&without_steps).unwrap();
        head.replace("[]}", &format!("[\n{}\n  ]\n}}", lines.join(",\n")))
    }
}
