//! A real server for one test.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod steps;

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use oauth_core::{Clock as _, Instant, SystemClock};
use oauth_redis::redis::{self, Client, FromRedisValue};
use oauth_redis::{RedisStore, RedisStoreBuilder};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What the crate says is enough.
pub(crate) const RIGHTS: &str = "~oauth:* &oauth:* +evalsha +script|load +hget +hset +del +pexpire +pttl \
                                 +get +set +time +publish +psubscribe";

pub(crate) struct Server {
    child: Option<Child>,
    port: u16,
    directory: TempDir,
    tls: Option<Vec<u8>>,
    /// When what it keeps was made older last.
    aged_at: Mutex<Instant>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    pub(crate) fn start_with(settings: &str) -> Self {
        Self::launch(settings, None)
    }

    /// Only TLS, and nobody but the user `oauth` with the password `pa55word`, who may do what is needed.
    pub(crate) fn start_with_tls_and_acl() -> Self {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
        let settings = format!("user default off\nuser oauth on >pa55word {RIGHTS}\n");
        Self::launch(&settings, Some((certificate, key)))
    }

    fn launch(settings: &str, tls: Option<(String, String)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let mut settings = settings.to_owned() + "\n";
        if let Some((certificate, key)) = &tls {
            fs::write(path("certificate.pem"), certificate).unwrap();
            fs::write(path("key.pem"), key).unwrap();
            settings += &format!(
                "tls-cert-file {}\ntls-key-file {}\ntls-auth-clients no\n",
                path("certificate.pem").display(),
                path("key.pem").display()
            );
        }
        fs::write(path("settings"), settings).unwrap();
        let mut server = Self {
            child: None,
            port: 0,
            directory,
            tls: tls.map(|(certificate, _)| certificate.into_bytes()),
            aged_at: Mutex::new(SystemClock::new().now()),
        };
        // Somebody else may take the port before the server does.
        for _ in 0..20 {
            server.port = free_port();
            if server.try_resurrect() {
                return server;
            }
        }
        panic!("no server has started");
    }

    /// Starts it anew, at the port where it was, with nothing in it.
    pub(crate) fn restart(&mut self) {
        assert!(self.try_resurrect(), "it has not started again");
    }

    fn try_resurrect(&mut self) -> bool {
        self.stop();
        let port = self.port.to_string();
        let (plain, tls) = match self.tls {
            Some(_) => ("0", port.as_str()),
            None => (port.as_str(), "0"),
        };
        let mut command = Command::new(program());
        command
            .arg(self.directory.path().join("settings"))
            .args(["--bind", "127.0.0.1", "--port", plain])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(self.directory.path());
        if self.tls.is_some() {
            command.args(["--tls-port", tls]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        self.child = Some(child);
        // It says so, or ends.
        let is_ready = |line: &String| line.contains("Ready to accept connections");
        output
            .lines()
            .map_while(Result::ok)
            .any(|line| is_ready(&line))
    }

    /// Kills it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// It hangs until it is resumed, with all its connections open.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.as_ref().unwrap().id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn store(&self) -> RedisStore {
        RedisStore::open(self.url()).unwrap()
    }

    pub(crate) fn builder(&self) -> RedisStoreBuilder {
        RedisStore::builder(Client::open(self.url()).unwrap())
    }

    /// With the certificate that it trusts, as this user.
    #[cfg(feature = "rustls")]
    pub(crate) fn tls_builder(&self, user: &str) -> RedisStoreBuilder {
        let url = format!("rediss://{user}@localhost:{}", self.port);
        let certificates = redis::TlsCertificates {
            client_tls: None,
            root_cert: self.tls.clone(),
        };
        RedisStore::builder(Client::build_with_tls(url, certificates).unwrap())
    }

    /// What it keeps has so much less time left, as if that had passed since the last time. What has passed in fact is
    /// part of it.
    pub(crate) fn age(&self, duration: Duration) {
        let now = SystemClock::new().now();
        let last = std::mem::replace(&mut *self.aged_at.lock().unwrap(), now);
        let duration = duration.saturating_sub(now.saturating_duration_since(last));
        let script = "for _, key in ipairs(redis.call('KEYS', '*')) do
                          local left = redis.call('PTTL', key)
                          if left >= 0 then
                              redis.call('PEXPIRE', key, left - ARGV[1])
                          end
                      end";
        let _: () = self.ask(&["EVAL", script, "0", &duration.as_millis().to_string()]);
    }

    /// What the server answers to a command.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut connection = Client::open(self.url()).unwrap().get_connection().unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query(&mut connection).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn program() -> PathBuf {
    let path = env::var_os("PATH").unwrap();
    let found = ["valkey-server", "redis-server"]
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |directory| directory.join(name)))
        .find(|program| program.is_file());
    found.expect("neither valkey-server nor redis-server is there; `cargo xtask test` installs one")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
