//! Caches that share a real server whose time passes otherwise than theirs: it stands still, or their clocks differ.
//!
//! All of their time is moved by the test, and the server's along with it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../../oauth-file-store/tests/rules/mod.rs"]
mod rules;
mod support;

use std::io::stdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_core::{
    AccessToken, Clock, Error, Instant, SystemClock, TokenKey, TokenSource, async_trait,
};
use oauth_testkit::ManualClock;
use rules::key;
use support::Server;
use support::process::{Process, say, task};
use support::steps::{Caller, breathe};

/// As a cache has it by default.
const STORE_TIMEOUT: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_secs(10);

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// An authorization server that knows when it gave which token: `0`, `1`, …
#[derive(Clone)]
struct Issuer {
    clock: ManualClock,
    lifetime: Duration,
    issued: Arc<Mutex<Vec<Instant>>>,
    before: Arc<Mutex<Option<Before>>>,
}

type Before = Box<dyn FnOnce() + Send>;

impl Issuer {
    fn new(clock: &ManualClock, lifetime: Duration) -> Self {
        Self {
            clock: clock.clone(),
            lifetime,
            issued: Arc::default(),
            before: Arc::default(),
        }
    }

    fn issue(&self) -> String {
        let before = self.before.lock().unwrap().take();
        if let Some(before) = before {
            before();
        }
        let mut issued = self.issued.lock().unwrap();
        issued.push(self.clock.now());
        (issued.len() - 1).to_string()
    }

    fn count(&self) -> usize {
        self.issued.lock().unwrap().len()
    }

    fn check(&self, token: &str) {
        let ordinal: usize = token.parse().unwrap();
        let issued = self.issued.lock().unwrap()[ordinal];
        let age = self.clock.now().saturating_duration_since(issued);
        assert!(age < self.lifetime, "{token} is {age:?} old");
    }

    /// A token is renewed in the second half of its life.
    fn check_one_request_a_token(&self, from: usize) {
        let issued = self.issued.lock().unwrap();
        for pair in issued[from..].windows(2) {
            let apart = pair[1].saturating_duration_since(pair[0]);
            assert!(apart > self.lifetime / 2, "{apart:?} apart: {issued:?}");
        }
    }
}

#[async_trait]
impl TokenSource for Issuer {
    async fn token(&self) -> Result<AccessToken, Error> {
        let token = AccessToken::builder(self.issue());
        Ok(token.expires_in(self.lifetime).build()?)
    }
}

/// Processes with one clock and one server.
struct Fleet {
    server: Arc<Server>,
    hangs: Arc<AtomicBool>,
    clock: ManualClock,
    issuer: Issuer,
    key: TokenKey,
    callers: Vec<Caller<Issuer>>,
    longest_wait: Duration,
}

impl Fleet {
    const STEP: Duration = Duration::from_millis(100);

    fn new() -> Self {
        let clock = ManualClock::new();
        Self {
            server: Arc::new(Server::start()),
            hangs: Arc::default(),
            issuer: Issuer::new(&clock, seconds(5)),
            clock,
            key: key(),
            callers: Vec::new(),
            longest_wait: Duration::ZERO,
        }
    }

    /// So many processes that all have a token.
    fn under_way(processes: usize) -> Self {
        let mut fleet = Self::new();
        fleet.add_processes(processes);
        fleet.run(seconds(1));
        // Whoever does not get the lease looks again.
        assert!(fleet.longest_wait <= STORE_TIMEOUT);
        fleet.longest_wait = Duration::ZERO;
        fleet
    }

    fn add_processes(&mut self, count: usize) {
        for _ in 0..count {
            let builder = self.server.builder().clock(self.clock.clone());
            let (issuer, store) = (self.issuer.clone(), builder.build().unwrap());
            let caller = Caller::new(issuer, store, self.key, self.clock.clone());
            self.callers.push(caller);
        }
    }

    /// What makes the server hang for [`PAUSE`]. When it goes on, what has died meanwhile is gone before it answers
    /// anybody, so it is gone now.
    fn pause(&self) -> impl FnOnce() + Send + 'static {
        let (server, hangs) = (Arc::clone(&self.server), Arc::clone(&self.hangs));
        move || {
            server.age(PAUSE);
            server.pause();
            hangs.store(true, Ordering::SeqCst);
        }
    }

    fn resume(&self) {
        self.server.resume();
        // What was sent before the pause is written only now, and is as old as that: its own clock, by which the server
        // would notice, has stood still with the test.
        self.server.age(PAUSE);
        self.hangs.store(false, Ordering::SeqCst);
    }

    fn hangs(&self) -> bool {
        self.hangs.load(Ordering::SeqCst)
    }

    /// Everybody calls all the time, and each call is checked.
    fn run(&mut self, duration: Duration) {
        let end = self.clock.now() + duration;
        while self.clock.now() < end {
            self.look();
            self.clock.advance(Self::STEP);
            if !self.hangs() {
                self.server.age(Self::STEP);
            }
        }
        self.look();
    }

    fn look(&mut self) {
        // Those who wait for an answer that does not come are as far as they get.
        let mut rounds_that_hang = 0..2;
        loop {
            let mut is_settled = true;
            for caller in &mut self.callers {
                let before = caller.events();
                if let Some((answer, waited)) = caller.nudge() {
                    self.issuer.check(answer.unwrap().secret());
                    self.longest_wait = self.longest_wait.max(waited);
                }
                is_settled &= caller.is_settled(before);
            }
            let is_over = if self.hangs() {
                rounds_that_hang.next().is_none()
            } else {
                is_settled
            };
            if is_over {
                return;
            }
            breathe();
        }
    }
}

