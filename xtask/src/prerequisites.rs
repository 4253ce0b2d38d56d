//! What the tests need beyond Rust: looked for, and installed where that is possible.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::CommandLine;

/// Everything the tests need beyond Rust: another need is another row.
const PREREQUISITES: &[Prerequisite] = &[
    Prerequisite {
        name: "a C compiler",
        reason: "isahc builds its own copy of curl",
        programs: &["cc"],
        variable: Some("CC"),
        apt: "build-essential",
        elsewhere: "gcc or clang, on macOS by `xcode-select --install`",
        only_on_linux: false,
    },
    Prerequisite {
        name: "Redis or Valkey",
        reason: "the tests of oauth-redis start servers of their own",
        programs: &["valkey-server", "redis-server"],
        variable: None,
        apt: "redis-server",
        elsewhere: "valkey or redis, on macOS by `brew install valkey`",
        only_on_linux: false,
    },
    Prerequisite {
        name: "Node.js 18.17 or newer",
        reason: "the interop tests run an authorization server on it",
        programs: &["node"],
        variable: None,
        apt: "nodejs",
        elsewhere: "https://nodejs.org, on macOS `brew install node`",
        only_on_linux: false,
    },
    Prerequisite {
        name: "npm",
        reason: "it installs that server",
        programs: &["npm"],
        variable: None,
        apt: "npm",
        elsewhere: "https://nodejs.org, where Node.js comes with it",
        only_on_linux: false,
    },
    Prerequisite {
        name: "valgrind",
        reason: "the instructions of the hit path are counted",
        programs: &["valgrind"],
        variable: None,
        apt: "valgrind",
        elsewhere: "https://valgrind.org",
        only_on_linux: true,
    },
];

/// A program that the tests need.
#[derive(Debug)]
struct Prerequisite {
    name: &'static str,
    reason: &'static str,
    /// One of them has to be on the `PATH`.
    programs: &'static [&'static str],
    /// A variable by which one can name another program instead.
    variable: Option<&'static str>,
    /// The package that has it, on Debian and its kin.
    apt: &'static str,
    /// What to install anywhere else.
    elsewhere: &'static str,
    /// Whether nothing needs it, and it may not be to be had, on other systems.
    only_on_linux: bool,
}

impl Prerequisite {
    fn is_there(&self) -> bool {
        let chosen = self
            .variable
            .and_then(std::env::var_os)
            .is_some_and(|value| !value.is_empty());
        let is_found = |path: OsString| self.programs.iter().any(|each| is_on_path(each, &path));
        chosen || std::env::var_os("PATH").is_some_and(is_found)
    }
}

/// Looks for each prerequisite and installs what is missing; if it cannot, says what to install.
pub(crate) fn run() -> Result<()> {
    if cfg!(windows) {
        // The build scripts find Visual Studio by themselves, and say what is missing.
        println!("    not looked for on Windows");
        return Ok(());
    }
    let missing = missing();
    if missing.is_empty() {
        println!("    all there");
        return Ok(());
    }
    match plan(&missing, Installer::find()) {
        Plan::Install(commands) => {
            for command in &commands {
                println!("    {command}");
                command.run().with_context(|| instructions(&missing))?;
            }
        }
        Plan::Refuse(instructions) => bail!(instructions),
    }
    let missing = self::missing();
    if !missing.is_empty() {
        bail!("installed, but still not found: {}", instructions(&missing));
    }
    Ok(())
}

fn missing() -> Vec<&'static Prerequisite> {
    PREREQUISITES
        .iter()
        .filter(|prerequisite| !prerequisite.is_there())
        .filter(|prerequisite| cfg!(target_os = "linux") || !prerequisite.only_on_linux)
        .collect()
}

/// How packages can be installed on this machine without asking anybody anything.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Installer {
    AptAsRoot,
    AptBySudo,
    None,
}

