//! The links between the documents: each leads to a file that is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::workspace_root;

/// Fails if a document links to a file or folder that the repository does not have.
pub(crate) fn run() -> Result<()> {
    let root = workspace_root();
    let mut broken = Vec::new();
    let mut links = 0;
    for document in documents()? {
        let text = fs::read_to_string(root.join(&document))
            .with_context(|| format!("{} cannot be read", document.display()))?;
        let folder = document.parent().unwrap_or(Path::new(""));
        for target in targets(&text) {
            links += 1;
            if !root.join(folder).join(target).exists() {
                broken.push(format!("{} links to {target}", document.display()));
            }
        }
    }
    ensure!(
        broken.is_empty(),
        "there is no such file:\n{}",
        broken.join("\n")
    );
    println!("{links} links lead to files that are there");
    Ok(())
}

/// All documents that git knows or would take, as paths from the root.
pub(crate) fn documents() -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .current_dir(workspace_root())
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.md",
        ])
        .output()
        .context("the documents cannot be listed; is git installed?")?;
    ensure!(output.status.success(), "`git ls-files` failed");
    let listed = String::from_utf8(output.stdout).context("the list of documents is no text")?;
    Ok(listed.lines().map(PathBuf::from).collect())
}

/// The files that a document links to, outside of its code.
fn targets(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        // A definition: `[name]: target`.
        if let Some((_, definition)) = line.strip_prefix('[').and_then(|it| it.split_once("]: ")) {
            targets.extend(file(definition));
        }
        // Every other piece is code; a link with code for its text closes in the piece after that.
        for prose in line.split('`').step_by(2) {
            targets.extend(prose.split("](").skip(1).filter_map(target));
        }
    }
    targets
}

/// What stands before the closing bracket, if it is a file.
fn target(rest: &str) -> Option<&str> {
    rest.split_once(')').and_then(|(target, _)| file(target))
}

/// The file of a link, without the place in it.
fn file(target: &str) -> Option<&str> {
    let file = target.split('#').next().unwrap_or_default();
    let is_file = !file.is_empty() && !file.contains("://") && !file.starts_with("mailto:");
    // Rustdoc resolves paths of items.
    (is_file && !file.contains("::")).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_and_no_others() {
        let text = "a [b](c.md), [d](e/f.md#g) and [h](https://i.example) [j](#k)\n\
                    [`l`](m) `[n](o)`\n```text\n[p](q)\n```\n[r](s)\n\
                    [t]: u.md\n[v]: crate::w\n[x]: #y";
        assert_eq!(targets(text), ["c.md", "e/f.md", "m", "s", "u.md"]);
    }
}
