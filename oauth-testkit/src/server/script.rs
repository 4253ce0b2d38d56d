//! The replies an endpoint was told to give, the faults its answers are to suffer, and the requests it was told to
//! expect.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Mutex;

use crate::fault::{Fault, Strike, mix};
use crate::reply::Reply;
use crate::server::expectation::{Expected, Unmet};
use crate::server::matching::Match;
use crate::sync::lock;

pub(crate) struct Script<R> {
    replies: Mutex<Replies<R>>,
}

struct Replies<R> {
    rules: Vec<Rule<R>>,
    /// How many rules and expectations there have been: the number of one is never used again.
    numbers: usize,
    next: VecDeque<Reply>,
    always: Option<Reply>,
    expected: Vec<(usize, Expected<R>)>,
}

struct Rule<R> {
    number: usize,
    requests: Match<R>,
    /// Requests that met its conditions, whoever answered them.
    met: usize,
    next: VecDeque<Reply>,
    always: Option<Reply>,
    next_faults: VecDeque<Fault>,
    always_fault: Option<Fault>,
}

/// What was scripted for one request.
pub(crate) struct Scripted {
    pub(crate) reply: Reply,
    pub(crate) strikes: Vec<Strike>,
}

impl<R> Script<R> {
    pub(crate) fn push(&self, reply: Reply) {
        lock(&self.replies).next.push_back(reply);
    }

    pub(crate) fn set_always(&self, reply: Reply) {
        lock(&self.replies).always = Some(reply);
    }

    /// A rule without replies yet, and its number.
    pub(crate) fn add_rule(&self, requests: Match<R>) -> usize {
        let mut replies = lock(&self.replies);
        let number = replies.next_number();
        replies.rules.push(Rule {
            number,
            requests,
            met: 0,
            next: VecDeque::new(),
            always: None,
            next_faults: VecDeque::new(),
            always_fault: None,
        });
        number
    }

    pub(crate) fn push_to(&self, rule: usize, reply: Reply) {
        lock(&self.replies).with_rule(rule, |rule| rule.next.push_back(reply));
    }

    pub(crate) fn set_always_of(&self, rule: usize, reply: Reply) {
        lock(&self.replies).with_rule(rule, |rule| rule.always = Some(reply));
    }

    pub(crate) fn push_fault_to(&self, rule: usize, fault: Fault) {
        lock(&self.replies).with_rule(rule, |rule| rule.next_faults.push_back(fault));
    }

    pub(crate) fn set_always_fault_of(&self, rule: usize, fault: Fault) {
        lock(&self.replies).with_rule(rule, |rule| rule.always_fault = Some(fault));
    }

    /// The number of the expectation.
    pub(crate) fn expect(&self, expected: Expected<R>) -> usize {
        let mut replies = lock(&self.replies);
        let number = replies.next_number();
        replies.expected.push((number, expected));
        number
    }

    pub(crate) fn change_expected(&self, number: usize, change: impl FnOnce(&mut Expected<R>)) {
        let mut replies = lock(&self.replies);
        let mut all = replies.expected.iter_mut();
        if let Some((_, expected)) = all.find(|(known, _)| *known == number) {
            change(expected);
        }
    }

    /// The expectations that are not met by now.
    pub(crate) fn unmet(&self) -> Vec<Unmet<R>> {
        let replies = lock(&self.replies);
        let expected = replies.expected.iter();
        expected
            .filter_map(|(_, expected)| expected.unmet())
            .collect()
    }

    #[cfg(feature = "program")]
    pub(crate) fn forget_expected(&self) {
        lock(&self.replies).expected.clear();
    }

    /// Forgets the replies; faults, and what is expected, stay.
    pub(crate) fn reset(&self) {
        let mut replies = lock(&self.replies);
        for rule in &mut replies.rules {
            rule.next.clear();
            rule.always = None;
        }
        replies.rules.retain(Rule::has_faults);
        replies.next.clear();
        replies.always = None;
    }

    /// Forgets the faults of all rules; their replies stay.
    pub(crate) fn clear_faults(&self) {
        for rule in &mut lock(&self.replies).rules {
            rule.next_faults.clear();
            rule.always_fault = None;
        }
    }

