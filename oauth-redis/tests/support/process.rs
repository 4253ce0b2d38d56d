//! Further processes, made of the test program itself.

use std::env;
use std::io::{BufRead as _, BufReader, Lines, Write as _, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Tells a process what to do.
const TASK: &str = "OAUTH_REDIS_TEST_TASK";

/// What this process is to do, if it is one of these.
pub(crate) fn task() -> Option<String> {
    env::var(TASK).ok()
}

/// Tells the process that started this one.
pub(crate) fn say(what: &str) {
    println!("\n>{what}");
    stdout().flush().unwrap();
}

pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Runs the test of this name alone.
    pub(crate) fn start(test: &str, task: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(TASK, task)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let input = child.stdin.take().unwrap();
        Self {
            child,
            input,
            lines,
        }
    }

    /// The next thing it says.
    pub(crate) fn line(&mut self) -> String {
        loop {
            let line = self.lines.next().expect("it has ended").unwrap();
            if let Some(said) = line.strip_prefix('>') {
                return said.to_owned();
            }
        }
    }

    /// Writes a line to its standard input.
    pub(crate) fn tell(&mut self, what: &str) {
        writeln!(self.input, "{what}").unwrap();
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
