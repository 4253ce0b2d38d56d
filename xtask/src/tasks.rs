//! What each task consists of, and why.

use std::num::NonZero;
use std::{iter, thread};

use anyhow::Result;

use crate::command::CommandLine;
use crate::steps::Step;
use crate::{
    api, features, guard, instructions, interop_server, links, metadata, prerequisites, release,
};

/// Published, and nothing but documentation.
const THE_GUIDE: &str = "oauth-guide";

/// `cargo xtask test`: installs what the tests need, and passes them all.
pub(crate) fn test() -> Result<Vec<Step>> {
    Ok(iter::once(prerequisites()).chain(tests()?).collect())
}

/// `cargo xtask check`: everything that is judged without running a test.
pub(crate) fn check() -> Result<Vec<Step>> {
    Ok(iter::once(prerequisites()).chain(checks()?).collect())
}

/// `cargo xtask ci`: all of it, the quick answers first.
pub(crate) fn ci() -> Result<Vec<Step>> {
    Ok(iter::once(prerequisites())
        .chain(checks()?)
        .chain(tests()?)
        .collect())
}

fn prerequisites() -> Step {
    Step::call("prerequisites", prerequisites::run)
}

/// The test runs. One run over the whole workspace shares every build between the packages; what follows is for what
/// that run cannot show.
fn tests() -> Result<Vec<Step>> {
    Ok(vec![
        Step::call("modules of the interop server", interop_server::install),
        // The one run that builds everything there is: libraries, programs, tests, examples and
        // benches (which run as tests), as somebody gets them who switches nothing on.
        Step::command(
            "tests, default features",
            cargo_test(["--workspace", "--all-targets"]),
        ),
        // In a run over the workspace the core gets the feature `tokio`, which its neighbours ask for.
        // These two must do without, with no tokio in the process at all.
        Step::command(
            "tests without any runtime",
            cargo_test(["-p", "oauth-core", "-p", "oauth-isahc", "--tests"]),
        ),
        // In a run over the workspace reqwest gets TLS too. isahc has none in the run above.
        Step::command(
            "tests without TLS",
            cargo_test(["-p", "oauth-reqwest", "--test", "without_tls"]),
        ),
        // The interleavings of the cache, with the model checker's locks in place of the standard ones. A
        // target folder of its own: the flag would have everything else built anew. Optimized a little, which
        // takes longer to build and plays the schedules ten times as fast.
        Step::command(
            "interleavings",
            cargo_test(["-p", "oauth-core-interleavings"])
                .arguments(["--target-dir", "target/shuttle"])
                .variable("RUSTFLAGS", "--cfg oauth_shuttle")
                .variable("CARGO_PROFILE_DEV_OPT_LEVEL", "1"),
        ),
        // The same on every machine, however busy: what a hit costs cannot creep up unseen.
        Step::call("instruction counts", instructions::check),
        // What is behind features, of which the neighbours ask for most in the run above. The other tests would do
        // once more what they did there.
        Step::command(
            "tests of features, all features",
            cargo_test(["--workspace", "--all-features", "--lib"])
                .arguments(features::tests()?.iter().flat_map(|test| ["--test", test])),
        ),
        // Cargo cannot run doctests together with other targets. With all features, so that no
        // documented item is left out, and nothing but the snippets is built.
        Step::command(
            "documentation tests, all features",
            cargo_test(["--workspace", "--all-features", "--doc"]),
        ),
        // The first thing a newcomer types. No `-p`: that would select other features, and build
        // once more what the first run has built.
        Step::command(
            "quickstart",
            CommandLine::cargo(["run", "--example", "quickstart"]),
        ),
        // With `-p`, since these have to do with no tokio in the process: without it the core has the feature
        // `tokio`, which its neighbours ask for.
        Step::command(
            "example isahc_sync",
            CommandLine::cargo(["run", "-p", "examples-isahc", "--example", "isahc_sync"]),
        ),
        Step::command(
            "example isahc_async",
            CommandLine::cargo(["run", "-p", "examples-isahc", "--example", "isahc_async"]),
        ),
        Step::command(
            "example reqwest_blocking",
            CommandLine::cargo(["run", "--example", "reqwest_blocking"]),
        ),
    ])
}

/// `cargo test`, of more tests at a time than there are processors: many wait, for a socket, a process or what is not going
/// to happen.
fn cargo_test<'a>(arguments: impl IntoIterator<Item = &'a str>) -> CommandLine {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    CommandLine::cargo(iter::once("test").chain(arguments))
        .local_variable("RUST_TEST_THREADS", processors.max(8).to_string())
}

fn checks() -> Result<Vec<Step>> {
    let mut steps = vec![
        // These take a second: first.
        Step::command(
            "formatting",
            CommandLine::cargo(["fmt", "--all", "--", "--check"]),
        ),
        Step::call("dependency guard", guard::run),
        Step::call("links between the documents", links::run),
    ];
    // What others depend on, one package at a time: in a run over the workspace a package gets the features that its
    // neighbours ask for, which hides what it fails to ask for itself.
    let packages = metadata::workspace_packages()?;
    let alone = packages
        .iter()
        .filter(|package| package.published && package.name != THE_GUIDE);
    for package in alone {
        // Only what is in the package: its tests bring other packages, and with them features. They are linted with
        // the rest of the workspace. What is between no features and all is built by the tests.
        let sets: &[(&str, &[&str])] = if package.has_features {
            &[
                (", no default features", &["--no-default-features"]),
                (", all features", &["--all-features"]),
            ]
        } else {
            &[("", &[])]
        };
        for (features, flags) in sets {
            let clippy = CommandLine::cargo(["clippy", "-p", &package.name])
                .arguments(flags.iter().copied())
                .arguments(["--", "-D", "warnings"]);
            steps.push(Step::command(
                format!("clippy {}{features}", package.name),
                clippy,
            ));
        }
    }
    // The quick answer while one works on it, with nothing that another package asks for.
    steps.push(Step::command(
        "tests of oauth-core alone, built",
        CommandLine::cargo(["check", "-p", "oauth-core", "--tests"]),
    ));
    // And our own. The examples that the documents run by themselves are built by themselves, here or below.
    // Their tests, in the run over the workspace, run them.
    for package in [
        "examples-grpc",
        "examples-prometheus",
        "examples-proxy",
        "examples-tenants",
    ] {
        steps.push(Step::command(
            format!("{package}, built alone"),
            CommandLine::cargo(["check", "-p", package]),
        ));
    }
    steps.push(Step::command(
        "clippy, all of the workspace",
        CommandLine::cargo(["clippy", "--workspace", "--all-features", "--all-targets"])
            .arguments(["--", "-D", "warnings"]),
    ));
    steps.push(Step::command(
        "documentation",
        CommandLine::cargo(["doc", "--workspace", "--no-deps", "--all-features"])
            .variable("RUSTDOCFLAGS", "-D warnings"),
    ));
    // Right after it, as it comes after clippy: all three need the same things built.
    steps.push(Step::attempt("public API", api::check_if_possible));
    // A workspace of its own, which no other step sees. Nothing is linked: libFuzzer itself, and with it a C++
    // compiler, is for those who run the targets.
    steps.push(Step::command(
        "fuzz targets",
        CommandLine::cargo(["check", "--locked", "--manifest-path", "fuzz/Cargo.toml"])
            .arguments(["--bins", "--target-dir", "target/fuzz-check"])
            .variable("CUSTOM_LIBFUZZER_PATH", "none/libnone.a"),
    ));
    // When all that it needs of the registry is there.
    steps.push(Step::attempt("packages", release::package_if_possible));
    Ok(steps)
}
