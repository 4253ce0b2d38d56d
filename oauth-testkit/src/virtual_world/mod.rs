//! The real cache in virtual time, with no socket, no thread and no chance.

mod scripted_client;
mod task;

use std::collections::HashMap;
use std::fmt;
use std::task::Poll;
use std::time::Duration;

use oauth_core::{
    AccessToken, CachedTokenSource, ClientCredentials, Clock, Error, ErrorKind, HttpError,
    RefreshPolicy, TokenSource,
};

use crate::ManualClock;
use crate::scenario::{Fault, Reply, Subject};
use scripted_client::ScriptedClient;
use task::{SpawnedWork, Task};

/// A [`CachedTokenSource`] over [`ClientCredentials`], with its callers, its HTTP client, its background
/// work and its time in the hands of a test. It is deterministic: callers and background work are polled
/// in the order they came, on the thread of the test.
///
/// # Examples
///
/// ```
/// use oauth_core::RefreshPolicy;
/// use oauth_testkit::VirtualWorld;
/// use oauth_testkit::scenario::{Reply, Subject};
/// use std::time::Duration;
///
/// let mut world = VirtualWorld::new(RefreshPolicy::builder().no_jitter().build()?)?;
/// world.call("a");
/// world.call("b");
/// assert_eq!((world.requests(), world.waiting()), (1, vec!["a".into(), "b".into()]));
///
/// world.reply(&Reply::json(r#"{"access_token": "t1", "expires_in": 3600}"#));
/// assert_eq!(world.result("b").as_deref(), Some("token t1"));
///
/// world.advance(Duration::from_secs(3570));
/// assert_eq!(world.ready(), None, "30 s before it expires a token is no longer handed out");
/// # Ok::<(), oauth_core::Error>(())
/// ```
pub struct VirtualWorld {
    clock: ManualClock,
    client: ScriptedClient,
    source: CachedTokenSource<ClientCredentials>,
    callers: Vec<Caller>,
    spawned: SpawnedWork,
    background: Vec<Task<()>>,
    /// The token last handed out with each secret.
    handed_out: HashMap<String, AccessToken>,
}

type Outcome = Result<AccessToken, Error>;

struct Caller {
    name: String,
    /// Absent when done or dropped.
    task: Option<Task<Outcome>>,
    outcome: Option<Outcome>,
}

impl VirtualWorld {
    /// A world in which nothing has happened yet.
    ///
    /// # Errors
    ///
    /// None as things are: the configuration of the source is fixed and sound.
    pub fn new(policy: RefreshPolicy) -> Result<Self, Error> {
        let clock = ManualClock::new();
        let client = ScriptedClient::default();
        let spawned = SpawnedWork::default();
        let credentials = ClientCredentials::builder("https://id.example.com/token", "client")
            .client_secret("client-secret")
            .http_client(client.clone())
            .clock(clock.clone())
            .build()?;
        let source = CachedTokenSource::builder(credentials)
            .policy(policy)
            .clock(clock.clone())
            .spawner(spawned.clone())
            .build();
        Ok(Self {
            clock,
            client,
            source,
            callers: Vec::new(),
            spawned,
            background: Vec::new(),
            handed_out: HashMap::new(),
        })
    }

    /// The clock of this world. Move it by the methods of [`Subject`]: they let what wakes run, too.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Polls whoever has been woken until nobody can make progress.
    fn settle(&mut self) {
        loop {
            let mut progress = false;
            for caller in &mut self.callers {
                progress |= caller.poll(&mut self.handed_out);
            }
            let spawned = self.spawned.take();
            self.background.extend(spawned.into_iter().map(Task::new));
            self.background.retain_mut(|task| {
                let polled = task.poll_if_woken();
                progress |= polled.is_some();
                !matches!(polled, Some(Poll::Ready(())))
            });
            if !progress {
                return;
            }
        }
    }

