//! Every scenario of the suite, played to the real cache and to the naive one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oauth_testkit::ReferenceCache;
use oauth_testkit::scenario::{Scenario, Step};

#[test]
fn the_real_cache_keeps_every_scenario_and_no_real_time_is_spent_on_it() {
    let suite = suite();
    assert!(suite.len() >= 60, "only {} scenarios", suite.len());
    let (failures, spent) = timed(|| failures(&suite, Scenario::run));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let passed: Duration = suite.iter().map(virtual_time).sum();
    let day = Duration::from_secs(86_400);
    assert!(
        passed > day && spent < Duration::from_secs(30),
        "{passed:?} passed in the scenarios, {spent:?} here"
    );
}

#[test]
fn the_reference_cache_keeps_every_scenario() {
    let failures = failures(&suite(), |scenario| {
        scenario.run_on(&mut ReferenceCache::new(scenario.policy().clone()))
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_scenario_written_as_json_reads_as_itself() {
    for scenario in suite() {
        let text = serde_json::to_string(&scenario).unwrap();
        let file = PathBuf::from(format!("{}.json", scenario.name()));
        assert_eq!(Scenario::parse(&file, &text), Ok(scenario));
    }
}

fn suite() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| Scenario::load(file).unwrap())
        .collect()
}

fn failures<E: ToString>(
    suite: &[Scenario],
    run: impl Fn(&Scenario) -> Result<(), E>,
) -> Vec<String> {
    suite
        .iter()
        .filter_map(|scenario| {
            let failure = run(scenario).err()?;
            Some(format!("{}: {}", scenario.name(), failure.to_string()))
        })
        .collect()
}

fn virtual_time(scenario: &Scenario) -> Duration {
    let steps = scenario.steps().iter();
    steps
        .map(|step| match step {
            Step::Advance(duration) | Step::Suspend(duration) => *duration,
            _ => Duration::ZERO,
        })
        .sum()
}

#[expect(
    clippy::disallowed_methods,
    reason = "it proves that hours of virtual time take no real ones"
)]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = std::time::Instant::now();
    let result = work();
    (result, begin.elapsed())
}