    /// What is scripted for a request that has just arrived; no reply is used up if it is lost on the way there.
    pub(crate) fn take(&self, request: &R, opens_connection: bool) -> Scripted {
        let concerned = self.concerned(request);
        let mut replies = lock(&self.replies);
        let rules = replies.count_for_rules(&concerned);
        let strikes = replies.take_faults(&rules, opens_connection);
        let is_lost = strikes
            .iter()
            .any(|strike| matches!(strike.fault, Fault::KeepAliveRace));
        if is_lost {
            let reply = Reply::usual();
            return Scripted { reply, strikes };
        }
        for (number, expected) in &mut replies.expected {
            if concerned.contains(number) {
                expected.count();
            }
        }
        let reply = replies
            .take_from_rules(&rules)
            .or_else(|| replies.next.pop_front())
            .or_else(|| replies.always.clone())
            .unwrap_or_else(Reply::usual);
        Scripted { reply, strikes }
    }

    /// The rules and expectations whose conditions the request meets, by their numbers. Conditions are code of the
    /// test's own, which may well call the server: they are judged without the lock.
    fn concerned(&self, request: &R) -> HashSet<usize> {
        let matches: Vec<(usize, Match<R>)> = {
            let replies = lock(&self.replies);
            let rules = replies.rules.iter();
            let of_rules = rules.map(|rule| (rule.number, rule.requests.clone()));
            let expected = replies.expected.iter();
            let of_expected = expected.map(|(number, known)| (*number, known.requests().clone()));
            of_rules.chain(of_expected).collect()
        };
        let met = matches
            .into_iter()
            .filter(|(_, requests)| requests.is_met_by(request));
        met.map(|(number, _)| number).collect()
    }
}

impl<R> Replies<R> {
    fn next_number(&mut self) -> usize {
        let number = self.numbers;
        self.numbers += 1;
        number
    }

    /// The places of the rules that are for the request.
    fn count_for_rules(&mut self, concerned: &HashSet<usize>) -> Vec<usize> {
        let mut rules = Vec::new();
        for (index, rule) in self.rules.iter_mut().enumerate() {
            if concerned.contains(&rule.number) {
                rule.met += 1;
                if rule.requests.occurrence.includes(rule.met) {
                    rules.push(index);
                }
            }
        }
        rules
    }

    /// One of each rule that has any.
    fn take_faults(&mut self, rules: &[usize], opens_connection: bool) -> Vec<Strike> {
        let faults = rules
            .iter()
            .filter_map(|index| self.rules[*index].take_fault(opens_connection));
        faults.collect()
    }

    /// Replies to be used once go first, in the order of their rules; of those that stay, the youngest.
    fn take_from_rules(&mut self, rules: &[usize]) -> Option<Reply> {
        let once = rules
            .iter()
            .find_map(|index| self.rules[*index].next.pop_front());
        once.or_else(|| {
            let mut youngest_first = rules.iter().rev();
            youngest_first.find_map(|index| self.rules[*index].always.clone())
        })
    }

    fn with_rule(&mut self, number: usize, change: impl FnOnce(&mut Rule<R>)) {
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.number == number) {
            change(rule);
        }
    }
}

impl<R> Rule<R> {
    fn has_faults(&self) -> bool {
        !self.next_faults.is_empty() || self.always_fault.is_some()
    }

    /// A fault that cannot strike a request is kept for one that it can.
    fn take_fault(&mut self, opens_connection: bool) -> Option<Strike> {
        let strikes = |fault: &Fault| !opens_connection || !matches!(fault, Fault::KeepAliveRace);
        let fault = if self.next_faults.front().is_some_and(strikes) {
            self.next_faults.pop_front()?
        } else {
            self.always_fault.clone().filter(strikes)?
        };
        let chance = mix(mix(self.number as u64) ^ self.met as u64);
        Some(Strike { fault, chance })
    }
}

impl<R> Default for Script<R> {
    fn default() -> Self {
        Self {
            replies: Mutex::new(Replies {
                rules: Vec::new(),
                numbers: 0,
                next: VecDeque::new(),
                always: None,
                expected: Vec::new(),
            }),
        }
    }
}

impl<R> fmt::Debug for Script<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replies = lock(&self.replies);
        f.debug_struct("Script")
            .field("rules", &replies.rules.len())
            .field("next", &replies.next)
            .field("always", &replies.always)
            .field("expected", &replies.expected.len())
            .finish()
    }
}
