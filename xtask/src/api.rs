//! `cargo xtask api`: the public API of each published crate, compared with the listing of record in `api/`, so that a
//! review sees each change of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::command::{CommandLine, target_folder, workspace_root};
use crate::metadata::published_packages;
use crate::steps::Verdict;

/// The format of rustdoc's JSON that `api-listing` reads, which is that of Rust 1.95. It is not stable: another Rust
/// may write another one.
const FORMAT: u32 = 57;

/// Set while this program stands in for rustdoc.
const STANDS_IN: &str = "XTASK_STANDS_IN_FOR_RUSTDOC";

/// Fails if an API differs from its listing, or if this Rust writes what cannot be read.
pub(crate) fn check() -> Result<()> {
    compare(&listings()?)
}

/// The same as a step among others, which a newer Rust must not break: a machine that is new has whatever Rust is stable
/// that day.
pub(crate) fn check_if_possible() -> Result<Verdict> {
    match listings() {
        Err(error) if error.is::<OtherFormat>() => Ok(Verdict::LeftOut(error.to_string())),
        listings => compare(&listings?).map(|()| Verdict::Passed),
    }
}

/// Writes the listings of record anew.
pub(crate) fn bless() -> Result<()> {
    let listings = listings()?;
    let folder = workspace_root().join("api");
    fs::create_dir_all(&folder)?;
    // Those of crates that are gone go too.
    for entry in folder.read_dir()? {
        fs::remove_file(entry?.path())?;
    }
    for listing in &listings {
        fs::write(listing.file(), &listing.text)
            .with_context(|| format!("{} cannot be written", listing.file().display()))?;
        println!(
            "    {}: {} lines",
            listing.package,
            listing.text.lines().count()
        );
    }
    Ok(())
}

/// What rustdoc is when `cargo xtask api` runs it: the real one, which may write JSON. A variable for all of cargo would
/// do as well, but some build scripts watch it, and half the dependencies would be built again.
pub(crate) fn stand_in_for_rustdoc() -> Option<ExitCode> {
    let rustdoc = std::env::var_os(STANDS_IN)?;
    let status = Command::new(rustdoc)
        .args(std::env::args_os().skip(1))
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    Some(match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rustdoc cannot be started: {error}");
            ExitCode::FAILURE
        }
    })
}

#[derive(Debug)]
struct Listing {
    package: String,
    text: String,
}

impl Listing {
    fn file(&self) -> PathBuf {
        workspace_root().join(format!("api/{}.txt", self.package))
    }
}

/// This Rust is not the one that the listings are made with.
#[derive(Debug)]
struct OtherFormat(Option<u32>);

impl std::fmt::Display for OtherFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let found = self.0.map_or("no".to_owned(), |format| format.to_string());
        write!(
            f,
            "the listings are made with rustdoc's JSON format {FORMAT}, which is that of Rust 1.95, and this Rust writes \
             format {found}; use that Rust (`cargo +1.95 xtask api`), or move `public-api` and FORMAT in xtask/src/api.rs to \
             a newer one and bless the listings"
        )
    }
}

impl std::error::Error for OtherFormat {}

fn listings() -> Result<Vec<Listing>> {
    let this = std::env::current_exe().context("this program does not know its own path")?;
    let rustdoc = std::env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into());
    // Over the whole workspace, as the step `documentation`: what that has built serves here too.
    CommandLine::cargo([
        "doc",
        "--quiet",
        "--workspace",
        "--lib",
        "--no-deps",
        "--all-features",
    ])
    .variable(
        "RUSTDOCFLAGS",
        "-Z unstable-options --output-format json --cap-lints allow",
    )
    .local_variable("RUSTDOC", this)
    .local_variable(STANDS_IN, rustdoc)
    .run()?;
    let target = target_folder()?;
    let mut listings = Vec::new();
    for package in published_packages()? {
        let file = target.join(format!("doc/{}.json", package.name.replace('-', "_")));
        let json = fs::read_to_string(&file)
            .with_context(|| format!("rustdoc has not written {}", file.display()))?;
        let format = format_version(&json);
        if format != Some(FORMAT) {
            return Err(OtherFormat(format).into());
        }
        let text = CommandLine::cargo(["run", "--quiet", "--package", "api-listing", "--"])
            .arguments([file.to_string_lossy()])
            .output()?;
        listings.push(Listing {
            package: package.name,
            text,
        });
    }
    Ok(listings)
}

/// The member `format_version`, which is at the end of many megabytes.
fn format_version(json: &str) -> Option<u32> {
    let (_, after) = json.rsplit_once("\"format_version\":")?;
    let end = after.find(|character: char| !character.is_ascii_digit())?;
    after[..end].parse().ok()
}

fn compare(listings: &[Listing]) -> Result<()> {
    let mut changes = Vec::new();
    for listing in listings {
        let recorded = fs::read_to_string(listing.file()).unwrap_or_default();
        let changed = difference(&recorded, &listing.text);
        if !changed.is_empty() {
            changes.push(format!("{}\n{}", listing.package, changed.join("\n")));
        }
    }
    if !changes.is_empty() {
        bail!(
            "the public API is not the one on record:\n\n{}\n\nIf that is meant, `cargo xtask api --bless` records it; \
             a line that begins with `-` breaks users, see the section on versions in CONTRIBUTING.md",
            changes.join("\n\n")
        );
    }
    println!(
        "    the public API of {} crates is the one on record",
        listings.len()
    );
    Ok(())
}

/// The lines that are gone, with a `-`, and those that have come, with a `+`.
fn difference(before: &str, after: &str) -> Vec<String> {
    let before: BTreeSet<&str> = before.lines().collect();
    let after: BTreeSet<&str> = after.lines().collect();
    let gone = before.difference(&after).map(|line| format!("- {line}"));
    let come = after.difference(&before).map(|line| format!("+ {line}"));
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_by_line() {
        assert_eq!(
            difference("fn a()\nfn b()\n", "fn b()\nfn c()\n"),
            ["- fn a()", "+ fn c()"]
        );
        assert!(difference("fn a()\n", "fn a()\r\n").is_empty());
        assert_eq!(difference("", "fn a()\n").len(), 1);
    }

    #[test]
    fn the_format_is_read_at_the_end() {
        let json = r#"{"docs":"\"format_version\":3","target":{},"format_version":57}"#;
        assert_eq!(format_version(json), Some(57));
        assert_eq!(format_version("{}"), None);
    }
}
