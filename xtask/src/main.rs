//! The chores of this workspace, run by `cargo xtask`; see [`HELP`].

mod api;
mod bench;
mod changelog;
mod command;
mod deny;
mod documented;
mod features;
mod fuzz;
mod graph;
mod guard;
mod instructions;
mod interop_server;
mod licence;
mod links;
mod metadata;
mod packaged;
mod prerequisites;
mod published;
mod release;
mod repeat;
mod steps;
mod tasks;

use std::process::ExitCode;

/// What `cargo xtask --help` prints.
const HELP: &str = "\
The chores of this workspace.

Usage: cargo xtask <COMMAND>

Commands:
  test                  Install what the tests need, then pass every test
  check                 Formatting, clippy, documentation and the dependency guard
  guard                 The guard alone: what each crate may depend on, licences, sources, the
                        oldest Rust, and what a published crate has to have
  ci                    `check`, then `test`
  repeat N FILTER…      Run the tests whose names match a FILTER N times, all cores busy
                        (what starts with `-` goes to the test binaries: --include-ignored)
  fuzz [SECONDS]        Run each fuzz target for so long, a minute unless said otherwise
  bench [OPTION…]       Measure everything and write a report to target/bench-report
                        (--quick: little, to see that it works; --peers: other libraries too;
                        --check: fail if a figure is over its budget; --only PART;
                        --record: have the guide show it)
  instructions          Count the instructions of the hit path, and compare them with the
                        figures of record (--bless: put down new ones)
  api                   Compare the public API of each published crate with its listing in `api`
                        (--bless: put down a new one)
  deny                  Have cargo-deny check bans, licences and sources; installs it, which takes
                        minutes, if it is missing
  release --dry-run     Check all that a release needs, package every crate, and say what would
                        be published (--publish VERSION: publish it too)
  help, --help, -h      This text

Exit code: 0 when all is well, 1 when something failed, 2 for a command it does not know.
";