    fn answer(&mut self, answer: scripted_client::Answer) -> bool {
        let answered = self.client.answer_oldest(answer);
        self.settle();
        answered
    }
}

impl Subject for VirtualWorld {
    fn call(&mut self, caller: &str) {
        let source = self.source.clone();
        let mut caller = Caller {
            name: caller.to_owned(),
            task: Some(Task::new(Box::pin(async move { source.token().await }))),
            outcome: None,
        };
        caller.poll(&mut self.handed_out);
        self.callers.push(caller);
        self.settle();
    }

    fn drop_caller(&mut self, caller: &str) -> bool {
        let waiting = self
            .callers
            .iter_mut()
            .find(|known| known.name == caller)
            .and_then(|known| known.task.take());
        let was_waiting = waiting.is_some();
        drop(waiting);
        self.settle();
        was_waiting
    }

    fn reply(&mut self, reply: &Reply) -> bool {
        self.answer(Ok(reply.to_http()))
    }

    fn fail(&mut self, fault: Fault) -> bool {
        let cause = "as the script says";
        self.answer(Err(match fault {
            Fault::Connect => HttpError::connect(cause),
            Fault::Timeout => HttpError::timeout(cause),
            Fault::Transport => HttpError::transport(cause),
        }))
    }

    fn advance(&mut self, duration: Duration) {
        let end = self.clock.now() + duration;
        while let Some(deadline) = self.clock.next_deadline().filter(|next| *next <= end) {
            self.clock.advance_to(deadline);
            self.settle();
        }
        self.clock.advance_to(end);
        self.settle();
    }

    fn suspend(&mut self, duration: Duration) {
        self.clock.suspend(duration);
        self.settle();
    }

    fn step_wall(&mut self, seconds: i64) {
        self.clock.step_wall(seconds);
        self.settle();
    }

    fn reject(&mut self, secret: &str) -> bool {
        if !self.handed_out.contains_key(secret) {
            self.ready();
        }
        let Some(token) = self.handed_out.get(secret) else {
            return false;
        };
        self.source.reject(token);
        self.settle();
        true
    }

    fn requests(&self) -> u64 {
        self.client.sent()
    }

    fn in_flight(&self) -> u64 {
        self.client.in_flight()
    }

    fn waiting(&self) -> Vec<String> {
        let waiting = self.callers.iter().filter(|caller| caller.task.is_some());
        let mut names: Vec<_> = waiting.map(|caller| caller.name.clone()).collect();
        names.sort();
        names
    }

    fn result(&self, caller: &str) -> Option<String> {
        let caller = self.callers.iter().find(|known| known.name == caller)?;
        caller.outcome.as_ref().map(describe)
    }

    fn ready(&mut self) -> Option<String> {
        let token = self.source.ready();
        self.settle();
        let token = token?;
        let secret = token.secret().to_owned();
        self.handed_out.insert(secret.clone(), token);
        Some(secret)
    }
}

impl fmt::Debug for VirtualWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualWorld")
            .field("clock", &self.clock)
            .field("client", &self.client)
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl Caller {
    /// Gives whether there was anything to do.
    fn poll(&mut self, handed_out: &mut HashMap<String, AccessToken>) -> bool {
        let Some(polled) = self.task.as_mut().and_then(Task::poll_if_woken) else {
            return false;
        };
        if let Poll::Ready(outcome) = polled {
            if let Ok(token) = &outcome {
                handed_out.insert(token.secret().to_owned(), token.clone());
            }
            self.outcome = Some(outcome);
            self.task = None;
        }
        true
    }
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Ok(token) => format!("token {}", token.secret()),
        Err(error) => {
            let kind = error.kind();
            match error.oauth_error().filter(|_| kind == ErrorKind::Refused) {
                Some(oauth) => format!("error {} {}", kind.as_str(), oauth.code().as_str()),
                None => format!("error {}", kind.as_str()),
            }
        }
    }
}
