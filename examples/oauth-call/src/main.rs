//! Like curl with OAuth: see `cargo run --bin oauth-call -- --help` and the README beside this program.

mod arguments;
mod backend;
mod failure;
mod load;
mod report;
mod source;

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Uri};
use oauth_core::TokenSource;

use arguments::{Arguments, Call, Token};
use backend::CallError;
use failure::{Failure, advice};
use load::{Outcome, Plan, run};
use report::{Report, granted};

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
                "error: there is no token: {error:#}\n  try: {}",
                advice(&error)
            );
            ExitCode::from(NO_TOKEN)
        }
    }
}

async fn print_token(arguments: &Token) -> Result<ExitCode, Failure> {
    let http_client = arguments.client.http_client(&Arc::default())?;
    let source = arguments.client.source(http_client)?;
    let token = source.token().await?;
    let mut shown = granted(&token);
    if arguments.show_token {
        shown["token"] = token.secret().into();
    }
    if arguments.json {
        print(shown.to_string().as_bytes());
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
    print(text.trim_end().as_bytes());
    Ok(ExitCode::SUCCESS)
}

async fn make_calls(arguments: &Call) -> Result<ExitCode, Failure> {
    let plan = plan(arguments)?;
    let origins: Vec<_> = plan.uris.iter().map(origin).collect();
    let token_requests = Arc::new(AtomicU64::new(0));
    let http_client = arguments.client.http_client(&token_requests)?;
    let source = arguments.client.source(http_client)?;
    let api = arguments.client.api(source.clone(), &origins)?;
    // Without any, no call could be made.
    if let Err(error) = source.token().await {
        if arguments.json {
            print(
                Report::without_token(error.kind().as_str())
                    .to_string()
                    .as_bytes(),
            );
        }
        return Err(error.into());
    }

    let mut interrupted = Box::pin(async {
        if tokio::signal::ctrl_c().await.is_err() {
            // There is no such signal to wait for.
            std::future::pending::<()>().await;
        }
    });
    // From here on it is listened for.
    let _ = futures_util::poll!(&mut interrupted);
    let is_single = plan.duration.is_none() && plan.requests == 1;
    let outcome = run(plan, api, interrupted).await;
    let token_requests = token_requests.load(Ordering::Relaxed);
    if arguments.json {
        let token = source.ready();
        let report = outcome.report.to_json(token_requests, token.as_ref());
        print(report.to_string().as_bytes());
    } else if is_single {
        print_answer(&outcome);
    } else {
        print(outcome.report.to_text(token_requests).as_bytes());
    }
    if let Some(error) = &outcome.error {
        eprintln!("error: {}", describe(error));
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
            return Err(Failure::usage(format!(
                "`{url}` is no URL like https://api.example.com/"
            )));
        }
        uris.push(uri);
    }
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
        requests: arguments.requests,
        concurrency: arguments.concurrency,
        duration: arguments.duration.map(Duration::from_secs),
    })
}

fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}")
}

fn print_answer(outcome: &Outcome) {
    let Some(answer) = &outcome.last else {
        return;
    };
    let status = answer.response.status();
    if !status.is_success() {
        eprintln!("{status}");
    }
    print(answer.response.body());
}

fn describe(error: &CallError) -> String {
    match error {
        CallError::Token(error) => format!("{error:#}\n  try: {}", advice(error)),
        CallError::Http(kind, message) => format!("{kind}: {message}"),
    }
}

/// Whoever reads along may have gone.
fn print(bytes: &[u8]) {
    let mut out = stdout().lock();
    let _ = out.write_all(bytes);
    let _ = out.write_all(b"\n");
}
