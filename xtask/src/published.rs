//! What a crate has to have before it is published.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command::workspace_root;
use crate::metadata::Package;

/// They are in each package, since whoever gets it may get nothing else. In the repository they are links.
const LICENCES: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];

/// What begins the documentation of each crate, so that its page in the registry cannot differ from it.
const DOCUMENTATION: &str = "#![doc = include_str!(\"../README.md\")]";

/// Whatever a published package lacks.
pub(crate) fn problems(packages: &[Package]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for package in packages.iter().filter(|package| package.published) {
        let lacks = lacks(package, &workspace_root())?;
        problems.extend(
            lacks
                .into_iter()
                .map(|what| format!("`{}` {what}", package.name)),
        );
    }
    Ok(problems)
}

fn lacks(package: &Package, root: &Path) -> Result<Vec<String>> {
    let mut lacks = Vec::new();
    for name in LICENCES {
        let text =
            fs::read(root.join(name)).with_context(|| format!("{name} could not be read"))?;
        if fs::read(package.folder.join(name)).ok() != Some(text) {
            lacks.push(format!(
                "needs {name} as it is at the root: `ln -s ../{name}`"
            ));
        }
    }
    if !package.folder.join("README.md").is_file() {
        lacks.push("has no README.md".into());
    }
    let library = fs::read_to_string(package.folder.join("src/lib.rs")).unwrap_or_default();
    if !library.lines().any(|line| line == DOCUMENTATION) {
        lacks.push(format!(
            "does not document itself with `{DOCUMENTATION}` in src/lib.rs"
        ));
    }
    let manifest = fs::read_to_string(package.folder.join("Cargo.toml")).unwrap_or_default();
    // Without the list cargo packages whatever git has there.
    if !manifest.lines().any(|line| line.starts_with("include")) {
        lacks.push("does not say in its manifest what to `include`".into());
    }
    if !package.is_described {
        lacks.push("needs a description, keywords and categories in its manifest".into());
    }
    if !package.documents_all_features {
        lacks.push("needs `all-features = true` in [package.metadata.docs.rs]".into());
    }
    Ok(lacks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_told() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let package = Package {
            name: "xtask".into(),
            published: true,
            folder: here.into(),
            ..Package::default()
        };
        // Two licences, README.md, the documentation, the manifest three times.
        assert_eq!(lacks(&package, &workspace_root()).unwrap().len(), 7);
        let unpublished = Package {
            published: false,
            ..package
        };
        assert!(problems(&[unpublished]).unwrap().is_empty());
    }
}