fn main() -> ExitCode {
    if let Some(code) = api::stand_in_for_rustdoc() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let task = match Task::parse(&arguments) {
        Ok(task) => task,
        Err(problem) => {
            eprintln!("error: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match task.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One command line, understood.
#[derive(Debug, PartialEq)]
enum Task {
    Help,
    Test,
    Check,
    Guard,
    Ci,
    Repeat { rounds: u32, filters: Vec<String> },
    Fuzz { seconds: u32 },
    Bench(bench::Options),
    Instructions { bless: bool },
    Api { bless: bool },
    Deny,
    Release { publish: Option<String> },
}

impl Task {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let Some((command, rest)) = arguments.split_first() else {
            return Err("a command is missing".into());
        };
        // The program that measures has a help of its own.
        if command == "bench" {
            return Ok(Self::Bench(bench::Options::parse(rest)));
        }
        if rest
            .iter()
            .any(|argument| argument == "--help" || argument == "-h")
        {
            return Ok(Self::Help);
        }
        let task = match command.as_str() {
            "help" | "--help" | "-h" => Self::Help,
            "test" => Self::Test,
            "check" => Self::Check,
            "guard" => Self::Guard,
            "ci" => Self::Ci,
            "repeat" => return Self::parse_repeat(rest),
            "fuzz" => return Self::parse_fuzz(rest),
            "instructions" if rest == ["--bless"] => {
                return Ok(Self::Instructions { bless: true });
            }
            "instructions" => Self::Instructions { bless: false },
            "deny" => Self::Deny,
            "release" => return Self::parse_release(rest),
            "api" if rest == ["--bless"] => return Ok(Self::Api { bless: true }),
            "api" => Self::Api { bless: false },
            unknown => return Err(format!("there is no command `{unknown}`")),
        };
        match rest.first() {
            Some(extra) => Err(format!(
                "`{command}` takes no argument, but `{extra}` was given"
            )),
            None => Ok(task),
        }
    }

    fn parse_repeat(arguments: &[String]) -> Result<Self, String> {
        let Some((rounds, filters)) = arguments.split_first() else {
            return Err("`repeat` needs a number of rounds and a test name".into());
        };
        let rounds = match rounds.parse() {
            Ok(0) | Err(_) => {
                return Err(format!("`repeat` needs a number of rounds, not `{rounds}`"));
            }
            Ok(rounds) => rounds,
        };
        if filters.iter().all(|filter| filter.starts_with('-')) {
            return Err("`repeat` needs a test name, or a part of one".into());
        }
        Ok(Self::Repeat {
            rounds,
            filters: filters.to_vec(),
        })
    }

    fn parse_fuzz(arguments: &[String]) -> Result<Self, String> {
        let seconds = match arguments {
            [] => fuzz::DEFAULT_SECONDS,
            [seconds] => match seconds.parse() {
                Ok(0) | Err(_) => {
                    return Err(format!("`fuzz` needs a number of seconds, not `{seconds}`"));
                }
                Ok(seconds) => seconds,
            },
            [_, extra, ..] => {
                return Err(format!(
                    "`fuzz` takes one argument, but `{extra}` was given"
                ));
            }
        };
        Ok(Self::Fuzz { seconds })
    }

    fn parse_release(arguments: &[String]) -> Result<Self, String> {
        match arguments {
            [option] if option == "--dry-run" => Ok(Self::Release { publish: None }),
            [option, version] if option == "--publish" => Ok(Self::Release {
                publish: Some(version.clone()),
            }),
            _ => Err("`release` needs `--dry-run`, or `--publish` and the version".into()),
        }
    }

    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Help => {
                print!("{HELP}");
                Ok(())
            }
            Self::Test => steps::run(&tasks::test()?),
            Self::Check => steps::run(&tasks::check()?),
            Self::Guard => guard::run(),
            Self::Ci => steps::run(&tasks::ci()?),
            Self::Repeat { rounds, filters } => repeat::run(rounds, &filters),
            Self::Fuzz { seconds } => fuzz::run(seconds),
            Self::Bench(options) => bench::run(&options),
            Self::Instructions { bless: true } => instructions::bless(),
            Self::Instructions { bless: false } => instructions::check(),
            Self::Api { bless: true } => api::bless(),
            Self::Api { bless: false } => api::check(),
            Self::Deny => deny::run(),
            Self::Release { publish } => release::run(publish.as_deref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Task, String> {
        let arguments: Vec<String> = line.split_whitespace().map(String::from).collect();
        Task::parse(&arguments)
    }

    #[test]
    fn each_command_is_understood() {
        assert_eq!(parse("test"), Ok(Task::Test));
        assert_eq!(parse("check"), Ok(Task::Check));
        assert_eq!(parse("guard"), Ok(Task::Guard));
        assert_eq!(parse("ci"), Ok(Task::Ci));
        for line in ["help", "--help", "-h", "test --help"] {
            assert_eq!(parse(line), Ok(Task::Help), "{line}");
        }
    }

    #[test]
    fn repeat_takes_a_number_and_what_follows_it() {
        let filters = vec!["p04_".to_owned(), "--include-ignored".to_owned()];
        assert_eq!(
            parse("repeat 20 p04_ --include-ignored"),
            Ok(Task::Repeat {
                rounds: 20,
                filters
            })
        );
        for line in [
            "repeat",
            "repeat 20",
            "repeat 0 p04_",
            "repeat p04_ 20",
            "repeat 3 --exact",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn fuzz_takes_a_number_of_seconds_or_nothing() {
        assert_eq!(parse("fuzz"), Ok(Task::Fuzz { seconds: 60 }));
        assert_eq!(parse("fuzz 5"), Ok(Task::Fuzz { seconds: 5 }));
        for line in ["fuzz 0", "fuzz long", "fuzz 5 6"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn instructions_are_compared_or_put_down() {
        for (line, bless) in [("instructions", false), ("instructions --bless", true)] {
            assert_eq!(parse(line), Ok(Task::Instructions { bless }));
        }
        assert!(parse("instructions --blest").is_err());
        assert!(matches!(parse("bench --quick"), Ok(Task::Bench(options)) if options.quick));
    }

    #[test]
    fn the_api_is_compared_or_put_down() {
        for (line, bless) in [("api", false), ("api --bless", true)] {
            assert_eq!(parse(line), Ok(Task::Api { bless }));
        }
        assert!(parse("api --blest").is_err());
    }

    #[test]
    fn nothing_is_published_without_its_version() {
        assert_eq!(
            parse("release --dry-run"),
            Ok(Task::Release { publish: None })
        );
        let publish = Some("0.1.0".to_owned());
        assert_eq!(
            parse("release --publish 0.1.0"),
            Ok(Task::Release { publish })
        );
        for line in [
            "release",
            "release --publish",
            "release 0.1.0",
            "release --dry-run 0.1.0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn an_unknown_command_or_argument_is_named() {
        assert_eq!(parse("tset"), Err("there is no command `tset`".into()));
        assert!(parse("test oauth-core").is_err_and(|problem| problem.contains("`oauth-core`")));
        assert!(parse("").is_err());
    }
}
