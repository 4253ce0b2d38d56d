//! The other libraries of the field, measured in one process with ours, against our fake server: `cargo xtask bench
//! --peers`. Each is used as its documentation shows.

mod hits;
mod peer;
mod peers;
mod stress;
mod throughput;
mod versions;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use oauth_bench_kit::fixtures::ONE_KILOBYTE;
use oauth_bench_kit::report::Section;
use oauth_testkit::{FakeTokenServer, Reply};
use tokio::runtime::Runtime;

use crate::hits::Hits;
use crate::peer::{Peer, Setup};
use crate::stress::Stress;

/// Measures the other libraries of the field beside ours.
#[derive(Debug, Parser)]
pub struct Settings {
    /// Measures little, to see that everything works.
    #[arg(long)]
    pub quick: bool,

    /// Only libraries in whose name this is, or one of several that commas part.
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,

    /// The file that the sections of the report are written to.
    #[arg(long, value_name = "FILE", default_value = "peers.json")]
    pub out: PathBuf,
}

impl Settings {
    /// One of two numbers: the one for a run that counts, or the one for a quick run.
    pub fn either<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// A library, without its type.
pub struct Entry {
    pub name: &'static str,
    pub package: Option<&'static str>,
    pub hit: &'static str,
    pub hits: fn(&Runtime, &Setup) -> Result<Hits>,
    pub stress: fn(&Runtime, &Settings) -> Result<Stress>,
    pub call: fn(&Runtime, &Setup) -> Result<throughput::Header>,
    pub reply: fn() -> Reply,
}

fn entry<P: Peer>() -> Entry {
    Entry {
        name: P::NAME,
        package: P::PACKAGE,
        hit: P::HIT,
        hits: Hits::of::<P>,
        stress: Stress::of::<P>,
        call: throughput::header::<P>,
        reply: || long(P::reply(None)),
    }
}

fn main() -> Result<()> {
    let settings = Settings::parse();
    let entries: Vec<Entry> = [
        entry::<peers::Ours>(),
        entry::<peers::Huskarl>(),
        entry::<peers::Middle>(),
        entry::<peers::Aliri>(),
        entry::<peers::CfGears>(),
        entry::<peers::YupOauth2>(),
        entry::<peers::GoogleCloudAuth>(),
        entry::<peers::AzureIdentity>(),
        entry::<peers::Aws>(),
        entry::<peers::ObjectStore>(),
        entry::<peers::Oauth2Mutex>(),
        entry::<peers::PythonClass>(),
    ]
    .into_iter()
    .filter(|entry| {
        let only = settings.only.as_deref();
        only.is_none_or(|only| only.split(',').any(|part| entry.name.contains(part)))
    })
    .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let sections: Vec<Section> = vec![
        hits::section(&entries, &runtime, &settings)?,
        stress::section(&entries, &runtime, &settings)?,
        throughput::section(&entries, &runtime, &settings)?,
    ];
    let text = serde_json::to_string_pretty(&sections)?;
    fs::write(&settings.out, text)
        .with_context(|| format!("{} cannot be written", settings.out.display()))
}

/// With a token of 1 KB, where the answer is a usual one.
fn long(reply: Reply) -> Reply {
    let is_usual = format!("{reply:?}").contains("\"token\"");
    if is_usual {
        reply.field("access_token", "t".repeat(ONE_KILOBYTE))
    } else {
        reply
    }
}

/// A client of the server.
pub fn setup(server: &FakeTokenServer, short: bool) -> Setup {
    Setup {
        token_url: server.token_url(),
        client_id: FakeTokenServer::CLIENT_ID,
        client_secret: FakeTokenServer::CLIENT_SECRET,
        short,
    }
}