#[test]
fn p11_p12_a_server_that_hangs_for_ten_seconds_fails_no_call_and_is_rejoined() {
    let mut fleet = Fleet::under_way(4);
    fleet.run(seconds(20));
    fleet.issuer.check_one_request_a_token(0);
    assert!(fleet.callers.iter().all(|one| one.store_failures() == 0));

    fleet.pause()();
    fleet.run(PAUSE);
    assert_eq!(fleet.longest_wait, Duration::ZERO, "nobody waits meanwhile");
    let failures = fleet.callers.iter().map(Caller::store_failures);
    let failures: Vec<_> = failures.collect();
    // A token of five seconds is renewed two or three times in ten, and each time one call at most is waited for.
    assert!(
        failures.iter().all(|count| (1..=3).contains(count)),
        "{failures:?}"
    );
    fleet.resume();

    // They come back one by one, each when its rest is over and its token due.
    fleet.run(seconds(12));
    let rejoined = fleet.issuer.count();
    fleet.run(seconds(20));
    fleet.issuer.check_one_request_a_token(rejoined);
    let later = fleet.callers.iter().map(Caller::store_failures);
    assert_eq!(later.collect::<Vec<_>>(), failures);
    assert_eq!(fleet.longest_wait, Duration::ZERO);
}

#[test]
fn p11_p12_a_server_that_hangs_for_ten_seconds_while_the_lease_is_held_fails_no_call() {
    let mut fleet = Fleet::under_way(4);
    fleet.run(seconds(7));
    let requests = fleet.issuer.count();
    *fleet.issuer.before.lock().unwrap() = Some(Box::new(fleet.pause()));
    while !fleet.hangs() {
        fleet.run(Fleet::STEP);
    }
    assert!(fleet.issuer.count() > requests);
    fleet.run(PAUSE);
    assert_eq!(fleet.longest_wait, Duration::ZERO);
    fleet.resume();

    fleet.run(seconds(12));
    let rejoined = fleet.issuer.count();
    fleet.run(seconds(20));
    fleet.issuer.check_one_request_a_token(rejoined);
}

#[test]
fn p11_p12_processes_that_start_while_the_server_hangs_wait_once_and_join_later() {
    let mut fleet = Fleet::new();
    fleet.pause()();
    fleet.add_processes(4);
    fleet.run(PAUSE);
    assert_eq!(fleet.longest_wait, STORE_TIMEOUT);
    fleet.resume();

    fleet.run(seconds(12));
    let rejoined = fleet.issuer.count();
    fleet.run(seconds(20));
    fleet.issuer.check_one_request_a_token(rejoined);
    assert_eq!(fleet.longest_wait, STORE_TIMEOUT);
}

#[test]
fn p01_p12_processes_whose_clocks_are_minutes_apart_share_tokens_and_use_none_past_its_end() {
    let (minutes, lifetime, step) = ([(0, 2), (-2, 0), (-2, 2)], seconds(60), seconds(1));
    for (ahead, behind) in minutes {
        let (server, clock) = (Server::start(), ManualClock::new());
        let issuer = Issuer::new(&clock, lifetime);
        let mut processes = [ahead, behind].map(|minutes| {
            let task = format!("{} {}", server.url(), minutes * 60);
            Process::start("a_process_with_a_clock_of_its_own", &task)
        });
        let (mut shared, mut last) = (0, None);
        for _ in 0..5 * lifetime.as_secs() {
            for process in &mut processes {
                process.tell(&step.as_millis().to_string());
            }
            let mut tokens = Vec::new();
            for process in &mut processes {
                let token = loop {
                    match process.line() {
                        line if line == "request" => process.tell(&issuer.issue()),
                        token => break token,
                    }
                };
                if token != "none" {
                    issuer.check(&token);
                    tokens.push(token);
                }
            }
            if tokens.len() == 2 && tokens[0] == tokens[1] && last.as_ref() != Some(&tokens[0]) {
                shared += 1;
                last = Some(tokens[0].clone());
            }
            clock.advance(step);
            server.age(step);
        }
        issuer.check_one_request_a_token(0);
        // The last may have come only now.
        let count = issuer.count();
        assert!(count >= 5 && shared + 1 >= count, "{shared} of {count}");
    }
}

/// Asks the process that started it for tokens.
struct Asking(Duration);

#[async_trait]
impl TokenSource for Asking {
    async fn token(&self) -> Result<AccessToken, Error> {
        say("request");
        let token = AccessToken::builder(heard().unwrap());
        Ok(token.expires_in(self.0).build()?)
    }
}

fn heard() -> Option<String> {
    let mut line = String::new();
    let length = stdin().read_line(&mut line).unwrap();
    (length > 0).then(|| line.trim().to_owned())
}

/// Moves its clock as it is told, and tells the token that it then has; among the tests, does nothing.
#[test]
fn a_process_with_a_clock_of_its_own() {
    let Some(task) = task() else {
        return;
    };
    let (url, skew) = task.split_once(' ').unwrap();
    let clock = ManualClock::starting_at(SystemClock::new().now(), SystemClock::new().wall());
    clock.step_wall(skew.parse().unwrap());
    let store = oauth_redis::redis::Client::open(url).unwrap();
    let store = oauth_redis::RedisStore::builder(store)
        .clock(clock.clone())
        .build()
        .unwrap();
    let key = TokenKey::builder("shared").build();
    let mut caller = Caller::new(Asking(seconds(60)), store, key, clock.clone());
    while let Some(step) = heard() {
        let token = match caller.settle() {
            Some((token, _)) => token.unwrap().secret().to_owned(),
            None => "none".to_owned(),
        };
        say(&token);
        clock.advance(Duration::from_millis(step.parse().unwrap()));
    }
}
