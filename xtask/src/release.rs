//! `cargo xtask release`: all that a release needs is checked, every crate is packaged and built from its package, and it
//! says what comes next, or does it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use crate::changelog::Changelog;
use crate::command::{CommandLine, workspace_root};
use crate::metadata::{Kind, Package, published_packages};
use crate::steps::Verdict;
use crate::{api, deny, documented, guard};

/// Rehearses, and publishes if `publish` is the version that is there.
pub(crate) fn run(publish: Option<&str>) -> Result<()> {
    let packages = published_packages()?;
    let version = version(&packages)?;
    let order = order(&packages)?;

    let mut problems = requirements(&packages, &version);
    let text = std::fs::read_to_string(workspace_root().join("CHANGELOG.md"))
        .context("CHANGELOG.md could not be read")?;
    problems.extend(Changelog::parse(&text).problems(&version));
    problems.extend(uncommitted()?);
    problems.extend(documented::problems(&packages, &version)?);
    if let Some(wanted) = publish {
        if wanted != version {
            problems.push(format!("the crates have version {version}"));
        }
        problems.extend(homeless(&packages));
    }

    // The rest also when something above is wrong: one rehearsal should find everything.
    for (title, check) in [
        ("guard", guard::run as fn() -> Result<()>),
        ("public API", api::check),
        ("cargo-deny", deny::run),
    ] {
        println!("\n==> {title}");
        if let Err(error) = check() {
            problems.push(format!("{title}: {error:#}"));
        }
    }
    println!("\n==> packages");
    let packaging = packaging(&order);
    println!("    {packaging}");
    if let Err(error) = packaging.run() {
        problems.push(error.to_string());
    }

    println!(
        "\nVersion {version}, tag v{version}, in this order: {}",
        order.join(", ")
    );
    if !problems.is_empty() {
        bail!("not fit for release:\n- {}", problems.join("\n- "));
    }
    if publish.is_some() {
        // One at a time: cargo waits until the registry has it, which the next one needs.
        for name in &order {
            let command = CommandLine::cargo(["publish", "-p", name]);
            println!("\n==> {command}");
            command.run().with_context(|| {
                format!("`{name}` and those after it are not published; publish them by hand, in the order above")
            })?;
        }
        println!("\nPublished. Now: git tag v{version} && git push origin v{version}");
    } else {
        println!("All is fit for release: cargo xtask release --publish {version}");
    }
    Ok(())
}

/// All at once: cargo builds each from its package, with the packages of the others, which no registry has yet. The
/// working tree is judged elsewhere, so that a rehearsal goes on with one that is not clean.
fn packaging(order: &[String]) -> CommandLine {
    let packages = order.iter().flat_map(|name| ["-p", name.as_str()]);
    CommandLine::cargo(["package", "--quiet", "--allow-dirty"]).arguments(packages)
}

/// The first cargo that packages crates which need each other and are in no registry yet.
const PACKAGES_TOGETHER: u32 = 90;

/// Packages all, and builds none: that takes the minutes of a release.
pub(crate) fn package_if_possible() -> Result<Verdict> {
    let version = CommandLine::cargo(["--version"]).output()?;
    if minor(&version).is_none_or(|minor| minor < PACKAGES_TOGETHER) {
        let reason = format!(
            "cargo packages crates together from 1.{PACKAGES_TOGETHER} on, and this is {}",
            version.trim()
        );
        return Ok(Verdict::LeftOut(reason));
    }
    let packaging = packaging(&order(&published_packages()?)?).arguments(["--no-verify"]);
    packaging.run().map(|()| Verdict::Passed)
}

/// The second number of `cargo 1.95.0 (f2d3ce0bd 2026-03-21)`.
fn minor(version: &str) -> Option<u32> {
    version
        .strip_prefix("cargo 1.")?
        .split('.')
        .next()?
        .parse()
        .ok()
}

/// Where the source of each is, the registry shows to whoever finds it there.
fn homeless(packages: &[Package]) -> Option<String> {
    let lacking = packages.iter().filter(|package| !package.has_repository);
    let names: Vec<&str> = lacking.map(|package| package.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "these say nowhere in their manifest where their `repository` is: {}",
            names.join(", ")
        )
    })
}

/// The version of all.
fn version(packages: &[Package]) -> Result<String> {
    let versions: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.version.as_str())
        .collect();
    match versions.into_iter().collect::<Vec<_>>()[..] {
        [version] => Ok(version.to_owned()),
        [] => bail!("nothing is published"),
        ref several => bail!(
            "the published crates have different versions: {}",
            several.join(", ")
        ),
    }
}

