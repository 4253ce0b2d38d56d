//! A fleet of processes that share one token through Redis or Valkey, against a fake token server on this machine:
//!
//! ```sh
//! cargo run --release --bin fleet -- --processes 16 --seconds 60
//! cargo run --release --bin fleet -- --processes 16 --seconds 60 --no-store
//! cargo run --release --bin fleet -- --processes 16 --seconds 60 --kill-every 7
//! cargo run --release --bin fleet -- --processes 16 --seconds 60 --stop-redis-for 20
//! ```
//!
//! Each process calls a protected API fifty times a second with a token that lives for five seconds.

mod fleet;
mod redis_server;
mod report;
mod settings;
mod worker;

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use settings::Settings;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fleet stopped: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    if env::var_os(worker::IS_WORKER).is_some() {
        return worker::run().await;
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some(settings) = Settings::parse(&arguments)? else {
        print!("{}", settings::HELP);
        return Ok(());
    };
    let report = fleet::run(&settings).await?;
    if settings.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}