impl Installer {
    fn find() -> Self {
        if !std::env::var_os("PATH").is_some_and(|path| is_on_path("apt-get", &path)) {
            return Self::None;
        }
        if CommandLine::new("id")
            .arguments(["-u"])
            .output()
            .is_ok_and(|id| id.trim() == "0")
        {
            Self::AptAsRoot
        } else if CommandLine::new("sudo")
            .arguments(["-n", "true"])
            .succeeds()
        {
            Self::AptBySudo
        } else {
            Self::None
        }
    }
}

#[derive(Debug)]
enum Plan {
    Install(Vec<CommandLine>),
    Refuse(String),
}

fn plan(missing: &[&Prerequisite], installer: Installer) -> Plan {
    let apt_get = |arguments: &[&str]| {
        let words = match installer {
            Installer::AptBySudo => &["sudo", "-n", "env"][..],
            _ => &["env"],
        };
        CommandLine::new(words[0])
            .arguments(words[1..].iter().copied())
            .arguments(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .arguments(arguments.iter().copied())
    };
    match installer {
        Installer::None => Plan::Refuse(instructions(missing)),
        Installer::AptAsRoot | Installer::AptBySudo => {
            let packages = missing.iter().map(|prerequisite| prerequisite.apt);
            Plan::Install(vec![
                apt_get(&["update"]),
                apt_get(&["install", "--yes", "--no-install-recommends"]).arguments(packages),
            ])
        }
    }
}

/// What to do by hand.
fn instructions(missing: &[&Prerequisite]) -> String {
    let mut text = String::from("please install");
    for prerequisite in missing {
        let Prerequisite {
            name,
            reason,
            programs,
            apt,
            elsewhere,
            ..
        } = prerequisite;
        let programs = programs.join("` or `");
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n  {name} (`{programs}`), because {reason}\n    \
             Debian, Ubuntu: apt-get install {apt}\n    elsewhere: {elsewhere}"
        );
    }
    text
}

fn is_on_path(program: &str, path: &OsStr) -> bool {
    std::env::split_paths(path).any(|directory| is_executable(&directory.join(program)))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_a_plain_file_is_not() {
        let program = std::env::current_exe().unwrap();
        let (directory, name) = (program.parent().unwrap(), program.file_name().unwrap());
        let path = std::env::join_paths([Path::new("/no/such/directory"), directory]).unwrap();
        assert!(is_on_path(name.to_str().unwrap(), &path));
        assert!(!is_on_path("no-such-program", &path));
        if cfg!(unix) {
            let root = crate::command::workspace_root();
            assert!(!is_on_path("clippy.toml", root.as_os_str()));
        }
    }

    #[test]
    fn what_is_missing_is_installed_where_nobody_has_to_be_asked() {
        let missing: Vec<&Prerequisite> = PREREQUISITES.iter().collect();
        for (installer, start) in [
            (Installer::AptAsRoot, "env DEBIAN"),
            (Installer::AptBySudo, "sudo -n env DEBIAN"),
        ] {
            let Plan::Install(commands) = plan(&missing, installer) else {
                panic!("nothing is installed by {installer:?}");
            };
            let install = commands.last().unwrap().to_string();
            assert!(install.starts_with(start), "{install}");
            assert!(
                PREREQUISITES.iter().all(|each| install.contains(each.apt)),
                "{install}"
            );
        }
    }

    #[test]
    fn elsewhere_one_is_told_what_to_install() {
        let missing: Vec<&Prerequisite> = PREREQUISITES.iter().collect();
        let Plan::Refuse(text) = plan(&missing, Installer::None) else {
            panic!("there is nothing to install it with");
        };
        assert!(text.contains("a C compiler (`cc`)"), "{text}");
        assert!(text.contains("apt-get install build-essential"), "{text}");
        assert!(
            text.contains("(`valkey-server` or `redis-server`)"),
            "{text}"
        );
        assert!(text.contains("Node.js 18.17 or newer (`node`)"), "{text}");
        assert!(text.contains("https://nodejs.org"), "{text}");
    }
}
