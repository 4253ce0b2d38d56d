//! The modules of the server that the interop tests run: installed from its lockfile.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::{CommandLine, workspace_root};

/// The oldest version of Node.js that the server runs on, as `engines` in its `package.json` says.
const OLDEST_NODE: Version = Version(18, 17);

/// Installs them, unless they are there as the lockfile says.
pub(crate) fn install() -> Result<()> {
    check_node()?;
    let server = workspace_root().join("interop").join("server");
    if is_up_to_date(&server) {
        println!("    all there");
        return Ok(());
    }
    // No script of any package is run: there is none that is needed.
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let command = CommandLine::new(npm)
        .arguments(["ci", "--prefix", "interop/server"])
        .arguments(["--ignore-scripts", "--no-audit", "--no-fund"]);
    println!("    {command}");
    command.run()
}

/// npm writes a lockfile of its own into the folder, when it is done.
fn is_up_to_date(server: &Path) -> bool {
    let modified = |file: &str| server.join(file).metadata()?.modified();
    match (
        modified("node_modules/.package-lock.json"),
        modified("package-lock.json"),
    ) {
        (Ok(installed), Ok(wanted)) => installed >= wanted,
        _ => false,
    }
}

fn check_node() -> Result<()> {
    let answer = CommandLine::new("node").arguments(["--version"]).output()?;
    let found = Version::parse(&answer)
        .with_context(|| format!("`node --version` says {:?}", answer.trim()))?;
    if found < OLDEST_NODE {
        let Version(major, minor) = OLDEST_NODE;
        bail!(
            "Node.js is {}, and the interop tests need {major}.{minor} or newer: https://nodejs.org",
            answer.trim()
        );
    }
    Ok(())
}

/// Major and minor.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Version(u32, u32);

impl Version {
    /// From `v20.1.2`.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().strip_prefix('v')?.split('.');
        let mut number = || numbers.next()?.parse().ok();
        Some(Self(number()?, number()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_node_is_understood_and_compared() {
        assert_eq!(Version::parse("v20.9.1\n"), Some(Version(20, 9)));
        assert_eq!(Version::parse("twenty"), None);
        assert!(Version(18, 4) < OLDEST_NODE && Version(20, 0) > OLDEST_NODE);
    }

    #[test]
    fn the_oldest_version_is_the_one_that_the_server_asks_for() {
        let manifest = workspace_root().join("interop/server/package.json");
        let manifest: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(manifest).unwrap()).unwrap();
        let Version(major, minor) = OLDEST_NODE;
        assert_eq!(manifest["engines"]["node"], format!(">={major}.{minor}"));
    }

    #[test]
    fn modules_older_than_the_lockfile_are_installed_anew() {
        let folder = std::env::temp_dir().join(format!("interop-server-{}", std::process::id()));
        let modules = folder.join("node_modules");
        std::fs::create_dir_all(&modules).unwrap();
        let date = |file: &Path, seconds| {
            let file = std::fs::File::create(file).unwrap();
            let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            file.set_modified(time).unwrap();
        };
        date(&folder.join("package-lock.json"), 20);
        let without = is_up_to_date(&folder);
        date(&modules.join(".package-lock.json"), 10);
        let older = is_up_to_date(&folder);
        date(&modules.join(".package-lock.json"), 30);
        let newer = is_up_to_date(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!([without, older, newer], [false, false, true]);
    }
}
