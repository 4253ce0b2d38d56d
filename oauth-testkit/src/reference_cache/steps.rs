//! The steps of a scenario, as they happen to the reference cache.

use std::time::Duration;

use super::answer::Answer;
use super::{Caller, ReferenceCache};
use crate::scenario::{Fault, Reply, Subject};

impl Subject for ReferenceCache {
    fn call(&mut self, caller: &str) {
        let outcome = if let Some(secret) = self.look() {
            Caller::Got(format!("token {secret}"))
        } else if self.flight.is_some() {
            Caller::Waiting
        } else if self.open() {
            self.start_flight();
            Caller::Waiting
        } else {
            Caller::Got(self.last_error.clone())
        };
        self.callers.insert(caller.to_owned(), outcome);
    }

    fn drop_caller(&mut self, caller: &str) -> bool {
        match self.callers.get_mut(caller) {
            Some(waiting) if *waiting == Caller::Waiting => {
                *waiting = Caller::Dropped;
                true
            }
            _ => false,
        }
    }

    fn reply(&mut self, reply: &Reply) -> bool {
        self.answer(Answer::read(reply, self.wall))
    }

    fn fail(&mut self, fault: Fault) -> bool {
        self.answer(Answer::failure(
            match fault {
                Fault::Connect => "connect",
                Fault::Timeout => "timeout",
                Fault::Transport => "transport",
            },
            true,
        ))
    }

    fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.fire_timers(end);
        self.pass(end - self.now);
    }

    fn suspend(&mut self, duration: Duration) {
        self.pass(duration);
        self.fire_timers(self.now);
    }

    fn step_wall(&mut self, seconds: i64) {
        let step = Duration::from_secs(seconds.unsigned_abs());
        let stepped = if seconds < 0 {
            self.wall.checked_sub(step)
        } else {
            self.wall.checked_add(step)
        };
        self.wall = stepped.unwrap_or(self.wall);
    }

    fn reject(&mut self, secret: &str) -> bool {
        if !self.handed_out.contains_key(secret) {
            self.look();
        }
        let Some(generation) = self.handed_out.get(secret).copied() else {
            return false;
        };
        if let Some(flight) = &mut self.flight {
            flight.rejected.insert(secret.to_owned());
        }
        let mut was_usable = true;
        match self.token.take_if(|token| token.generation == generation) {
            Some(token) => {
                if token.is_proven(self.now) {
                    self.rejections = 0;
                }
                was_usable = self.now < token.unusable;
            }
            None => {
                let fleeting = self
                    .fleeting
                    .take_if(|fleeting| generation == 0 && fleeting == secret);
                if fleeting.is_none() {
                    return true;
                }
            }
        }
        if self.rejections > 0 {
            // Never sooner than a server has asked for.
            self.gate = self.gate.max(self.now + self.backoff(self.rejections));
            self.last_error = "error token_rejected".to_owned();
        } else if was_usable {
            self.gate = Duration::ZERO;
        }
        self.rejections += 1;
        true
    }

    fn requests(&self) -> u64 {
        self.requests.len() as u64
    }

    fn in_flight(&self) -> u64 {
        let current = self.flight.as_ref().map(|flight| flight.number);
        let awaited = self
            .requests
            .iter()
            .filter(|request| !request.answered && Some(request.flight) == current);
        awaited.count() as u64
    }

    fn waiting(&self) -> Vec<String> {
        let callers = self.callers.iter();
        callers
            .filter(|(_, caller)| **caller == Caller::Waiting)
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn result(&self, caller: &str) -> Option<String> {
        match self.callers.get(caller)? {
            Caller::Got(result) => Some(result.clone()),
            Caller::Waiting | Caller::Dropped => None,
        }
    }

    fn ready(&mut self) -> Option<String> {
        self.look()
    }
}
