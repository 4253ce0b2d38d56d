//! `cargo xtask guard`: what each crate may depend on, which is what keeps the core free of any HTTP
//! client, TLS library and runtime; and what a published crate must have.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use crate::command::{CommandLine, workspace_root};
use crate::graph::Graph;
use crate::metadata::{Kind, Package, workspace_packages};
use crate::{deny, packaged, published};

/// What must not be among the dependencies, direct or not, that a user of a package builds with its
/// default features.
const RULES: &[Rule] = &[
    Rule {
        package: "oauth-core",
        reason: "the core needs no HTTP client, no TLS library and no runtime",
        forbidden: &[
            // HTTP clients and what they are made of
            "attohttpc",
            "awc",
            "curl",
            "curl-sys",
            "h2",
            "h3",
            "hyper",
            "hyper-rustls",
            "hyper-tls",
            "hyper-util",
            "isahc",
            "minreq",
            "quinn",
            "reqwest",
            "reqwest-middleware",
            "surf",
            "tower",
            "ureq",
            // runtimes and executors
            "actix-rt",
            "async-executor",
            "async-global-executor",
            "async-io",
            "async-std",
            "compio",
            "futures-executor",
            "glommio",
            "mio",
            "monoio",
            "polling",
            "smol",
            "tokio",
            "tokio-util",
            // TLS and cryptography that has to be built or linked
            "aws-lc-rs",
            "aws-lc-sys",
            "boring",
            "boring-sys",
            "native-tls",
            "openssl",
            "openssl-sys",
            "ring",
            "rustls",
            "schannel",
            "security-framework",
            // keys and signatures, which are behind the feature `jwt`
            "ecdsa",
            "ed25519-dalek",
            "jsonwebtoken",
            "p256",
            "p384",
            "p521",
            "rsa",
            // facades, which are behind the features `tracing` and `metrics`
            "log",
            "metrics",
            "tracing",
            "tracing-core",
            // our own crates that build on it
            "oauth-isahc",
            "oauth-reqwest",
            "oauth-testkit",
        ],
    },
    Rule {
        package: "oauth-tower",
        reason: "the layer works over any client, and brings none, nor a runtime",
        forbidden: &[
            "hyper",
            "hyper-util",
            "isahc",
            "oauth-isahc",
            "oauth-reqwest",
            "oauth-testkit",
            "reqwest",
            "tokio",
            "tower",
        ],
    },
    Rule {
        package: "oauth-isahc",
        reason: "isahc works with no runtime, and adapters know nothing of each other",
        forbidden: &[
            "hyper",
            "oauth-reqwest",
            "oauth-testkit",
            "reqwest",
            "tokio",
        ],
    },
    Rule {
        package: "examples-isahc",
        reason: "it shows a program without any async runtime",
        forbidden: &["async-io", "hyper", "reqwest", "smol", "tokio"],
    },
    Rule {
        package: "oauth-reqwest",
        reason: "adapters know nothing of each other",
        forbidden: &["curl", "isahc", "oauth-isahc", "oauth-testkit"],
    },
];

/// The crate whose direct dependencies are accounted for in a table of CONTRIBUTING.md.
const ACCOUNTED: &str = "oauth-core";
const TABLE: &str = "Dependencies of oauth-core";

/// The crate that may only ever be a dev-dependency.
const TESTKIT: &str = "oauth-testkit";

#[derive(Debug)]
struct Rule {
    package: &'static str,
    reason: &'static str,
    forbidden: &'static [&'static str],
}

/// Checks every rule and reports all that is wrong, not just the first.
pub(crate) fn run() -> Result<()> {
    let packages = workspace_packages()?;
    let mut problems = Vec::new();
    for rule in RULES {
        problems.extend(check_tree(rule)?);
    }

    let file = workspace_root().join("CONTRIBUTING.md");
    let contributing = std::fs::read_to_string(&file)
        .with_context(|| format!("{} could not be read", file.display()))?;
    let used = direct_dependencies(&packages, ACCOUNTED);
    let rows = table_rows(&contributing, TABLE);
    problems.extend(used.difference(&rows).map(|name| {
        format!(
            "`{ACCOUNTED}` depends on `{name}`, and CONTRIBUTING.md does not say why: the table \
             “{TABLE}” has no row for it"
        )
    }));
    for name in rows.difference(&used) {
        println!("    note: the table “{TABLE}” has a row for `{name}`, which is not one of them");
    }

    problems.extend(testkit_leaks(&packages));
    problems.extend(published::problems(&packages)?);
    problems.extend(packaged::problems(&packages)?);

    let graph = Graph::load()?;
    problems.extend(deny::problems(&graph)?);
    problems.extend(graph.too_new(&oldest_rust(&packages)?));

    if !problems.is_empty() {
        bail!("the dependency guard found\n\n{}", problems.join("\n"));
    }
    println!(
        "    every dependency is where it may be, under a licence and from a source that may be"
    );
    Ok(())
}

