//! Which tests have to do with features.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::metadata;

/// The integration tests of which something depends on a feature. Their names, sorted.
pub(crate) fn tests() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for package in metadata::workspace_packages()? {
        if package.has_features {
            names.extend(tests_in(&package.folder.join("tests"))?);
        }
        names.extend(package.tests_that_require_features);
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// A file in the folder is a test; so is a folder with a `main.rs`. Another folder is a part of tests: what is gated in it
/// is used by what is gated in them.
fn tests_in(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    if !folder.is_dir() {
        return Ok(names);
    }
    for path in entries(folder)? {
        let is_test = if path.is_dir() {
            path.join("main.rs").is_file()
        } else {
            path.extension().is_some_and(|extension| extension == "rs")
        };
        if is_test && names_feature(&path)? {
            names.push(stem(&path)?);
        }
    }
    Ok(names)
}

fn stem(path: &Path) -> Result<String> {
    let stem = path.file_stem().and_then(|name| name.to_str());
    let stem = stem.with_context(|| format!("{} has no name", path.display()))?;
    Ok(stem.to_owned())
}

/// Whether a file does, or one in the folder.
fn names_feature(path: &Path) -> Result<bool> {
    if path.is_dir() {
        for entry in entries(path)? {
            if names_feature(&entry)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let text = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(String::from_utf8_lossy(&text).contains("feature = \""))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("{} cannot be read", folder.display());
    let entries = fs::read_dir(folder).with_context(cannot)?;
    entries
        .map(|entry| Ok(entry.with_context(cannot)?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_names_a_feature_is_found_wherever_it_does() {
        let folder = std::env::temp_dir().join(format!("xtask-features-{}", std::process::id()));
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let gate = "#[cfg(feature = \"tls\")] fn f() {}";
        write("gated.rs", gate);
        write("plain.rs", "fn f() {}");
        write("parts/main.rs", "mod gated;");
        write("parts/gated.rs", gate);
        write("support/mod.rs", gate);
        write("gated.txt", gate);
        let mut found = tests_in(&folder).unwrap();
        found.sort();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, ["gated", "parts"]);
    }

    #[test]
    fn those_of_this_workspace_are_found() {
        let names = super::tests().unwrap();
        for name in ["doubles", "properties", "tls", "observability"] {
            assert!(names.iter().any(|each| each == name), "{names:?}");
        }
    }
}
