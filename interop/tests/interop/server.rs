//! The authorization server and the API beside it, in a process of their own.

use std::io::{BufRead as _, BufReader, Read, Write as _, pipe};
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::certificates::Certificates;

/// The one that all tests share. Nobody drops it: it ends when this process does, and its end of the pipe closes.
pub(crate) static SERVER: Shared = Shared(OnceLock::new());

/// Starts with the first test that needs it. If it cannot, each test says why.
pub(crate) struct Shared(OnceLock<Server>);

impl Deref for Shared {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.0.get_or_init(Server::start)
    }
}

/// It makes keys and loads its modules first, which takes a second or two.
const READY_WITHIN: Duration = Duration::from_secs(60);

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/server");

/// `server.mjs`, running. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    /// Closed: the server ends. So it does not outlive this process, whatever becomes of that.
    stdin: Option<ChildStdin>,
    pub(crate) certificates: Certificates,
    /// At the root of its origin, without TLS.
    pub(crate) plain: Place,
    /// Below a path, with TLS.
    pub(crate) tls: Place,
    clients: Value,
}

/// Where a server is, and the API that takes its tokens.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) issuer: String,
    pub(crate) api: String,
}

/// What a registered client knows of itself.
pub(crate) struct Registered(Value);

impl Server {
    /// Starts it, and waits until it serves.
    pub(crate) fn start() -> Self {
        assert!(
            Path::new(FOLDER).join("node_modules").is_dir(),
            "the modules of the server are not installed: run `cargo xtask test`, or `npm ci` in interop/server"
        );
        let certificates = Certificates::issue();
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(FOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("`node` could not be started ({error}): install Node.js 18.17 or newer")
            });
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{}", certificates.for_the_server()).unwrap();
        let stdout = child.stdout.take().unwrap();
        let line = first_line(stdout, READY_WITHIN).unwrap_or_else(|| {
            let _ = child.kill();
            panic!(
                "`node server.mjs` has not said within {READY_WITHIN:?} that it serves; \
                 run it in interop/server to see what it waits for"
            )
        });
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("the server wrote {line:?} ({error}), and its errors above; `npm ci` in interop/server may help")
        });
        Self {
            child,
            stdin: Some(stdin),
            certificates,
            plain: Place::of(&ready["plain"]),
            tls: Place::of(&ready["tls"]),
            clients: ready["clients"].clone(),
        }
    }

    /// The client of that name.
    pub(crate) fn client(&self, name: &str) -> Registered {
        let client = &self.clients[name];
        assert!(client.is_object(), "no client is named {name}");
        Registered(client.clone())
    }

    /// What happens when this process ends: nobody kills the server, but its pipe closes. Waits for its end.
    pub(crate) fn abandon(mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Place {
    fn of(ready: &Value) -> Self {
        Self {
            issuer: text(&ready["issuer"]),
            api: text(&ready["api"]),
        }
    }

    pub(crate) fn token_url(&self) -> String {
        format!("{}/token", self.issuer)
    }
}

impl Registered {
    pub(crate) fn id(&self) -> String {
        text(&self.0["id"])
    }

    /// Its private key in PEM, which has no name.
    pub(crate) fn pem(&self) -> String {
        text(&self.0["pem"])
    }

    /// Its private key as a JWK, with `alg` and `kid`.
    pub(crate) fn jwk(&self) -> String {
        text(&self.0["jwk"])
    }

    pub(crate) fn secret(&self) -> String {
        text(&self.0["secret"])
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no string"))
        .to_owned()
}

/// What is read until the first line ends, or the whole; `None` if that takes longer. Whoever writes has to be ended
/// then, or the reader waits on.
#[expect(
    clippy::disallowed_methods,
    reason = "a pipe is read without a limit on time"
)]
fn first_line(from: impl Read + Send + 'static, limit: Duration) -> Option<String> {
    let (sender, read) = channel();
    thread::spawn(move || {
        let mut line = String::new();
        let outcome = BufReader::new(from).read_line(&mut line);
        let _ = sender.send(outcome.map(|_| line));
    });
    let outcome = read.recv_timeout(limit).ok()?;
    Some(outcome.unwrap())
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let (silent, writer) = pipe().unwrap();
    assert_eq!(first_line(silent, Duration::from_millis(50)), None);
    drop(writer);

    let (talking, mut writer) = pipe().unwrap();
    writeln!(writer, "ready").unwrap();
    let line = first_line(talking, READY_WITHIN);
    assert_eq!(line.as_deref(), Some("ready\n"));

    let (ended, _) = pipe().unwrap();
    assert_eq!(first_line(ended, READY_WITHIN).as_deref(), Some(""));
}
