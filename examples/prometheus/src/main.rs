//! What happens to tokens, as Prometheus sees it. A service lives through the usual and the unusual, against a fake
//! server on this machine:
//!
//! ```sh
//! cargo run -p examples-prometheus                               # prints what a scrape gives, and ends
//! cargo run -p examples-prometheus -- --serve                    # goes on, at http://127.0.0.1:9464/metrics
//! cargo run -p examples-prometheus -- --serve 127.0.0.1:8080
//! ```
//!
//! `dashboard.json` beside it is for Grafana 10 and later: Dashboards, New, Import.
//!
//! What a service needs of this is in [`exporter`]: three lines, and an endpoint of its own HTTP server.

mod endpoint;
mod exporter;
mod story;

use std::env;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oauth_core::{Clock, SystemClock};

const DEFAULT_ADDRESS: &str = "127.0.0.1:9464";
/// Between two rounds of the story, while it is served.
const BREAK: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prometheus stopped: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let address = address_to_serve()?;
    let metrics = exporter::install()?;
    story::play(&metrics).await?;
    let Some(address) = address else {
        print!("{}", exporter::scrape(&metrics));
        return Ok(());
    };
    let endpoint = endpoint::bind(address).await?;
    println!("http://{}/metrics", endpoint.local_addr()?);
    let served = endpoint::serve(endpoint, || exporter::scrape(&metrics));
    let story = async {
        loop {
            SystemClock::new().sleep(BREAK).await;
            story::play(&metrics).await?;
        }
    };
    tokio::select! {
        ended = served => ended,
        failed = story => failed,
    }
}

fn address_to_serve() -> Result<Option<SocketAddr>> {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        None => Ok(None),
        Some("--serve") => {
            let address = arguments.next();
            let address = address.as_deref().unwrap_or(DEFAULT_ADDRESS);
            let parsed = address.parse();
            parsed
                .map(Some)
                .with_context(|| format!("{address} is no address like {DEFAULT_ADDRESS}"))
        }
        Some(other) => bail!("there is no argument {other}; there is --serve [ADDRESS]"),
    }
}
