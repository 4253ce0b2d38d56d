//! The rules of the token cache, written down naively.

mod answer;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use crate::scenario::{Policy, Subject};
use answer::Answer;

/// What a token cache must do, without any of what makes a real one hard: no futures, no threads, no
/// locks, nothing published ahead of time. It keeps every request ever sent and looks through all of
/// them, and judges each caller by the rules in the order they are written in the design.
///
/// It is there to be compared with the real cache, step by step, under any history:
/// [`VirtualWorld`](crate::VirtualWorld) is the same [`Subject`].
///
/// # Examples
///
/// ```
/// use oauth_testkit::ReferenceCache;
/// use oauth_testkit::scenario::{Policy, Reply, Subject};
///
/// let mut cache = ReferenceCache::new(Policy::default());
/// cache.call("a");
/// cache.reply(&Reply::json(r#"{"access_token": "t1", "expires_in": 3600}"#));
/// assert_eq!(cache.result("a").as_deref(), Some("token t1"));
/// ```
#[derive(Debug, Clone)]
pub struct ReferenceCache {
    policy: Policy,
    /// Since the start, asleep or awake.
    now: Duration,
    wall: SystemTime,
    /// The secret of the last token that was too old to keep.
    fleeting: Option<String>,
    token: Option<Token>,
    /// No request is sent before this moment.
    gate: Duration,
    /// Flights in a row that failed.
    failures: u32,
    /// Tokens in a row that were rejected.
    rejections: u32,
    last_error: String,
    flight: Option<Flight>,
    flights: usize,
    requests: Vec<Request>,
    callers: BTreeMap<String, Caller>,
    generations: usize,
    /// The generation of the token last handed out with a secret; 0 for one that was never cached.
    handed_out: BTreeMap<String, usize>,
}

#[derive(Debug, Clone)]
struct Token {
    secret: String,
    generation: usize,
    obtained: Duration,
    due: Duration,
    unusable: Duration,
    expires: Duration,
}

impl Token {
    /// It lived for a minute, or as long as it could be used.
    fn is_proven(&self, now: Duration) -> bool {
        let whole = self.unusable.saturating_sub(self.obtained);
        now - self.obtained >= whole.min(Duration::from_secs(60))
    }
}

