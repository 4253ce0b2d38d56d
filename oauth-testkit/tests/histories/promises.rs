//! The promises, judged by what can be seen from outside, with no model of the cache.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use oauth_core::{Clock, Instant};
use oauth_testkit::VirtualWorld;
use oauth_testkit::scenario::{Policy, Reply, Step, Subject};
use serde_json::Value;

/// Watches a world and says which promise it breaks.
pub(crate) struct Witness {
    policy: Policy,
    before: Seen,
    callers: Vec<String>,
    /// When the requests were sent that are not answered: no sooner and no later than.
    unanswered: VecDeque<(Instant, Instant)>,
    /// When the token with a secret becomes unusable: no sooner and no later than.
    lives: HashMap<String, (Instant, Instant)>,
    /// The token in hand when it was last seen, unless something came that may have replaced it.
    in_hand: Option<String>,
    /// The secrets rejected since the last flight began.
    rejected: HashSet<String>,
    /// No request is due before.
    quiet_until: Option<Instant>,
}

#[derive(Clone)]
struct Seen {
    now: Instant,
    requests: u64,
    in_flight: u64,
    waiting: Vec<String>,
}

type Verdict = Result<(), String>;

impl Witness {
    pub(crate) fn new(policy: Policy, world: &VirtualWorld) -> Self {
        Self {
            policy,
            before: Seen {
                now: world.clock().now(),
                requests: 0,
                in_flight: 0,
                waiting: Vec::new(),
            },
            callers: Vec::new(),
            unanswered: VecDeque::new(),
            lives: HashMap::new(),
            in_hand: None,
            rejected: HashSet::new(),
            quiet_until: None,
        }
    }

    /// Judges what `step` has done.
    pub(crate) fn after(&mut self, step: &Step, world: &VirtualWorld) -> Verdict {
        let before = self.before.clone();
        let now = self.observe_requests(step, world)?;
        match step {
            Step::Call(callers) => {
                self.callers.extend(callers.iter().cloned());
                for caller in callers {
                    match world.result(caller) {
                        Some(result) => self.given_at_once(&result, now.now)?,
                        None => holds(
                            self.in_hand_until().is_none_or(|until| now.now >= until),
                            || format!("P2: {caller} waits beside a usable token"),
                        )?,
                    }
                }
                holds(now.requests <= before.requests + 1, || {
                    "P4: a request a caller".into()
                })?;
            }
            Step::Drop(_) => holds(
                (now.requests, now.in_flight) == (before.requests, before.in_flight),
                || "P5: dropping a caller touched the request".into(),
            )?,
            Step::Reply(reply) => self.answered(Some(reply), &before, &now, world)?,
            Step::Fail(_) => self.answered(None, &before, &now, world)?,
            Step::Reject(secret) => {
                self.rejected.insert(secret.clone());
                self.quiet_until = None;
                self.in_hand = None;
            }
            _ => {}
        }
        holds(now.in_flight <= 1, || "P4: two requests at once".into())?;
        let driven = now.in_flight == 1 || world.clock().next_deadline().is_some();
        holds(now.waiting.is_empty() || driven, || {
            "P5: somebody waits for nothing".into()
        })?;
        self.before = now;
        Ok(())
    }

    /// Judges what a look at the token in hand showed.
    pub(crate) fn after_look(&mut self, seen: Option<&str>, world: &VirtualWorld) -> Verdict {
        let now = self.observe_requests(&Step::Call(Vec::new()), world)?;
        match seen {
            Some(secret) => self.given_at_once(&format!("token {secret}"), now.now)?,
            None => holds(
                self.in_hand_until().is_none_or(|until| now.now >= until),
                || "P3: a usable token was lost".into(),
            )?,
        }
        self.before = now;
        Ok(())
    }

    fn observe_requests(&mut self, step: &Step, world: &VirtualWorld) -> Result<Seen, String> {
        let before = &self.before;
        let now = Seen {
            now: world.clock().now(),
            requests: world.requests(),
            in_flight: world.in_flight(),
            waiting: world.waiting(),
        };
        let quiet = self.quiet_until.is_some_and(|until| now.now < until);
        holds(!quiet || now.requests == before.requests, || {
            "P6: a request sooner than Retry-After".into()
        })?;
        for _ in before.requests..now.requests {
            self.unanswered.push_back((before.now, now.now));
            if matches!(step, Step::Call(_)) {
                // Not a further attempt of the same flight, but a new one.
                self.rejected.clear();
            }
        }
        Ok(now)
    }

