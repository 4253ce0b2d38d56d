//! The command line.

use std::time::Duration;

use anyhow::{Context, Result, bail};

pub(crate) const HELP: &str = "\
A fleet of processes with one token between them.

Usage: fleet [OPTIONS]

Options:
  --processes N           How many there are (16)
  --seconds S             For how long (60)
  --lifetime S            How long a token lives, in seconds (5)
  --token-delay-ms MS     How long a token request takes (200)
  --lease-ms MS           How long a process has the right to make it (1000)
  --store-timeout-ms MS   How long a process waits for the store (500)
  --no-store              Each fetches for itself
  --notifications         Those who wait for a token are told when it is there
  --kill-every S          Kills the process that makes a token request, and starts another
  --stop-redis-for S      Stops the server a third of the way in
  --json                  The figures as JSON
  --help                  This text
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) processes: usize,
    pub(crate) run: Duration,
    pub(crate) lifetime: Duration,
    pub(crate) token_delay: Duration,
    pub(crate) lease: Duration,
    pub(crate) store_timeout: Duration,
    pub(crate) store: bool,
    pub(crate) notifications: bool,
    pub(crate) kill_every: Option<Duration>,
    pub(crate) stop_redis_for: Option<Duration>,
    pub(crate) json: bool,
}

impl Settings {
    /// `None`: the help is wanted.
    pub(crate) fn parse(arguments: &[String]) -> Result<Option<Self>> {
        let mut settings = Self {
            processes: 16,
            run: Duration::from_secs(60),
            lifetime: Duration::from_secs(5),
            token_delay: Duration::from_millis(200),
            lease: Duration::from_millis(1000),
            store_timeout: Duration::from_millis(500),
            store: true,
            notifications: false,
            kill_every: None,
            stop_redis_for: None,
            json: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<u64> {
                let text = arguments.next();
                let text = text.with_context(|| format!("{argument} needs a number"))?;
                text.parse()
                    .with_context(|| format!("{argument} needs a number, not `{text}`"))
            };
            match argument.as_str() {
                "--processes" => settings.processes = usize::try_from(number()?)?,
                "--seconds" => settings.run = Duration::from_secs(number()?),
                "--lifetime" => settings.lifetime = Duration::from_secs(number()?),
                "--token-delay-ms" => settings.token_delay = Duration::from_millis(number()?),
                "--lease-ms" => settings.lease = Duration::from_millis(number()?),
                "--store-timeout-ms" => settings.store_timeout = Duration::from_millis(number()?),
                "--no-store" => settings.store = false,
                "--notifications" => settings.notifications = true,
                "--kill-every" => settings.kill_every = Some(Duration::from_secs(number()?)),
                "--stop-redis-for" => {
                    settings.stop_redis_for = Some(Duration::from_secs(number()?));
                }
                "--json" => settings.json = true,
                "--help" | "-h" => return Ok(None),
                unknown => bail!("there is no option `{unknown}`\n\n{HELP}"),
            }
        }
        if settings.processes == 0 || settings.run.is_zero() || settings.lifetime.is_zero() {
            bail!("a fleet needs processes, time, and tokens that live");
        }
        if settings.kill_every.is_some_and(|pause| pause.is_zero()) {
            bail!("--kill-every needs a second at least");
        }
        Ok(Some(settings))
    }
}
