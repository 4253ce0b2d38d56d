//! The program `fake-token-server`.
//!
#![doc = include_str!("../../FAKE-TOKEN-SERVER.md")]

mod admin;
mod client_form;
mod clock;
mod config;
mod fault_form;
mod gates;
mod options;
mod reply_form;
mod request_form;
mod request_log;
mod script;

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use clap::Parser;

use admin::{Admin, AdminApi};
use clock::MovableClock;
use config::Config;
use options::Options;
use request_log::RequestLog;

use crate::runtime::start_thread;
use crate::server::LogLimit;

/// How long an answer that is being sent may hold up the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// It may run for as long as a machine does, and nobody may ever read what it has seen.
const LOG_LIMIT: LogLimit = LogLimit {
    requests: 10_000,
    body_bytes: 64 * 1024 * 1024,
};

/// Runs the program with the arguments of this process: what the binary does.
#[must_use]
pub fn run() -> ExitCode {
    let options = Options::parse();
    let outcome = match options.setup() {
        Ok(config) => serve(&options, config),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("fake-token-server: {problem}");
            ExitCode::from(2)
        }
    }
}

fn serve(options: &Options, config: Config) -> Result<(), String> {
    let (stop, stopped) = channel();
    let clock = MovableClock::new(!config.clock_stands);
    let mut builder = config.builder()?.clock(clock.clone()).log_limit(LOG_LIMIT);
    if !options.quiet {
        builder = builder.witness(Arc::new(RequestLog::to_stderr()));
    }
    let port = config.admin_port.unwrap_or_default();
    let server = builder.start().map_err(|cause| cause.to_string())?;
    let admin = Admin::new(server, clock, config.host.clone(), port, stop.clone());
    let admin = admin.map_err(|cause| format!("the admin API: {cause}"))?;
    admin.script(config.replies)?;
    let api = AdminApi::start(admin).map_err(|cause| cause.to_string())?;
    watch_for_the_end(options, &stop).map_err(|cause| cause.to_string())?;
    announce(options, &api);
    // Only the last sender going away could fail it, and one is here.
    let _ = stopped.recv();
    finish(api);
    Ok(())
}

fn watch_for_the_end(options: &Options, stop: &Sender<()>) -> io::Result<()> {
    let by_signal = stop.clone();
    ctrlc::set_handler(move || {
        let _ = by_signal.send(());
    })
    .map_err(io::Error::other)?;
    if options.until_stdin_ends {
        let by_stdin = stop.clone();
        // The end of the process ends it.
        drop(start_thread("stdin", move || {
            let mut piece = [0; 1024];
            while matches!(io::stdin().read(&mut piece), Ok(read) if read > 0) {}
            let _ = by_stdin.send(());
        })?);
    }
    Ok(())
}

fn announce(options: &Options, api: &AdminApi) {
    let urls = api.urls();
    let mut text = String::new();
    if options.json {
        text = format!("{urls}\n");
    } else if let Some(urls) = urls.as_object() {
        for (name, url) in urls {
            let url = url.as_str().unwrap_or("none");
            text += &format!("{:<19} {url}\n", name.replace('_', " "));
        }
    }
    // Whoever started it may not care.
    let mut stdout = io::stdout();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// What is being answered is answered, what is held back is not.
fn finish(api: AdminApi) {
    let (done, finished) = channel();
    let finishing = start_thread("finish", move || {
        api.finish();
        let _ = done.send(());
    });
    if finishing.is_ok() {
        let _ = finished.recv_timeout(LAST_ANSWERS);
    }
}