/// The `rust-version` that all published packages have.
fn oldest_rust(packages: &[Package]) -> Result<String> {
    let published = packages.iter().find(|package| package.published);
    published
        .and_then(|package| package.rust_version.clone())
        .context("no published package has a `rust-version`")
}

/// The problems with one package's tree, each with the path that leads to it.
fn check_tree(rule: &Rule) -> Result<Vec<String>> {
    // For every platform: what only Windows builds is forbidden too. Without the model checker, which counts as one
    // of them and is in nobody's build (`--cfg oauth_shuttle`).
    let tree = CommandLine::cargo([
        "tree",
        "-p",
        rule.package,
        "-e",
        "normal",
        "--target",
        "all",
        "--prune",
        "shuttle",
    ]);
    let listing = tree
        .clone()
        .arguments(["--prefix", "none", "--format", "{p}"])
        .output()?;
    forbidden_in(&listing, rule.forbidden)
        .into_iter()
        .map(|found| {
            let path = tree.clone().arguments(["-i", &found]).output()?;
            let Rule {
                package, reason, ..
            } = rule;
            Ok(format!(
                "`{package}` must not depend on `{found}`: {reason}\n{path}"
            ))
        })
        .collect()
}

/// The forbidden packages in a tree listed without prefixes, as `name@version`, which tells two
/// versions of one package apart.
fn forbidden_in(listing: &str, forbidden: &[&str]) -> BTreeSet<String> {
    listing
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().filter(|name| forbidden.contains(name))?;
            let version = words.next()?;
            Some(format!(
                "{name}@{}",
                version.strip_prefix('v').unwrap_or(version)
            ))
        })
        .collect()
}

/// What a package's manifest asks for outside of tests and build scripts, optional or not, on any
/// platform.
fn direct_dependencies(packages: &[Package], name: &str) -> BTreeSet<String> {
    packages
        .iter()
        .filter(|package| package.name == name)
        .flat_map(|package| &package.dependencies)
        .filter(|dependency| dependency.kind == Kind::Normal)
        .map(|dependency| dependency.name.clone())
        .collect()
}

/// The first cell of each row of the table below a heading, without its backticks.
fn table_rows(markdown: &str, heading: &str) -> BTreeSet<String> {
    markdown
        .lines()
        .skip_while(|line| title(line) != Some(heading))
        .skip(1)
        .take_while(|line| title(line).is_none())
        .filter_map(|line| line.trim().strip_prefix('|')?.split('|').next())
        // The line below the table's head is not a row, and neither is the head.
        .skip_while(|cell| !is_rule(cell))
        .filter(|cell| !is_rule(cell))
        .map(|cell| cell.trim().trim_matches('`').to_owned())
        .collect()
}

fn title(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    (text.len() < line.len() && text.starts_with(' ')).then(|| text.trim())
}

fn is_rule(cell: &str) -> bool {
    cell.contains('-')
        && cell
            .chars()
            .all(|character| matches!(character, ' ' | '-' | ':'))
}

