//! Like curl with OAuth: see `cargo run --bin oauth-call -- --help` and the README beside this program.

mod arguments;
mod backend;
mod failure;
mod granted;
mod load;
mod report;
mod source;
mod tls;
mod told;

use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Uri};
use oauth_core::TokenSource;

use arguments::{Arguments, Call, Token};
use failure::{Failure, advice, said};
use granted::Granted;
use load::{Plan, run};
use report::{Report, granted};
use told::Context;

const SOME_NOT_WELL: u8 = 1;
const WRONG_USE: u8 = 2;
const NO_TOKEN: u8 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::read() {
        Arguments::Token(token) => print_token(&token).await,
        Arguments::Call(call) => make_calls(&call).await,
    };
    match outcome {
        Ok(code) => code,
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(WRONG_USE)
        }
        Err(Failure::Token(error)) => {
            eprintln!(
                "error: there is no token: {}\n  try: {}",
                said(&error),
                advice(&error)
            );
            ExitCode::from(NO_TOKEN)
        }
    }
}

async fn print_token(arguments: &Token) -> Result<ExitCode, Failure> {
    let http_client = arguments.client.http_client(&Arc::default())?;
    let source = arguments.client.source(http_client, &Granted::default())?;
    let token = source.token().await?;
    let mut shown = granted(&token);
    if arguments.show_token {
        shown["token"] = token.secret().into();
    }
    if arguments.json {
        print_line(&shown.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for (name, value) in shown.as_object().into_iter().flatten() {
        let value = match value {
            serde_json::Value::Null => "not said".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        text += &format!("{name}: {value}\n");
    }
    print_line(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

async fn make_calls(arguments: &Call) -> Result<ExitCode, Failure> {
    let plan = plan(arguments)?;
    let origins: Vec<_> = plan.uris.iter().map(origin).collect();
    let token_requests = Arc::new(AtomicU64::new(0));
    let granted = Granted::default();
    let http_client = arguments.client.http_client(&token_requests)?;
    let source = arguments.client.source(http_client, &granted)?;
    let api = arguments.client.api(source.clone(), &origins)?;
    // Without any, no call could be made.
    match source.token().await {
        Ok(token) => granted.note(&token),
        Err(error) => {
            if arguments.json {
                let report = Report::without_token(error.kind().as_str());
                let count = token_requests.load(Ordering::Relaxed);
                print_line(&report.to_json(count, None).to_string());
            }
            return Err(error.into());
        }
    }

    let mut interrupted = Box::pin(async {
        if tokio::signal::ctrl_c().await.is_err() {
            // There is no such signal to wait for.
            std::future::pending::<()>().await;
        }
    });
    // From here on it is listened for.
    let _ = futures_util::poll!(&mut interrupted);
    let is_each_wanted = plan.is_each_wanted;
    let names_url = plan.uris.len() > 1;
    let outcome = run(plan, api, interrupted).await;
    let token_requests = token_requests.load(Ordering::Relaxed);
    let tokens = granted.all();
    let context = Context {
        tokens: &tokens,
        has_dpop: arguments.client.dpop,
        names_url,
    };
    if arguments.json {
        // The one in hand, or what was granted last if it is used up or rejected.
        let token = source.ready().or_else(|| tokens.last().cloned());
        let report = outcome.report.to_json(token_requests, token.as_ref());
        print_line(&report.to_string());
    } else if !is_each_wanted {
        print_line(&outcome.report.to_text(token_requests));
    }
    for called in outcome.told.values() {
        if let Some(text) = called.told(&context) {
            eprintln!("{text}");
        }
        if let Ok(answer) = &called.result
            && is_each_wanted
            && !arguments.json
        {
            print_body(answer.response.body());
        }
    }
    Ok(if outcome.report.is_all_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(SOME_NOT_WELL)
    })
}

fn plan(arguments: &Call) -> Result<Plan, Failure> {
    let mut uris = Vec::new();
    for url in &arguments.urls {
        let uri: Uri = url
            .parse()
            .map_err(|cause| Failure::usage(format!("`{url}` is no URL: {cause}")))?;
        if uri.scheme().is_none() || uri.authority().is_none() {
            let hint = match url.as_str() {
                "token" => "; `oauth-call token` is followed by the options",
                _ => "",
            };
            return Err(Failure::usage(format!(
                "`{url}` is no URL like https://api.example.com/{hint}"
            )));
        }
        uris.push(uri);
    }
    let requests = match (arguments.requests, arguments.duration) {
        (None, None) => Some(uris.len() as u64),
        (requests, _) => requests,
    };
    let body = match arguments.data.as_deref() {
        None => Vec::new(),
        Some(data) => match data.strip_prefix('@') {
            None => data.as_bytes().to_vec(),
            Some(file) => std::fs::read(file)
                .map_err(|cause| Failure::usage(format!("{file} cannot be read: {cause}")))?,
        },
    };
    Ok(Plan {
        method: arguments.method.clone().unwrap_or(match arguments.data {
            Some(_) => Method::POST,
            None => Method::GET,
        }),
        uris,
        headers: arguments.headers()?,
        body: body.into(),
        requests,
        concurrency: arguments.concurrency,
        duration: arguments.duration.map(Duration::from_secs),
        is_each_wanted: arguments.duration.is_none()
            && arguments.requests.is_none_or(|requests| requests == 1),
    })
}

fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}")
}

/// As it came, so that it can be kept in a file; a line that is not ended would spoil the prompt of a terminal.
fn print_body(body: &[u8]) {
    let mut out = stdout().lock();
    // Whoever reads along may have gone.
    let _ = out.write_all(body);
    if out.is_terminal() && !body.is_empty() && !body.ends_with(b"\n") {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

fn print_line(text: &str) {
    // Whoever reads along may have gone.
    let _ = writeln!(stdout().lock(), "{text}");
}
