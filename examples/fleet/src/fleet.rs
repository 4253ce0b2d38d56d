//! The servers, the processes, and what is done to them.

use std::collections::HashMap;
use std::env;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use oauth_testkit::{FakeTokenServer, Reply};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use crate::redis_server::RedisServer;
use crate::report::{Report, Told};
use crate::settings::Settings;
use crate::worker::{
    API_URL, IS_WORKER, LEASE_MS, Line, NOTIFICATIONS, REDIS_URL, STORE_KEY, STORE_TIMEOUT_MS,
    TOKEN_URL,
};

/// For the processes to end when they are told to.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn run(settings: &Settings) -> Result<Report> {
    let token_server = FakeTokenServer::builder()
        .token_lifetime(settings.lifetime)
        .start()?;
    token_server.always_token_reply(Reply::token().after(settings.token_delay));
    let redis = match settings.store {
        true => Some(RedisServer::start().await?),
        false => None,
    };
    let mut fleet = Fleet::start(settings, token_server, redis)?;
    fleet.watch().await?;
    fleet.end().await
}

struct Fleet<'a> {
    settings: &'a Settings,
    token_server: FakeTokenServer,
    redis: Option<RedisServer>,
    /// By number.
    processes: HashMap<usize, Child>,
    started: usize,
    killed: usize,
    told: Told,
    requests_by_second: Vec<usize>,
    sender: UnboundedSender<(usize, Event)>,
    events: UnboundedReceiver<(usize, Event)>,
}

enum Event {
    Line(Line),
    End,
}

impl<'a> Fleet<'a> {
    fn start(
        settings: &'a Settings,
        token_server: FakeTokenServer,
        redis: Option<RedisServer>,
    ) -> Result<Self> {
        let (sender, events) = unbounded_channel();
        let mut fleet = Self {
            settings,
            token_server,
            redis,
            processes: HashMap::new(),
            started: 0,
            killed: 0,
            told: Told::default(),
            requests_by_second: Vec::new(),
            sender,
            events,
        };
        for _ in 0..settings.processes {
            fleet.add_process()?;
        }
        Ok(fleet)
    }

    fn add_process(&mut self) -> Result<()> {
        let number = self.started;
        self.started += 1;
        let mut command = Command::new(env::current_exe()?);
        command
            .env(IS_WORKER, "1")
            .env(TOKEN_URL, self.token_server.token_url())
            .env(API_URL, self.token_server.api_url())
            // A program keeps its key elsewhere.
            .env(STORE_KEY, "a0".repeat(32))
            .env(LEASE_MS, self.settings.lease.as_millis().to_string())
            .env(
                STORE_TIMEOUT_MS,
                self.settings.store_timeout.as_millis().to_string(),
            );
        if let Some(redis) = &self.redis {
            command.env(REDIS_URL, redis.url());
        }
        if self.settings.notifications {
            command.env(NOTIFICATIONS, "1");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("a process without output")?;
        self.processes.insert(number, child);
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                // What a process was saying when it was killed is no line.
                if let Ok(line) = serde_json::from_str(&line) {
                    let _ = sender.send((number, Event::Line(line)));
                }
            }
            let _ = sender.send((number, Event::End));
        });
        Ok(())
    }

    /// For as long as the run takes.
    async fn watch(&mut self) -> Result<()> {
        let begin = now();
        let run = self.settings.run;
        let second = Duration::from_secs(1);
        let mut seconds = interval_at(begin + second, second);
        let pause = self.settings.kill_every.unwrap_or(run * 2);
        let mut kills = interval_at(begin + pause, pause);
        let mut kill_next = false;
        let stop_for = self.settings.stop_redis_for;
        let stop_at = begin + stop_for.map_or(run * 2, |_| run / 3);
        let resume_at = stop_at + stop_for.unwrap_or_default();
        let (mut is_stopped, mut is_resumed) = (false, false);
        loop {
            tokio::select! {
                () = sleep_until(begin + run) => return Ok(()),
                _ = seconds.tick() => self.count(),
                _ = kills.tick() => kill_next = true,
                () = sleep_until(stop_at), if !is_stopped => {
                    is_stopped = true;
                    if let Some(redis) = &mut self.redis {
                        redis.stop().await?;
                    }
                }
                () = sleep_until(resume_at), if is_stopped && !is_resumed => {
                    is_resumed = true;
                    if let Some(redis) = &mut self.redis {
                        redis.resume().await?;
                    }
                }
                Some((number, event)) = self.events.recv() => {
                    let has_lease = matches!(event, Event::Line(Line::Leased));
                    ensure!(!matches!(event, Event::End), "process {number} has ended by itself");
                    self.note(event);
                    if has_lease && std::mem::take(&mut kill_next) {
                        self.kill(number).await?;
                        self.add_process()?;
                    }
                }
            }
        }
    }

    /// As `kill -9` does, in the middle of its token request.
    async fn kill(&mut self, number: usize) -> Result<()> {
        sleep_until(now() + self.settings.token_delay / 2).await;
        let child = self.processes.remove(&number);
        child.context("no such process")?.kill().await?;
        self.killed += 1;
        // What it said before it was killed counts.
        let mut others = Vec::new();
        while let Some((of, event)) = self.events.recv().await {
            match event {
                Event::End if of == number => break,
                event if of == number => self.note(event),
                event => others.push((of, event)),
            }
        }
        for other in others {
            let _ = self.sender.send(other);
        }
        Ok(())
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Line(Line::Done(tally)) => self.told.add(tally),
            Event::Line(Line::Failure(failure)) => self.told.failures.push(failure),
            Event::Line(Line::Leased) | Event::End => {}
        }
    }

    fn count(&mut self) {
        let before: usize = self.requests_by_second.iter().sum();
        let requests = self.token_server.token_request_count();
        self.requests_by_second.push(requests - before);
    }

    async fn end(mut self) -> Result<Report> {
        self.count();
        let token_requests = self.token_server.token_request_count();
        for child in self.processes.values_mut() {
            drop(child.stdin.take());
        }
        let mut left = self.processes.len();
        while left > 0 {
            let event = timeout(PATIENCE, self.events.recv()).await;
            match event.context("a process does not end")? {
                Some((_, Event::End)) => left -= 1,
                Some((_, event)) => self.note(event),
                None => break,
            }
        }
        let (first_token, token) = self.told.latencies();
        Ok(Report {
            processes: self.settings.processes,
            seconds: self.settings.run.as_secs(),
            lifetime_seconds: self.settings.lifetime.as_secs(),
            store: self.settings.store,
            token_requests,
            token_requests_by_second: self.requests_by_second,
            most_token_requests_at_once: self.token_server.max_concurrent_token_requests(),
            api_calls: self.told.api_calls,
            failures: self.told.failures,
            store_failures: self.told.store_failures,
            killed: self.killed,
            first_token,
            token,
        })
    }
}

fn now() -> Instant {
    Instant::now()
}
