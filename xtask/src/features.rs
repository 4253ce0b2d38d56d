//! Which tests have to do with features.

use std::fs;
use std::iter;
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

/// A file in the folder is a test; so is a folder with a `main.rs`. Another folder is a part of those that name it.
fn tests_in(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let (tests, parts): (Vec<PathBuf>, Vec<PathBuf>) = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir() || path.extension().is_some_and(|it| it == "rs"))
        .partition(|path| path.is_file() || path.join("main.rs").is_file());
    let mut gated_parts = Vec::new();
    for part in parts {
        if mentions(&part, &["feature = \""])? {
            gated_parts.push(stem(&part)?);
        }
    }
    let in_parts: Vec<String> = gated_parts
        .iter()
        .flat_map(|part| [format!("mod {part};"), format!("\"{part}/")])
        .collect();
    let marks: Vec<&str> = iter::once("feature = \"")
        .chain(in_parts.iter().map(String::as_str))
        .collect();
    let mut names = Vec::new();
    for test in tests {
        if mentions(&test, &marks)? {
            names.push(stem(&test)?);
        }
    }
    Ok(names)
}

fn stem(path: &Path) -> Result<String> {
    let stem = path.file_stem().and_then(|name| name.to_str());
    let stem = stem.with_context(|| format!("{} has no name", path.display()))?;
    Ok(stem.to_owned())
}

/// Whether a file, or one in the folder, has any of these in it.
fn mentions(path: &Path, marks: &[&str]) -> Result<bool> {
    if path.is_dir() {
        for entry in entries(path)? {
            if mentions(&entry, marks)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let text = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let text = String::from_utf8_lossy(&text);
    Ok(marks.iter().any(|mark| text.contains(mark)))
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
        write("supported.rs", "mod support;");
        write("by_path.rs", "#[path = \"support/mod.rs\"] mod theirs;");
        write("common/mod.rs", "fn f() {}");
        write("common.rs", "mod common;");
        write("gated.txt", gate);
        let mut found = tests_in(&folder).unwrap();
        found.sort();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, ["by_path", "gated", "parts", "supported"]);
    }

    #[test]
    fn those_of_this_workspace_are_found() {
        let names = super::tests().unwrap();
        for name in ["doubles", "properties", "tls", "observability", "fleet"] {
            assert!(names.iter().any(|each| each == name), "{names:?}");
        }
    }
}
