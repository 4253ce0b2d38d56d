//! Tokens in Redis or Valkey, behind a password.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use oauth_core::{CachedTokenSource, TokenKey, TokenSource, TokenStore};
use oauth_redis::RedisStore;
use oauth_testkit::FakeTokenServer;

use crate::world::{SECRET, World};

const PASSWORD: &str = "r3d1s/p4ssw0rd/of-the-store";
const WRONG_PASSWORD: &str = "wr0ng/p4ssw0rd/of-the-store";

pub(crate) fn redis(world: &World) {
    world.secrets.add(PASSWORD);
    let engine = Engine::start();
    let server = world.server().start().unwrap();
    let client = || world.client(&server).client_secret(SECRET).build().unwrap();
    let key = |name: &str| TokenKey::builder("secrets").field("name", name).build();
    let kept = |password: &str, name: &str| {
        let store = engine.store(password);
        world.say(&store);
        world.kept(
            client(),
            Some((Box::new(store) as Box<dyn TokenStore>, key(name))),
        )
    };
    world.live(&server, &kept(PASSWORD, "live"), SECRET);
    // Two who share a token.
    for _ in 0..2 {
        let source = kept(PASSWORD, "shared");
        let api = world.http_library.api(source, server.api_url(), None);
        assert_eq!(api.call(), Ok(200));
    }
    // It does not let us in, and then it is gone.
    world.secrets.add(WRONG_PASSWORD);
    without_a_store(world, &server, kept(WRONG_PASSWORD, "stranger"));
    let late = kept(PASSWORD, "late");
    drop(engine);
    without_a_store(world, &server, late);
}

fn without_a_store<S: TokenSource + 'static>(
    world: &World,
    server: &FakeTokenServer,
    source: CachedTokenSource<S>,
) {
    let api = world
        .http_library
        .api(source.clone(), server.api_url(), None);
    assert_eq!(api.call(), Ok(200));
    assert!(source.status().store_failures() > 0);
}

/// A server of its own, until it is dropped.
struct Engine {
    child: Child,
    port: u16,
}

impl Engine {
    fn start() -> Self {
        // Somebody else may take the port before the server does.
        (0..20)
            .find_map(|_| Self::try_start())
            .expect("no server has started")
    }

    fn try_start() -> Option<Self> {
        let port = free_port();
        let mut child = Command::new(program())
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--requirepass", PASSWORD])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let engine = Self { child, port };
        // It says so, or ends.
        let is_ready = |line: &String| line.contains("Ready to accept connections");
        let mut lines = output.lines().map_while(Result::ok);
        lines.any(|line| is_ready(&line)).then_some(engine)
    }

    fn store(&self, password: &str) -> RedisStore {
        let password = password.replace('/', "%2F");
        RedisStore::open(format!("redis://:{password}@127.0.0.1:{}", self.port)).unwrap()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn program() -> PathBuf {
    let path = env::var_os("PATH").unwrap();
    let found = ["valkey-server", "redis-server"]
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |directory| directory.join(name)))
        .find(|program| program.is_file());
    found.expect("neither valkey-server nor redis-server is there; `cargo xtask test` installs one")
}
