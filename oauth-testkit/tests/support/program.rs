//! The program, run as a child of the test that does not outlive it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary uses its own part"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::support::{BASIC, Client, Response, form as form_request};

pub struct Program {
    pub child: Child,
    pub urls: Value,
    /// The program ends with it, also if this process dies.
    stdin: Option<ChildStdin>,
    stderr: Option<ChildStderr>,
}

impl Program {
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .args(["--json", "--until-stdin-ends"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("a pipe");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("a line of URLs");
        let mut program = Self {
            urls: Value::Null,
            stdin: child.stdin.take(),
            stderr: child.stderr.take(),
            child,
        };
        program.urls = match serde_json::from_str(&line) {
            Ok(urls) => urls,
            Err(_) => panic!("no URLs but {line:?}; {}", program.log_to_the_end()),
        };
        program
    }

    pub fn url(&self, name: &str) -> String {
        self.urls[name].as_str().expect("a URL").to_owned()
    }

    /// One request to the admin API, with a JSON body if there is one.
    pub fn admin(&self, method: &str, target: &str, body: Option<&Value>) -> Response {
        let body = body.map(Value::to_string);
        let head = match body {
            Some(_) => "Content-Type: application/json\r\n",
            None => "",
        };
        self.admin_raw(method, target, head, &body.unwrap_or_default())
    }

    /// As [`admin`](Self::admin), with these header lines and this body.
    pub fn admin_raw(&self, method: &str, target: &str, head: &str, body: &str) -> Response {
        let mut client = Client::to(&self.url("admin_url"));
        client.exchange(request(method, target, head, body))
    }

    /// What is expected to be done.
    pub fn order(&self, method: &str, target: &str, body: Value) -> Value {
        let response = self.admin(method, target, Some(&body));
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(response.status < 300, "{method} {target}: {text}");
        if text.is_empty() {
            Value::Null
        } else {
            response.json()
        }
    }

    /// One token request, right unless `form` is wrong.
    pub fn token_request(&self, form: &str) -> Response {
        let mut client = Client::to(&self.url("token_url"));
        client.exchange(form_request(BASIC, form))
    }

    /// Waits for its end, which something else has brought about.
    pub fn end(mut self) -> (ExitStatus, String) {
        let log = self.log_to_the_end();
        (self.child.wait().expect("a status"), log)
    }

    pub fn close_stdin(&mut self) {
        drop(self.stdin.take());
    }

    fn log_to_the_end(&mut self) -> String {
        let mut log = String::new();
        let stderr = self.stderr.as_mut().expect("a pipe");
        stderr.read_to_string(&mut log).expect("a log");
        log
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.close_stdin();
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `head` is whole lines.
pub fn request(method: &str, target: &str, head: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: {length}\r\n\r\n{body}"
    )
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-token-server"));
    command.args(arguments);
    command
}
