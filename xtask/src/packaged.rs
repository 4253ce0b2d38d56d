//! Whether a package holds all the files that its source includes. Only a build of the package tells otherwise.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::CommandLine;
use crate::metadata::Package;

/// The files that the source of a published crate includes, and its package lacks.
pub(crate) fn problems(packages: &[Package]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for package in packages.iter().filter(|package| package.published) {
        let list = CommandLine::cargo(["package", "--list", "--allow-dirty", "-p", &package.name]);
        let packaged = list.output()?.lines().map(PathBuf::from).collect();
        for (source, file) in lacking(&package.folder, &packaged)? {
            problems.push(format!(
                "`{}` includes {} in {}, which is not packaged: see `include` in its manifest",
                package.name,
                file.display(),
                source.display(),
            ));
        }
    }
    Ok(problems)
}

/// Each source file that is packaged, with a file that it includes and that is not.
fn lacking(folder: &Path, packaged: &BTreeSet<PathBuf>) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut lacking = Vec::new();
    for source in packaged {
        if source.extension().is_none_or(|it| it != "rs") {
            continue;
        }
        let text = fs::read_to_string(folder.join(source))
            .with_context(|| format!("{} could not be read", source.display()))?;
        for name in included(&text) {
            let file = beside(source, name);
            if !packaged.contains(&file) {
                lacking.push((source.clone(), file));
            }
        }
    }
    Ok(lacking)
}

/// What `text` includes, but for what only its documentation tests do: those run in the repository.
fn included(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split_inclusive("#[cfg(doctest)]\n").enumerate();
    let lines = lines.map(|(piece, text)| match piece {
        0 => text,
        _ => text.split_once('\n').map_or("", |(_, rest)| rest),
    });
    lines.flat_map(inclusions)
}

fn inclusions(text: &str) -> impl Iterator<Item = &str> {
    ["include_str!(\"", "include_bytes!(\"", "include!(\""]
        .into_iter()
        .flat_map(move |call| text.split(call).skip(1))
        .filter_map(|rest| rest.split_once('"').map(|(name, _)| name))
}

/// A path as it is seen from the folder of a file.
fn beside(source: &Path, name: &str) -> PathBuf {
    let mut path = source.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(name).components() {
        match part {
            Component::ParentDir if path.file_name().is_some() => {
                path.pop();
            }
            // Beyond the package, where nothing of it is.
            part => path.push(part),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_included_and_not_packaged_is_told() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oauth-core");
        let all = ["src/lib.rs", "README.md", "OBSERVABILITY.md"].map(PathBuf::from);
        assert_eq!(lacking(&folder, &BTreeSet::from(all.clone())).unwrap(), []);
        let [library, readme, observability] = all;
        let some = BTreeSet::from([library.clone(), readme]);
        assert_eq!(lacking(&folder, &some).unwrap(), [(library, observability)]);
    }

    #[test]
    fn a_path_is_seen_from_the_folder_of_its_file() {
        let source = Path::new("src/program/mod.rs");
        assert_eq!(beside(source, "../../GUIDE.md"), Path::new("GUIDE.md"));
        assert_eq!(
            beside(source, "page.html"),
            Path::new("src/program/page.html")
        );
        let source = Path::new("src/lib.rs");
        for beyond in ["../../README.md", "../../../README.md"] {
            assert!(beside(source, beyond).starts_with(".."), "{beyond}");
        }
    }

    #[test]
    fn what_only_documentation_tests_include_need_not_be_packaged() {
        let text = "#[doc = include_str!(\"a\")]\n#[cfg(doctest)]\n#[doc = include_str!(\"b\")]\nmod b {}\n\
                    #[doc = include_str!(\"c\")]\n";
        assert_eq!(included(text).collect::<Vec<_>>(), ["a", "c"]);
    }
}
