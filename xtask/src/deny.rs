//! `cargo xtask deny`: cargo-deny judges the dependencies by `deny.toml`, and `cargo xtask guard` does the quick part of it
//! by the same lists.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::command::{CommandLine, workspace_root};
use crate::graph::{Crate, Graph};
use crate::licence;

/// Has cargo-deny check bans, licences and sources, and installs it if it is not there, which takes minutes. No
/// advisories: their database comes over the network and changes by the day, so that the same commit would pass today
/// and fail tomorrow; `cargo deny check advisories` asks it.
pub(crate) fn run() -> Result<()> {
    if !CommandLine::cargo(["deny", "--version"]).succeeds() {
        let install = CommandLine::cargo(["install", "--locked", "cargo-deny"]);
        println!("    {install}");
        install.run()?;
    }
    CommandLine::cargo(["deny", "check", "--hide-inclusion-graph"])
        .arguments(["bans", "licenses", "sources"])
        .run()
}

/// What is wrong with the dependencies as far as `cargo metadata` tells.
pub(crate) fn problems(graph: &Graph) -> Result<Vec<String>> {
    let file = workspace_root().join("deny.toml");
    let text = fs::read_to_string(&file)
        .with_context(|| format!("{} could not be read", file.display()))?;
    let lists = Lists::parse(&text)?;
    Ok(graph
        .crates
        .iter()
        .filter_map(|each| lists.problem(each))
        .collect())
}

/// Those lists of `deny.toml` that are judged by here.
#[derive(Debug)]
struct Lists {
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
    registries: BTreeSet<String>,
}

impl Lists {
    fn parse(toml: &str) -> Result<Self> {
        Ok(Self {
            licences: list(toml, "licenses", "allow")?,
            banned: list(toml, "bans", "deny")?,
            registries: list(toml, "sources", "allow-registry")?,
        })
    }

    fn problem(&self, found: &Crate) -> Option<String> {
        let Crate { name, version, .. } = found;
        // Our own: what is taken by path.
        let source = found.source.as_deref()?;
        let registry = source.strip_prefix("registry+");
        if !registry.is_some_and(|url| self.registries.contains(url)) {
            return Some(format!(
                "`{name}@{version}` comes from {source}, which `sources` in deny.toml does not allow"
            ));
        }
        if self.banned.contains(name) {
            return Some(format!(
                "`{name}@{version}` is banned by `bans` in deny.toml"
            ));
        }
        let licence = found.licence.as_deref().unwrap_or("");
        if !licence::is_met(licence, &self.licences) {
            return Some(format!(
                "`{name}@{version}` has the licence `{licence}`, for which the list `licenses.allow` in deny.toml is not enough"
            ));
        }
        None
    }
}

/// The strings of a list, in the few forms in which TOML is written there: a table's head in a line of its own, strings
/// in double quotes, none of which has a bracket or `#` in it.
fn list(toml: &str, table: &str, key: &str) -> Result<BTreeSet<String>> {
    let lines: Vec<&str> = toml
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim())
        .skip_while(|line| *line != format!("[{table}]"))
        .skip(1)
        .take_while(|line| !is_head(line))
        .collect();
    let text = lines.join("\n");
    let start = text.lines().scan(0, |at, line| {
        let start = *at;
        *at += line.len() + 1;
        Some((start, line))
    });
    for (at, line) in start {
        if line.split('=').next().map(str::trim) == Some(key) {
            let (_, after) = text[at..].split_once('[').context("no list")?;
            let (inside, _) = after.split_once(']').context("the list has no end")?;
            return Ok(inside
                .split('"')
                .skip(1)
                .step_by(2)
                .map(String::from)
                .collect());
        }
    }
    bail!("deny.toml has no list `{table}.{key}`")
}

fn is_head(line: &str) -> bool {
    line.starts_with('[') && line.ends_with(']') && !line.contains(['"', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "[graph]\nallow = [\"GPL-3.0\"]\n\n[licenses]\n# a comment\nallow = [\n    \"MIT\", # why\n    \
                        \"ISC\",\n]\n[bans]\ndeny = [\"openssl\"]\n[sources]\nallow-registry = [\"https://r\"]\n";

    fn found(name: &str, licence: &str, source: Option<&str>) -> Crate {
        Crate {
            name: name.into(),
            version: "1.0.0".into(),
            licence: Some(licence.into()),
            source: source.map(str::to_owned),
            ..Crate::default()
        }
    }

    #[test]
    fn a_list_is_read_from_its_own_table() {
        let licences = list(TOML, "licenses", "allow").unwrap();
        assert_eq!(licences.into_iter().collect::<Vec<_>>(), ["ISC", "MIT"]);
        assert!(list(TOML, "licenses", "deny").is_err());
    }

    #[test]
    fn what_the_lists_do_not_allow_is_told() {
        let lists = Lists::parse(TOML).unwrap();
        let registry = Some("registry+https://r");
        assert_eq!(lists.problem(&found("a", "MIT OR GPL-3.0", registry)), None);
        assert_eq!(lists.problem(&found("ours", "", None)), None);
        for wrong in [
            found("a", "GPL-3.0", registry),
            found("a", "", registry),
            found("openssl", "MIT", registry),
            found("a", "MIT", Some("git+https://r")),
            found("a", "MIT", Some("registry+https://other")),
        ] {
            assert!(lists.problem(&wrong).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn the_file_has_all_that_is_read() {
        let text = fs::read_to_string(workspace_root().join("deny.toml")).unwrap();
        let lists = Lists::parse(&text).unwrap();
        assert!(lists.licences.contains("MIT") && lists.banned.contains("openssl"));
        assert_eq!(lists.registries.len(), 1);
    }
}
