//! What a scenario is played to.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::scenario::{Expectation, Fault, Reply, Step};

/// A cached token source in virtual time: the real one ([`VirtualWorld`](crate::VirtualWorld)), the naive
/// one ([`ReferenceCache`](crate::ReferenceCache)), or another that should keep the same rules.
///
/// # Contract
///
/// When a method returns, everything that can make progress without time passing has done so. Names of
/// callers are not used again.
pub trait Subject {
    /// A caller asks for a token.
    fn call(&mut self, caller: &str);

    /// The future of a caller is dropped unfinished. Gives whether it was waiting.
    fn drop_caller(&mut self, caller: &str) -> bool;

    /// The oldest unanswered token request is answered, even if its sender has given it up. Gives whether
    /// there was one.
    fn reply(&mut self, reply: &Reply) -> bool;

    /// The oldest unanswered token request fails, even if its sender has given it up. Gives whether there
    /// was one.
    fn fail(&mut self, fault: Fault) -> bool;

    /// Time passes on every clock; timers fire in order on the way.
    fn advance(&mut self, duration: Duration);

    /// The machine sleeps: time passes, and timers fire when it wakes.
    fn suspend(&mut self, duration: Duration);

    /// The time of day is stepped by `seconds`; no time passes.
    fn step_wall(&mut self, seconds: i64);

    /// A server refused the token that was last handed out with this secret. Gives whether there was one.
    fn reject(&mut self, secret: &str) -> bool;

    /// Token requests sent since the start.
    fn requests(&self) -> u64;

    /// Token requests sent, not answered and not given up.
    fn in_flight(&self) -> u64;

    /// The callers who wait, sorted by name.
    fn waiting(&self) -> Vec<String>;

    /// What a caller got: `token SECRET` or `error KIND`. `None`: nothing yet, or it was dropped.
    fn result(&self, caller: &str) -> Option<String>;

    /// The secret of the token in hand. Looking may start a renewal that is due.
    fn ready(&mut self) -> Option<String>;
}

/// Plays one step.
///
/// # Errors
///
/// [`Mismatch`] if the subject is not as expected, or the step is not possible: nobody to drop, nothing to
/// answer, no token to reject.
pub fn play(step: &Step, subject: &mut impl Subject) -> Result<(), Mismatch> {
    match step {
        Step::Call(callers) => callers.iter().for_each(|caller| subject.call(caller)),
        Step::Drop(callers) => {
            for caller in callers {
                let waited = subject.drop_caller(caller);
                possible(waited, || format!("drop: {caller} does not wait"))?;
            }
        }
        Step::Reply(reply) => {
            let answered = subject.reply(reply);
            possible(answered, || "reply: no token request is unanswered".into())?;
        }
        Step::Fail(fault) => {
            let answered = subject.fail(*fault);
            possible(answered, || "fail: no token request is unanswered".into())?;
        }
        Step::Advance(duration) => subject.advance(*duration),
        Step::Suspend(duration) => subject.suspend(*duration),
        Step::Wall(seconds) => subject.step_wall(*seconds),
        Step::Reject(secret) => {
            let known = subject.reject(secret);
            possible(known, || format!("reject: {secret} was never handed out"))?;
        }
        Step::Expect(expectation) => compare(expectation, subject)?,
    }
    Ok(())
}

/// How a subject differs from what a step says of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(String);

fn possible(it_is: bool, problem: impl FnOnce() -> String) -> Result<(), Mismatch> {
    if it_is {
        Ok(())
    } else {
        Err(Mismatch(problem()))
    }
}

fn compare(expected: &Expectation, subject: &mut impl Subject) -> Result<(), Mismatch> {
    if let Some(requests) = &expected.requests {
        same("requests", requests, &subject.requests())?;
    }
    if let Some(in_flight) = &expected.in_flight {
        same("in_flight", in_flight, &subject.in_flight())?;
    }
    if let Some(waiting) = &expected.waiting {
        same("waiting", waiting, &subject.waiting())?;
    }
    if let Some(results) = &expected.results {
        let found: serde_json::Map<String, Value> = results
            .keys()
            .map(|caller| (caller.clone(), json!(subject.result(caller))))
            .collect();
        same("results", &json!(results), &Value::Object(found))?;
    }
    if let Some(ready) = &expected.ready {
        same("ready", ready, &subject.ready())?;
    }
    Ok(())
}

fn same<T: PartialEq + Serialize + fmt::Debug>(
    key: &str,
    expected: &T,
    found: &T,
) -> Result<(), Mismatch> {
    possible(expected == found, || {
        let (expected, found) = (json!(expected), json!(found));
        format!("{key}: expected {expected}, found {found}")
    })
}
