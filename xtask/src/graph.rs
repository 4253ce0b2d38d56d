//! Every crate that this workspace builds with, and which of them the published ones bring to their users.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::CommandLine;

/// A crate in one version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    /// As the manifest says it.
    pub(crate) licence: Option<String>,
    /// Where it comes from; `None` for our own.
    pub(crate) source: Option<String>,
    /// The oldest Rust that it says it builds with.
    pub(crate) rust_version: Option<String>,
    /// Whether users of a published crate may build it, with whatever features and on whatever platform.
    pub(crate) reaches_users: bool,
}

#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) crates: Vec<Crate>,
}

impl Graph {
    pub(crate) fn load() -> Result<Self> {
        let json =
            CommandLine::cargo(["metadata", "--all-features", "--format-version", "1"]).output()?;
        Self::parse(&json).context("`cargo metadata` wrote something unexpected")
    }

    fn parse(json: &str) -> Result<Self> {
        let metadata: Value = serde_json::from_str(json)?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let nodes = metadata["resolve"]["nodes"]
            .as_array()
            .context("no graph")?;
        let members: BTreeSet<&str> = strings(&metadata["workspace_members"]).collect();
        let id = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();

        let published = packages
            .iter()
            .filter(|package| package["publish"].is_null())
            .map(id);
        let mut waiting: Vec<String> = published
            .filter(|id| members.contains(id.as_str()))
            .collect();
        let mut reached = BTreeSet::new();
        while let Some(next) = waiting.pop() {
            if let Some(node) = nodes.iter().find(|node| node["id"] == *next) {
                waiting.extend(users_need(node).filter(|id| !reached.contains(id)));
            }
            reached.insert(next);
        }

        let text = |value: &Value| value.as_str().map(str::to_owned);
        let crates = packages.iter().map(|package| Crate {
            name: text(&package["name"]).unwrap_or_default(),
            version: text(&package["version"]).unwrap_or_default(),
            licence: text(&package["license"]),
            source: text(&package["source"]),
            rust_version: text(&package["rust_version"]),
            reaches_users: reached.contains(&id(package)),
        });
        Ok(Self {
            crates: crates.collect(),
        })
    }

    /// Those that users may build and that ask for a newer Rust than `ours` says.
    pub(crate) fn too_new(&self, ours: &str) -> Vec<String> {
        self.crates
            .iter()
            .filter(|each| each.reaches_users)
            .filter_map(|each| {
                let theirs = each.rust_version.as_deref()?;
                let Crate { name, version, .. } = each;
                (numbers(theirs) > numbers(ours)).then(|| {
                    format!("`{name}@{version}` needs Rust {theirs}, and `rust-version` in Cargo.toml promises {ours}")
                })
            })
            .collect()
    }
}

/// What a crate depends on other than for its own tests.
fn users_need(node: &Value) -> impl Iterator<Item = String> + '_ {
    let dependencies = node["deps"].as_array().into_iter().flatten();
    dependencies
        .filter(|each| {
            let kinds = each["dep_kinds"].as_array();
            kinds.is_none_or(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"))
        })
        .filter_map(|each| each["pkg"].as_str().map(str::to_owned))
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// `1.88` is `1.88.0`.
fn numbers(version: &str) -> [u64; 3] {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{
        "workspace_members": ["ours", "tool"],
        "packages": [
            { "id": "ours", "name": "ours", "version": "0.1.0", "publish": null, "rust_version": "1.88" },
            { "id": "tool", "name": "tool", "version": "0.1.0", "publish": [] },
            { "id": "a", "name": "a", "version": "1.0.0", "publish": null, "rust_version": "1.88.0" },
            { "id": "b", "name": "b", "version": "2.0.0", "publish": null, "rust_version": "1.90" },
            { "id": "t", "name": "t", "version": "3.0.0", "publish": null, "rust_version": "1.99" } ],
        "resolve": { "nodes": [
            { "id": "ours", "deps": [
                { "pkg": "a", "dep_kinds": [{ "kind": null }, { "kind": "dev" }] },
                { "pkg": "t", "dep_kinds": [{ "kind": "dev" }] } ] },
            { "id": "a", "deps": [{ "pkg": "b", "dep_kinds": [{ "kind": "build" }] }] },
            { "id": "b", "deps": [{ "pkg": "a", "dep_kinds": [{ "kind": null }] }] },
            { "id": "tool", "deps": [{ "pkg": "t", "dep_kinds": [{ "kind": null }] }] } ] } }"#;

    #[test]
    fn users_get_what_is_not_for_tests_alone() {
        let graph = Graph::parse(JSON).unwrap();
        let reached = graph.crates.iter().filter(|each| each.reaches_users);
        assert_eq!(
            reached.map(|each| &each.name).collect::<Vec<_>>(),
            ["ours", "a", "b"]
        );
    }

    #[test]
    fn a_dependency_that_needs_a_newer_rust_is_told() {
        let graph = Graph::parse(JSON).unwrap();
        let too_new = graph.too_new("1.88");
        assert!(
            too_new.len() == 1 && too_new[0].contains("`b@2.0.0`"),
            "{too_new:?}"
        );
        assert!(graph.too_new("1.90").is_empty());
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(numbers("1.100") > numbers("1.88.2"));
        assert_eq!(numbers("1.88"), numbers("1.88.0"));
    }
}
