//! What the documents have users write into their manifests: our crates, in the version that is released.

use std::fs;

use anyhow::{Context, Result};

use crate::command::workspace_root;
use crate::links::documents;
use crate::metadata::Package;

/// The dependency lines that would not get a user this version.
pub(crate) fn problems(packages: &[Package], version: &str) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for document in documents()? {
        let text = fs::read_to_string(workspace_root().join(&document))
            .with_context(|| format!("{} cannot be read", document.display()))?;
        let names = packages.iter().map(|package| package.name.as_str());
        for (line, what) in other_versions(&text, names, version) {
            problems.push(format!("{}:{line} {what}", document.display()));
        }
    }
    Ok(problems)
}

/// By line, counted from 1.
fn other_versions<'a>(
    text: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    version: &str,
) -> Vec<(usize, String)> {
    let mut others = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for name in names.clone() {
            let what = match required(line, name) {
                Some(Some(required)) if !allows(required, version) => {
                    format!("asks for `{name}` {required}, and the release is {version}")
                }
                Some(None) => format!("takes `{name}` from elsewhere than a registry"),
                _ => continue,
            };
            others.push((number + 1, what));
        }
    }
    others
}

/// What a line requires of a crate; `Some(None)`: no version, but a path or a repository.
fn required<'a>(line: &'a str, name: &str) -> Option<Option<&'a str>> {
    let (before, after) = line.split_once(&format!("{name} = "))?;
    // Another crate may end like ours.
    if before.ends_with(|end: char| end.is_alphanumeric() || end == '-') {
        return None;
    }
    let version = match after.strip_prefix('"') {
        Some(version) => version,
        None => {
            let table = after.strip_prefix('{')?;
            let table = table.split('}').next().unwrap_or_default();
            match table.split_once("version = \"") {
                Some((_, version)) => version,
                None => return Some(None),
            }
        }
    };
    version.split('"').next().map(Some)
}

/// Whether a requirement as documents have them, "0.1" or "0.1.0", begins the version.
fn allows(required: &str, version: &str) -> bool {
    version
        .strip_prefix(required)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(text: &str, version: &str) -> Vec<(usize, String)> {
        other_versions(text, ["oauth-core", "oauth-redis"].into_iter(), version)
    }

    #[test]
    fn another_version_is_told_with_its_line() {
        let text = "oauth-core = \"0.1\"\n# and: oauth-redis = { version = \"0.1.0\", features = [\"rustls\"] }\n\
                    reqwest = \"0.13\"\nmy-oauth-core = \"7\"\n";
        assert_eq!(others(text, "0.1.0"), []);
        let lines: Vec<usize> = others(text, "0.2.0")
            .iter()
            .map(|(line, _)| *line)
            .collect();
        assert_eq!(lines, [1, 2]);
        assert_eq!(others("oauth-core = \"0.1\"", "0.11.0").len(), 1);
    }

    #[test]
    fn the_documents_ask_for_this_version() {
        let packages = crate::metadata::published_packages().unwrap();
        let mut problems = problems(&packages, &packages[0].version).unwrap();
        // Until the first release it has paths.
        problems.retain(|problem| !problem.starts_with("README.md:"));
        assert!(problems.is_empty(), "{problems:#?}");
    }

    #[test]
    fn a_path_is_no_version() {
        let text = "oauth-core = { path = \"../oauth/oauth-core\" }\nreqwest = { path = \"x\" }";
        let [(1, what)] = &others(text, "0.1.0")[..] else {
            panic!("one line takes one of ours by its path");
        };
        assert!(what.contains("`oauth-core`"), "{what}");
    }
}