/// Wherever one of our crates asks for another version of another.
fn requirements(packages: &[Package], version: &str) -> Vec<String> {
    let wanted = format!("^{version}");
    let mut problems = Vec::new();
    for package in packages {
        for needed in needs(package, packages).filter(|each| each.requirement != wanted) {
            problems.push(format!(
                "`{}` asks for `{}` {}, and not for {wanted}",
                package.name, needed.name, needed.requirement
            ));
        }
    }
    problems
}

/// The order in which each comes after what it needs.
fn order(packages: &[Package]) -> Result<Vec<String>> {
    let mut waiting: Vec<&Package> = packages.iter().collect();
    waiting.sort_by(|a, b| a.name.cmp(&b.name));
    let mut order: Vec<String> = Vec::new();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|package| {
            needs(package, packages).all(|needed| order.contains(&needed.name))
        });
        let Some(ready) = ready else {
            let names: Vec<&str> = waiting
                .iter()
                .map(|package| package.name.as_str())
                .collect();
            bail!(
                "these need each other, so that none can be published first: {}",
                names.join(", ")
            );
        };
        order.push(waiting.remove(ready).name.clone());
    }
    Ok(order)
}

/// Those of our crates that have to be in the registry before this one: also those of its tests, unless they are
/// taken by path alone, which cargo leaves out of what it publishes.
fn needs<'a>(
    package: &'a Package,
    packages: &'a [Package],
) -> impl Iterator<Item = &'a crate::metadata::Dependency> {
    package.dependencies.iter().filter(|each| {
        let is_left_out = each.kind == Kind::Dev && each.requirement == "*";
        !is_left_out && packages.iter().any(|package| package.name == each.name)
    })
}

/// What git does not have.
fn uncommitted() -> Result<Option<String>> {
    let status = CommandLine::new("git")
        .arguments(["status", "--porcelain"])
        .output()?;
    Ok((!status.is_empty()).then(|| {
        format!(
            "there are changes that are not committed:\n{}",
            status.trim_end()
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dependencies: &[(&str, Kind, &str)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|&(name, kind, requirement)| Dependency {
                name: name.into(),
                kind,
                requirement: requirement.into(),
            });
        Package {
            name: name.into(),
            version: "0.1.0".into(),
            published: true,
            dependencies: dependencies.collect(),
            ..Package::default()
        }
    }

    #[test]
    fn each_is_published_after_what_it_needs() {
        let packages = [
            package(
                "adapter",
                &[
                    ("core", Kind::Normal, "^0.1.0"),
                    ("http", Kind::Normal, "^1"),
                ],
            ),
            package("core", &[("kit", Kind::Dev, "*")]),
            package(
                "grants",
                &[
                    ("core", Kind::Normal, "^0.1.0"),
                    ("zebra", Kind::Dev, "^0.1.0"),
                ],
            ),
            package(
                "kit",
                &[
                    ("core", Kind::Normal, "^0.1.0"),
                    ("adapter", Kind::Dev, "^0.1.0"),
                ],
            ),
            package("zebra", &[("core", Kind::Build, "^0.1.0")]),
        ];
        assert_eq!(
            order(&packages).unwrap(),
            ["core", "adapter", "kit", "zebra", "grants"]
        );
        assert!(requirements(&packages, "0.1.0").is_empty());
        assert_eq!(requirements(&packages, "0.2.0").len(), 6);
    }

    #[test]
    fn a_crate_without_a_repository_is_told() {
        let mut packages = [package("a", &[]), package("b", &[])];
        packages[0].has_repository = true;
        assert!(homeless(&packages).is_some_and(|problem| problem.ends_with(": b")));
        assert_eq!(homeless(&packages[..1]), None);
    }

    #[test]
    fn the_version_of_cargo_is_read() {
        assert_eq!(minor("cargo 1.95.0 (f2d3ce0bd 2026-03-21)\n"), Some(95));
        assert_eq!(minor("cargo 2.0.0"), None);
    }

    #[test]
    fn a_circle_is_told() {
        let circle = [
            package("a", &[("b", Kind::Normal, "^0.1.0")]),
            package("b", &[("a", Kind::Dev, "^0.1.0")]),
            package("c", &[]),
        ];
        let error = order(&circle).unwrap_err().to_string();
        assert!(error.ends_with(": a, b"), "{error}");
    }

    #[test]
    fn all_have_one_version() {
        let mut packages = vec![package("a", &[]), package("b", &[])];
        assert_eq!(version(&packages).unwrap(), "0.1.0");
        packages[1].version = "0.2.0".into();
        assert!(version(&packages).is_err());
        assert!(version(&[]).is_err());
    }

    #[test]
    fn the_order_of_this_workspace_begins_with_the_core() {
        let packages = published_packages().unwrap();
        let order = order(&packages).unwrap();
        assert_eq!(order.len(), packages.len());
        assert_eq!(order[0], "oauth-core");
    }
}
