//! What `cargo metadata` says about the packages of this workspace.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::CommandLine;

/// A member of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where its manifest is.
    pub(crate) folder: PathBuf,
    /// The oldest Rust that it promises to build with.
    pub(crate) rust_version: Option<String>,
    /// Whether its manifest says what it does, and how to find it.
    pub(crate) is_described: bool,
    /// Whether its manifest says where its source is.
    pub(crate) has_repository: bool,
    /// Whether docs.rs documents all its features.
    pub(crate) documents_all_features: bool,
    /// Whether anything of it can be switched on or off.
    pub(crate) has_features: bool,
    /// The names of those of its integration tests that are not built without a feature.
    pub(crate) tests_that_require_features: Vec<String>,
    /// Whether `cargo publish` would take it.
    pub(crate) published: bool,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as it is written in a manifest, for every platform.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The required version; `*` if the manifest names none.
    pub(crate) requirement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

/// The members of this workspace.
pub(crate) fn workspace_packages() -> Result<Vec<Package>> {
    let json = CommandLine::cargo(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    parse(&json).context("`cargo metadata` wrote something unexpected")
}

/// Those members that are published.
pub(crate) fn published_packages() -> Result<Vec<Package>> {
    let mut packages = workspace_packages()?;
    packages.retain(|package| package.published);
    Ok(packages)
}

fn parse(json: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(json)?;
    list(&metadata, "packages")?.iter().map(package).collect()
}

fn package(value: &Value) -> Result<Package> {
    Ok(Package {
        name: text(value, "name")?,
        version: text(value, "version")?,
        folder: Path::new(&text(value, "manifest_path")?)
            .parent()
            .map(Path::to_path_buf)
            .context("a manifest without a folder")?,
        rust_version: value["rust_version"].as_str().map(str::to_owned),
        is_described: value["description"].is_string()
            && !list(value, "keywords")?.is_empty()
            && !list(value, "categories")?.is_empty(),
        has_repository: value["repository"].is_string(),
        documents_all_features: value["metadata"]["docs"]["rs"]["all-features"] == true,
        has_features: value["features"]
            .as_object()
            .is_some_and(|features| !features.is_empty()),
        tests_that_require_features: list(value, "targets")?
            .iter()
            .filter(|target| target["kind"] == serde_json::json!(["test"]))
            .filter(|target| target["required-features"].is_array())
            .map(|target| text(target, "name"))
            .collect::<Result<_>>()?,
        // `publish = false` reads as an empty list of registries, and its absence as null.
        published: value["publish"]
            .as_array()
            .is_none_or(|registries| !registries.is_empty()),
        dependencies: list(value, "dependencies")?
            .iter()
            .map(dependency)
            .collect::<Result<_>>()?,
    })
}

fn dependency(value: &Value) -> Result<Dependency> {
    let kind = match value["kind"].as_str() {
        None => Kind::Normal,
        Some("build") => Kind::Build,
        Some("dev") => Kind::Dev,
        Some(kind) => anyhow::bail!("unknown kind of dependency `{kind}`"),
    };
    Ok(Dependency {
        name: text(value, "name")?,
        kind,
        requirement: text(value, "req")?,
    })
}

fn list<'a>(value: &'a Value, member: &str) -> Result<&'a Vec<Value>> {
    value[member]
        .as_array()
        .with_context(|| format!("`{member}` is not a list"))
}

fn text(value: &Value, member: &str) -> Result<String> {
    let text = value[member]
        .as_str()
        .with_context(|| format!("`{member}` is not a string"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_with_their_dependencies() {
        let json = r#"{ "packages": [
            { "name": "a", "version": "0.1.0", "manifest_path": "/w/a/Cargo.toml", "publish": null,
              "description": "An a", "repository": "https://git.example.com/a", "keywords": ["a"], "categories": ["a"], "rust_version": "1.88",
              "metadata": { "docs": { "rs": { "all-features": true } } }, "targets": [
                { "kind": ["test"], "name": "t", "required-features": ["f"] }, { "kind": ["test"], "name": "u" },
                { "kind": ["bench"], "name": "v", "required-features": ["f"] } ], "dependencies": [
                { "name": "http", "kind": null, "req": "^1.5", "optional": true },
                { "name": "b", "kind": "dev", "req": "*" },
                { "name": "cc", "kind": "build", "req": "^1" } ] },
            { "name": "b", "version": "0.1.0", "manifest_path": "/w/b/Cargo.toml", "publish": [],
              "description": null, "keywords": [], "categories": [], "targets": [], "dependencies": [] } ] }"#;
        let packages = parse(json).unwrap();
        assert!(packages[0].published && !packages[1].published);
        let kinds: Vec<Kind> = packages[0]
            .dependencies
            .iter()
            .map(|each| each.kind)
            .collect();
        assert_eq!(kinds, [Kind::Normal, Kind::Dev, Kind::Build]);
        assert_eq!(packages[0].dependencies[1].requirement, "*");
        assert_eq!(packages[0].tests_that_require_features, ["t"]);
        assert_eq!(packages[0].folder, Path::new("/w/a"));
        assert!(packages[0].has_repository && !packages[1].has_repository);
        assert!(packages[0].is_described && packages[0].documents_all_features);
        assert!(!packages[1].is_described && !packages[1].documents_all_features);
    }

    #[test]
    fn an_unexpected_answer_is_an_error() {
        for json in ["", "{}", r#"{ "packages": [ {} ] }"#] {
            assert!(parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn this_workspace_has_this_package() {
        let packages = workspace_packages().unwrap();
        assert!(
            packages
                .iter()
                .any(|package| package.name == "xtask" && !package.published)
        );
    }
}