#[derive(Debug, Clone)]
struct Flight {
    number: usize,
    deadline: Duration,
    attempts: u32,
    retry_at: Option<Duration>,
    /// The secrets rejected since it began.
    rejected: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Request {
    flight: usize,
    sent: Duration,
    answered: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Caller {
    Waiting,
    Dropped,
    Got(String),
}

impl ReferenceCache {
    /// A cache to which nothing has happened yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            now: Duration::ZERO,
            // The time of day at which a ManualClock starts.
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000),
            fleeting: None,
            token: None,
            gate: Duration::ZERO,
            failures: 0,
            rejections: 0,
            last_error: String::new(),
            flight: None,
            flights: 0,
            requests: Vec::new(),
            callers: BTreeMap::new(),
            generations: 0,
            handed_out: BTreeMap::new(),
        }
    }

    /// The secret of the token in hand, if it is usable. Unlike [`Subject::ready`] it starts nothing.
    #[must_use]
    pub fn usable(&self) -> Option<&str> {
        let token = self.token.as_ref()?;
        (self.now < token.unusable).then_some(token.secret.as_str())
    }

    /// Whether a token request, dead or alive, is unanswered.
    #[must_use]
    pub fn has_unanswered_request(&self) -> bool {
        self.requests.iter().any(|request| !request.answered)
    }

    /// The secrets that were ever handed out, in alphabetical order.
    pub fn handed_out(&self) -> impl Iterator<Item = &str> {
        self.handed_out.keys().map(String::as_str)
    }

    /// How long it is until something may change by itself: a renewal becomes due, the token unusable or
    /// expired, the gate opens, an attempt or a flight comes to its time. For histories that look closely
    /// at the borders.
    #[must_use]
    pub fn time_to_borders(&self) -> Vec<Duration> {
        let token = self.token.iter();
        let flight = self.flight.iter();
        token
            .flat_map(|token| [token.due, token.unusable, token.expires])
            .chain(
                flight
                    .flat_map(|flight| [Some(flight.deadline), flight.retry_at])
                    .flatten(),
            )
            .chain([self.gate])
            .filter_map(|moment| moment.checked_sub(self.now))
            .collect()
    }

    fn open(&self) -> bool {
        self.now >= self.gate
    }

    /// The token in hand, as somebody sees it who may start a renewal by looking.
    fn look(&mut self) -> Option<String> {
        let token = self.token.clone()?;
        if self.now >= token.unusable {
            return None;
        }
        if self.now >= token.due && self.flight.is_none() && self.open() {
            self.start_flight();
        }
        self.handed_out
            .insert(token.secret.clone(), token.generation);
        Some(token.secret)
    }

    fn start_flight(&mut self) {
        self.flights += 1;
        self.flight = Some(Flight {
            number: self.flights,
            deadline: self.now + self.policy.acquire_timeout,
            attempts: 0,
            retry_at: None,
            rejected: BTreeSet::new(),
        });
        self.send();
    }

    fn send(&mut self) {
        if let Some(flight) = &mut self.flight {
            flight.attempts += 1;
            flight.retry_at = None;
            self.requests.push(Request {
                flight: flight.number,
                sent: self.now,
                answered: false,
            });
        }
    }

    fn answer(&mut self, answer: Answer) -> bool {
        let Some(request) = self.requests.iter_mut().find(|request| !request.answered) else {
            return false;
        };
        request.answered = true;
        let request = request.clone();
        // The answer to a request whose flight was given up reaches nobody.
        let Some(flight) = self
            .flight
            .clone()
            .filter(|flight| flight.number == request.flight)
        else {
            return true;
        };
        match answer {
            Answer::Token { secret, .. } if flight.rejected.contains(&secret) => {
                self.fail("token_rejected", None);
            }
            Answer::Token {
                secret,
                lifetime,
                refresh_in,
            } => self.succeed(&secret, request.sent, lifetime, refresh_in),
            Answer::Failure {
                kind,
                passes,
                retry_after,
            } => {
                let again = passes
                    && retry_after.is_none()
                    && !self.waiting().is_empty()
                    && flight.attempts < self.policy.attempts;
                if again {
                    let pause = self.policy.attempt_backoff * 2u32.pow(flight.attempts - 1);
                    if let Some(flight) = &mut self.flight {
                        flight.retry_at = Some(self.now + pause);
                    }
                } else {
                    self.fail(&kind, retry_after);
                }
            }
        }
        true
    }

    fn succeed(
        &mut self,
        secret: &str,
        sent: Duration,
        lifetime: Option<Duration>,
        refresh_in: Option<Duration>,
    ) {
        self.flight = None;
        self.gate = Duration::ZERO;
        let lifetime = lifetime.unwrap_or(self.policy.assumed_lifetime);
        let expires = sent + lifetime;
        let unusable = expires - self.policy.safety_margin.min(lifetime / 10);
        let due = match refresh_in {
            Some(refresh_in) => sent + refresh_in,
            None => expires - self.policy.refresh_margin.min(lifetime / 3),
        };
        if unusable <= self.now {
            // Too old to keep.
            if let Some(held) = self.token.as_mut().filter(|held| self.now < held.unusable) {
                let half = (held.unusable - self.now) / 2;
                held.due = self.now + half.max(Duration::from_secs(1));
            }
            if self.now < expires {
                self.failures = 0;
            }
            self.fleeting = Some(secret.to_owned());
            return self.tell_waiting_token(secret, 0);
        }
        if self
            .token
            .as_ref()
            .is_some_and(|held| held.is_proven(self.now))
        {
            self.rejections = 0;
        }
        self.fleeting = None;
        self.failures = 0;
        let held = self.token.clone().filter(|held| held.secret == secret);
        let token = match held {
            Some(held) if self.now < held.unusable && expires <= held.expires => {
                // Nothing new.
                let half = (held.unusable - self.now) / 2;
                Token {
                    due: self.now + half.max(Duration::from_secs(1)),
                    ..held
                }
            }
            held => {
                let generation = held.map_or(self.generations + 1, |held| held.generation);
                Token {
                    secret: secret.to_owned(),
                    generation,
                    obtained: self.now,
                    due,
                    unusable,
                    expires,
                }
            }
        };
        self.generations = self.generations.max(token.generation);
        let generation = token.generation;
        self.token = Some(token);
        self.tell_waiting_token(secret, generation);
    }

    fn fail(&mut self, kind: &str, retry_after: Option<Duration>) {
        self.flight = None;
        self.failures += 1;
        let mut pause = self.backoff(self.failures);
        if let Some(token) = self
            .token
            .as_ref()
            .filter(|token| self.now < token.unusable)
        {
            pause = pause.min((token.unusable - self.now) / 4);
        }
        if let Some(asked) = retry_after {
            pause = pause.max(asked.min(self.policy.retry_after_cap));
        }
        self.gate = self.now + pause;
        self.last_error = format!("error {kind}");
        self.tell_waiting(&self.last_error.clone());
    }

    fn backoff(&self, ordinal: u32) -> Duration {
        let doubled = self.policy.backoff_base * 2u32.pow((ordinal - 1).min(20));
        doubled.min(self.policy.backoff_cap)
    }

    fn tell_waiting_token(&mut self, secret: &str, generation: usize) {
        if !self.waiting().is_empty() {
            self.handed_out.insert(secret.to_owned(), generation);
        }
        self.tell_waiting(&format!("token {secret}"));
    }

    fn tell_waiting(&mut self, result: &str) {
        for caller in self.callers.values_mut() {
            if *caller == Caller::Waiting {
                *caller = Caller::Got(result.to_owned());
            }
        }
    }

    /// Lets the timers fire that are due until `end`, each at its moment, or now if that has passed.
    fn fire_timers(&mut self, end: Duration) {
        while let Some(flight) = &self.flight {
            // A retry that would come no sooner than the deadline is not made.
            let retry_at = flight
                .retry_at
                .filter(|retry_at| *retry_at < flight.deadline);
            let next = retry_at.unwrap_or(flight.deadline);
            if next > end {
                return;
            }
            self.pass(next.saturating_sub(self.now));
            if retry_at.is_some() {
                self.send();
            } else {
                self.fail("timeout", None);
            }
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        self.wall += duration;
    }
}