/// Wherever the testkit is more than a path dev-dependency of a published package.
fn testkit_leaks(packages: &[Package]) -> Vec<String> {
    let mut leaks = Vec::new();
    for package in packages.iter().filter(|package| package.published) {
        for dependency in package
            .dependencies
            .iter()
            .filter(|each| each.name == TESTKIT)
        {
            let name = &package.name;
            if dependency.kind != Kind::Dev {
                leaks.push(format!(
                    "`{name}` may use `{TESTKIT}` only as a dev-dependency"
                ));
            } else if dependency.requirement != "*" {
                leaks.push(format!(
                    "`{name}` names a version of `{TESTKIT}`: it takes the path only, or neither \
                     could be published before the other"
                ));
            }
        }
    }
    leaks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn rule(package: &str) -> &'static Rule {
        RULES.iter().find(|rule| rule.package == package).unwrap()
    }

    fn package(name: &str, published: bool, dependencies: &[(&str, Kind, &str)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|&(name, kind, requirement)| Dependency {
                name: name.into(),
                kind,
                requirement: requirement.into(),
            })
            .collect();
        Package {
            name: name.into(),
            published,
            dependencies,
            ..Package::default()
        }
    }

    #[test]
    fn a_forbidden_crate_is_found_with_its_version() {
        let listing = "oauth-core v0.1.0 (/w/oauth-core)\n\
                       http v1.5.0\n\
                       hyper v1.9.0\n\
                       tokio v1.54.0\n\
                       tokio v1.54.0 (*)\n\
                       curl-sys v0.4.91+curl-8.22.0\n";
        let found: Vec<String> = forbidden_in(listing, rule("oauth-core").forbidden)
            .into_iter()
            .collect();
        assert_eq!(
            found,
            ["curl-sys@0.4.91+curl-8.22.0", "hyper@1.9.0", "tokio@1.54.0"]
        );
    }

    #[test]
    fn a_name_that_only_begins_like_a_forbidden_one_is_fine() {
        let listing = "oauth-core v0.1.0\nasync-task v4.7.1\ntokio-like v1.0.0\nhttparse v1.10.1\n";
        assert!(forbidden_in(listing, rule("oauth-core").forbidden).is_empty());
    }

    #[test]
    fn every_client_and_runtime_is_kept_out_of_the_core() {
        let forbidden = rule("oauth-core").forbidden;
        for name in [
            "reqwest",
            "isahc",
            "hyper",
            "tokio",
            "async-std",
            "smol",
            "rustls",
            "ring",
            "jsonwebtoken",
        ] {
            assert!(forbidden.contains(&name), "{name}");
        }
        for name in ["tokio", "reqwest", "hyper"] {
            assert!(rule("oauth-isahc").forbidden.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_dependency_without_a_row_is_found() {
        let markdown = "## Layout\n\n| `layout` | no |\n\n\
                        ## Dependencies of oauth-core\n\n\
                        Prose before it.\n\n\
                        | crate | why |\n| :--- | --- |\n| `http` | the types |\n| bytes | bodies |\n\n\
                        ## Next\n\n| a | b |\n| --- | --- |\n| `tracing` | elsewhere |\n";
        let packages = [package(
            "oauth-core",
            true,
            &[
                ("http", Kind::Normal, "^1"),
                ("bytes", Kind::Normal, "^1"),
                ("tracing", Kind::Normal, "^0.1"),
                ("proptest", Kind::Dev, "^1"),
            ],
        )];
        let used = direct_dependencies(&packages, ACCOUNTED);
        let rows = table_rows(markdown, TABLE);
        assert_eq!(used.difference(&rows).collect::<Vec<_>>(), ["tracing"]);
        assert_eq!(rows.difference(&used).count(), 0);
    }

    #[test]
    fn without_the_heading_nothing_is_accounted_for() {
        assert!(
            table_rows(
                "| crate | why |\n| --- | --- |\n| `http` | types |\n",
                TABLE
            )
            .is_empty()
        );
    }

    #[test]
    fn the_testkit_is_a_path_dev_dependency_of_what_is_published() {
        let fine = [
            package("oauth-reqwest", true, &[(TESTKIT, Kind::Dev, "*")]),
            package("examples", false, &[(TESTKIT, Kind::Normal, "*")]),
        ];
        assert!(testkit_leaks(&fine).is_empty());
        for (kind, requirement) in [
            (Kind::Normal, "*"),
            (Kind::Build, "*"),
            (Kind::Dev, "^0.1.0"),
        ] {
            let leaking = [package("oauth-core", true, &[(TESTKIT, kind, requirement)])];
            assert_eq!(testkit_leaks(&leaking).len(), 1, "{kind:?} {requirement}");
        }
    }

    #[test]
    fn every_rule_is_about_a_package_of_this_workspace() {
        let packages = workspace_packages().unwrap();
        for rule in RULES {
            assert!(
                packages.iter().any(|package| package.name == rule.package),
                "{rule:?}"
            );
        }
    }
}
