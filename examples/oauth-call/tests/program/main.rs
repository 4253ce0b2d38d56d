//! The program, run for real, with both libraries, against a server that verifies and misbehaves.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod authentication;
mod calls;
mod refusals;
mod report;
#[cfg(target_os = "linux")]
mod terminal;
mod tls;
mod tokens;
mod usage;

use std::process::{Child, Command, Output, Stdio};

use oauth_testkit::FakeTokenServer;
use serde_json::Value;

const BACKENDS: [&str; 2] = ["reqwest", "isahc"];

/// Differs from itself when it is encoded (RFC 6749 App. B).
const ODD_SECRET: &str = "s3cr%t +/&";

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oauth-call"));
    command
        .args(arguments)
        .env("TEST_SECRET", FakeTokenServer::CLIENT_SECRET)
        .env("WRONG_SECRET", "wr0ng")
        .env("ODD_SECRET", ODD_SECRET)
        .env("RUST_LOG", "trace")
        .stdin(Stdio::null());
    command
}

/// With what any call to the server needs, unless the arguments have credentials of their own. `--issuer` in front has
/// the server discovered.
fn command(server: &FakeTokenServer, backend: &str, arguments: &[&str]) -> Command {
    let (token_url, issuer) = (server.token_url(), server.issuer());
    let mut all = Vec::new();
    let mut rest = arguments;
    if rest.first() == Some(&"token") {
        all.push("token");
        rest = &rest[1..];
    }
    all.extend([
        "--backend",
        backend,
        "--client-id",
        FakeTokenServer::CLIENT_ID,
    ]);
    if rest.first() == Some(&"--issuer") {
        all.extend(["--issuer", &issuer]);
        rest = &rest[1..];
    } else {
        all.extend(["--token-url", &token_url]);
    }
    let has_credentials = |argument: &&str| {
        argument.starts_with("--secret") || ["--key", "--cert", "none"].contains(argument)
    };
    if !rest.iter().any(has_credentials) {
        all.extend(["--secret-env", "TEST_SECRET"]);
    }
    all.extend(rest);
    program(&all)
}

fn run(server: &FakeTokenServer, backend: &str, arguments: &[&str]) -> Output {
    command(server, backend, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim_end()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn start() -> FakeTokenServer {
    FakeTokenServer::start().unwrap()
}

fn spawn(server: &FakeTokenServer, backend: &str, arguments: &[&str]) -> Child {
    let mut command = command(server, backend, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// A folder for the files of one test, gone with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("oauth-call-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
