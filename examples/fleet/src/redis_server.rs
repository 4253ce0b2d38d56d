//! A server of our own, which can be stopped.

use std::net::TcpListener;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

pub(crate) struct RedisServer {
    child: Option<Child>,
    port: u16,
    directory: TempDir,
}

impl RedisServer {
    pub(crate) async fn start() -> Result<Self> {
        let mut server = Self {
            child: None,
            port: 0,
            directory: tempfile::tempdir()?,
        };
        // Somebody else may take the port before the server does.
        for _ in 0..20 {
            server.port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            if server.resume().await.is_ok() {
                return Ok(server);
            }
        }
        server.resume().await?;
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => Ok(child.kill().await?),
            None => Ok(()),
        }
    }

    /// Starts it where it was, with nothing in it.
    pub(crate) async fn resume(&mut self) -> Result<()> {
        self.stop().await?;
        let mut child = self
            .spawn("valkey-server")
            .or_else(|_| self.spawn("redis-server"))
            .context("neither valkey-server nor redis-server can be started")?;
        let output = child.stdout.take().context("it has no output")?;
        self.child = Some(child);
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            if line.contains("Ready to accept connections") {
                return Ok(());
            }
        }
        bail!("the server has ended at once")
    }

    fn spawn(&self, program: &str) -> std::io::Result<Child> {
        let port = self.port.to_string();
        Command::new(program)
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", ""])
            .arg("--dir")
            .arg(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}
