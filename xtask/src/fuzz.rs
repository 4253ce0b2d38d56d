//! `cargo xtask fuzz`: each fuzz target for a while, with the compiler that is there.
//!
//! The folder `fuzz` is laid out for cargo-fuzz, which asks for nightly because of its sanitizers. There is no unsafe
//! code here for them to watch; without them the coverage that libFuzzer goes by is to be had on stable.

use anyhow::{Context, Result, bail};

use crate::command::{CommandLine, workspace_root};

pub(crate) const DEFAULT_SECONDS: u32 = 60;

/// What cargo-fuzz passes to the compiler, without a sanitizer.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares \
     --cfg fuzzing -Ccodegen-units=1";

/// Inputs that a run finds are kept there, for the next run to begin with.
const FOUND: &str = "target/fuzz/found";

/// Runs every target for so many seconds, up to the first that fails.
pub(crate) fn run(seconds: u32) -> Result<()> {
    if !CommandLine::new("c++").arguments(["--version"]).succeeds() {
        bail!(
            "a C++ compiler is missing, which libFuzzer is built with: install g++ or clang (Debian: \
             `apt-get install build-essential`, macOS: `xcode-select --install`)"
        );
    }
    let host = host(&CommandLine::new("rustc").arguments(["-vV"]).output()?)?;
    let targets = targets()?;
    for target in &targets {
        println!("\n==> {target}, {seconds} s");
        let found = format!("{FOUND}/{target}");
        for folder in [&found, "fuzz/artifacts"] {
            std::fs::create_dir_all(workspace_root().join(folder))
                .with_context(|| format!("{folder} cannot be made"))?;
        }
        // With a target named, what runs while building is built without these flags.
        CommandLine::cargo(["run", "--release", "--manifest-path", "fuzz/Cargo.toml"])
            .arguments(["--target-dir", "target/fuzz", "--target", &host])
            .arguments(["--bin", target, "--"])
            .arguments([
                format!("-max_total_time={seconds}"),
                format!("-artifact_prefix=fuzz/artifacts/{target}-"),
                "-print_final_stats=1".to_owned(),
                "-verbosity=0".to_owned(),
                found,
                format!("fuzz/corpus/{target}"),
            ])
            .variable("RUSTFLAGS", COVERAGE)
            .run()
            .with_context(|| {
                format!(
                    "`{target}` has found something, or could not be built: see above. What it found is in \
                     fuzz/artifacts; put it into fuzz/corpus/{target} with the fix"
                )
            })?;
    }
    println!("\n{} targets found nothing", targets.len());
    Ok(())
}

/// A target is a folder of the corpus.
fn targets() -> Result<Vec<String>> {
    let folder = workspace_root().join("fuzz/corpus");
    let mut targets = Vec::new();
    for entry in folder.read_dir().context("there is no corpus")? {
        targets.extend(entry?.file_name().into_string().ok());
    }
    targets.sort();
    Ok(targets)
}

fn host(version: &str) -> Result<String> {
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("`rustc -vV` does not say what it builds for")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_read_from_what_rustc_says_of_itself() {
        let version =
            "rustc 1.88.0\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.88.0";
        assert_eq!(host(version).unwrap(), "x86_64-unknown-linux-gnu");
        assert!(host("rustc 1.88.0").is_err());
    }

    #[test]
    fn every_target_has_a_program_and_a_corpus() {
        let targets = targets().unwrap();
        let folder = workspace_root().join("fuzz/fuzz_targets");
        let mut programs: Vec<String> = folder
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        programs.sort();
        assert_eq!(targets, programs);
    }
}
