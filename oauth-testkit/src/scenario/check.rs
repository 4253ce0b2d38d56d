//! The rules of the format that a single value cannot break.

use std::collections::HashSet;
use std::path::Path;

use crate::scenario::{Expectation, Scenario, Step};

pub(crate) fn scenario(scenario: &Scenario, file: &Path) -> Result<(), String> {
    name(scenario, file)?;
    promise(scenario.promise())?;
    scenario
        .policy()
        .to_refresh_policy()
        .map_err(|error| format!("policy: {error}"))?;
    callers(scenario.steps())
}

fn name(scenario: &Scenario, file: &Path) -> Result<(), String> {
    let name = scenario.name();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    if name != stem {
        return Err(format!("the name is `{name}`, but the file is `{stem}`"));
    }
    let of_the_kind = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || !name.bytes().all(of_the_kind) {
        return Err(format!("the name `{name}` is not in snake_case"));
    }
    Ok(())
}

fn promise(promise: &str) -> Result<(), String> {
    let number = promise.strip_prefix('P').map(str::parse::<u8>);
    if !matches!(number, Some(Ok(1..))) {
        return Err(format!("`{promise}` is no promise, as P1 is one"));
    }
    Ok(())
}

fn callers(steps: &[Step]) -> Result<(), String> {
    let mut known = HashSet::new();
    for (number, step) in (1..).zip(steps) {
        let at = |problem: String| Err(format!("step {number}: {problem}"));
        match step {
            Step::Call(callers) => {
                for caller in callers {
                    if !known.insert(caller.as_str()) {
                        return at(format!("the name `{caller}` is used twice"));
                    }
                }
            }
            Step::Drop(callers) => {
                if let Some(caller) = unknown(callers, &known) {
                    return at(format!("nobody called `{caller}` is there to drop"));
                }
            }
            Step::Expect(expectation) => {
                if let Err(problem) = expectation_of(expectation, &known) {
                    return at(problem);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn expectation_of(expectation: &Expectation, known: &HashSet<&str>) -> Result<(), String> {
    let waiting = expectation.waiting.iter().flatten();
    let results = expectation
        .results
        .iter()
        .flat_map(|results| results.keys());
    if let Some(caller) = unknown(waiting.chain(results), known) {
        return Err(format!("nobody called `{caller}` has called"));
    }
    let strange = expectation
        .results
        .iter()
        .flat_map(|results| results.values())
        .find(|result| !result.starts_with("token ") && !result.starts_with("error "));
    match strange {
        None => Ok(()),
        Some(result) => Err(format!(
            "`{result}` is no result; one begins with `token ` or `error `"
        )),
    }
}

fn unknown<'a>(
    names: impl IntoIterator<Item = &'a String>,
    known: &HashSet<&str>,
) -> Option<&'a String> {
    names
        .into_iter()
        .find(|name| !known.contains(name.as_str()))
}
