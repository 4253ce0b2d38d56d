//! The replies an endpoint was told to give, and the requests it was told to expect.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use crate::reply::Reply;
use crate::server::expectation::{Expected, Unmet};
use crate::server::matching::Match;
use crate::sync::lock;

pub(crate) struct Script<R> {
    replies: Mutex<Replies<R>>,
}

struct Replies<R> {
    rules: Vec<Rule<R>>,
    /// How many rules there have been: the number of a rule is never used again.
    numbers: usize,
    next: VecDeque<Reply>,
    always: Option<Reply>,
    expected: Vec<Expected<R>>,
}

struct Rule<R> {
    number: usize,
    requests: Match<R>,
    /// Requests that met its conditions, whoever answered them.
    met: usize,
    next: VecDeque<Reply>,
    always: Option<Reply>,
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
        let number = replies.numbers;
        replies.numbers += 1;
        replies.rules.push(Rule {
            number,
            requests,
            met: 0,
            next: VecDeque::new(),
            always: None,
        });
        number
    }

    pub(crate) fn push_to(&self, rule: usize, reply: Reply) {
        lock(&self.replies).with_rule(rule, |rule| rule.next.push_back(reply));
    }

    pub(crate) fn set_always_of(&self, rule: usize, reply: Reply) {
        lock(&self.replies).with_rule(rule, |rule| rule.always = Some(reply));
    }

    pub(crate) fn expect(&self, expected: Expected<R>) -> usize {
        let mut replies = lock(&self.replies);
        replies.expected.push(expected);
        replies.expected.len() - 1
    }

    pub(crate) fn change_expected(&self, index: usize, change: impl FnOnce(&mut Expected<R>)) {
        if let Some(expected) = lock(&self.replies).expected.get_mut(index) {
            change(expected);
        }
    }

    /// The expectations that are not met by now.
    pub(crate) fn unmet(&self) -> Vec<Unmet<R>> {
        let replies = lock(&self.replies);
        replies
            .expected
            .iter()
            .filter_map(Expected::unmet)
            .collect()
    }

    #[cfg(feature = "program")]
    pub(crate) fn forget_expected(&self) {
        lock(&self.replies).expected.clear();
    }

    /// Forgets the replies; what is expected stays.
    pub(crate) fn reset(&self) {
        let mut replies = lock(&self.replies);
        replies.rules.clear();
        replies.next.clear();
        replies.always = None;
    }

    /// The reply for the request at hand.
    pub(crate) fn take(&self, request: &R) -> Reply {
        let mut replies = lock(&self.replies);
        for expected in &mut replies.expected {
            expected.count(request);
        }
        replies
            .take_from_rules(request)
            .or_else(|| replies.next.pop_front())
            .or_else(|| replies.always.clone())
            .unwrap_or_else(Reply::usual)
    }
}

impl<R> Replies<R> {
    /// Replies to be used once go first, in the order of their rules; of those that stay, the youngest.
    fn take_from_rules(&mut self, request: &R) -> Option<Reply> {
        let mut concerned = Vec::new();
        for (index, rule) in self.rules.iter_mut().enumerate() {
            if rule.requests.is_met_by(request) {
                rule.met += 1;
                if rule.requests.occurrence.includes(rule.met) {
                    concerned.push(index);
                }
            }
        }
        let once = concerned
            .iter()
            .find_map(|index| self.rules[*index].next.pop_front());
        once.or_else(|| {
            let mut youngest_first = concerned.iter().rev();
            youngest_first.find_map(|index| self.rules[*index].always.clone())
        })
    }

    fn with_rule(&mut self, number: usize, change: impl FnOnce(&mut Rule<R>)) {
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.number == number) {
            change(rule);
        }
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