    /// A token that nobody waited for is usable, and the one that is known to be in hand.
    fn given_at_once(&mut self, result: &str, now: Instant) -> Verdict {
        let Some(secret) = result.strip_prefix("token ") else {
            let until = self.in_hand_until();
            return holds(until.is_none_or(|until| now >= until), || {
                format!("P3: `{result}` beside a usable token")
            });
        };
        let usable = self
            .lives
            .get(secret)
            .is_some_and(|(_, latest)| now < *latest);
        holds(usable, || format!("P1: {secret} is past its time"))?;
        if let Some(known) = self.in_hand.as_ref().filter(|known| *known != secret)
            && self.in_hand_until().is_some_and(|until| now < until)
        {
            return Err(format!("P3: {secret} in place of {known}"));
        }
        self.in_hand = Some(secret.to_owned());
        Ok(())
    }

    fn in_hand_until(&self) -> Option<Instant> {
        let secret = self.in_hand.as_ref()?;
        self.lives.get(secret).map(|(earliest, _)| *earliest)
    }

    fn answered(
        &mut self,
        reply: Option<&Reply>,
        before: &Seen,
        now: &Seen,
        world: &VirtualWorld,
    ) -> Verdict {
        let dead = before.in_flight == 0 || self.unanswered.len() > 1;
        let Some(sent) = self.unanswered.pop_front() else {
            return Err("P4: an answer to a request that nobody saw".into());
        };
        if dead {
            return holds(now.waiting == before.waiting, || {
                "P5: an answer that comes too late reached somebody".into()
            });
        }
        let told: HashSet<_> = before
            .waiting
            .iter()
            .filter_map(|caller| world.result(caller))
            .collect();
        holds(told.len() <= 1, || {
            format!("P4: the same flight gave {told:?}")
        })?;
        holds(told.is_empty() || now.waiting.is_empty(), || {
            "P4: some wait on, some do not".into()
        })?;
        match reply.map(read) {
            Some(Read::Token(secret, lifetime)) => self.token(&secret, lifetime, sent, &told),
            Some(Read::Refusal { terminal, wait }) => {
                holds(
                    !terminal || now.in_flight == 0 && now.waiting.is_empty(),
                    || "P6: another attempt at what cannot succeed".into(),
                )?;
                self.quiet_until = wait.map(|wait| now.now + wait.min(self.policy.retry_after_cap));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn token(
        &mut self,
        secret: &str,
        lifetime: Option<f64>,
        (earliest, latest): (Instant, Instant),
        told: &HashSet<String>,
    ) -> Verdict {
        if self.rejected.contains(secret) {
            return holds(!told.contains(&format!("token {secret}")), || {
                format!("P7: {secret} came back after its rejection")
            });
        }
        let lifetime = lifetime.map_or(self.policy.assumed_lifetime, |lifetime| {
            Duration::from_secs(lifetime.clamp(0.0, 315_360_000.0) as u64)
        });
        let usable = lifetime - self.policy.safety_margin.min(lifetime / 10);
        let life = (earliest + usable, latest + usable);
        let known = self.lives.entry(secret.to_owned()).or_insert(life);
        *known = (known.0.min(life.0), known.1.max(life.1));
        // Whatever it brought may be in hand now; the next look tells.
        self.in_hand = None;
        Ok(())
    }
}

enum Read {
    Token(String, Option<f64>),
    Refusal {
        terminal: bool,
        wait: Option<Duration>,
    },
}

fn read(reply: &Reply) -> Read {
    let response = reply.to_http();
    let status = response.status();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    match body["access_token"].as_str() {
        Some(secret) if status.is_success() => {
            let lifetime = &body["expires_in"];
            let text = lifetime.as_str().and_then(|text| text.parse().ok());
            Read::Token(secret.to_owned(), lifetime.as_f64().or(text))
        }
        _ => Read::Refusal {
            terminal: body["error"] == "invalid_client" || status.is_success(),
            // As a date it depends on steps of the wall clock, which the reference follows.
            wait: response
                .headers()
                .get("retry-after")
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .map(Duration::from_secs),
        },
    }
}

fn holds(kept: bool, broken: impl FnOnce() -> String) -> Verdict {
    if kept { Ok(()) } else { Err(broken()) }
}
