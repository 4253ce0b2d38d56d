//! The versions that were built.

/// A library by its name and version; what is no package of its own has none.
pub fn named(name: &str, package: Option<&str>) -> String {
    match package {
        Some(package) => format!("{name} {}", of(package)),
        None => name.to_owned(),
    }
}

/// What `Cargo.lock` says of a package. Our own have none that would tell anything.
fn of(package: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let start = format!("name = \"{package}\"\nversion = \"");
    let versions: Vec<&str> = lock
        .split(&start)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    versions
        .last()
        .map_or_else(String::new, |version| (*version).to_owned())
}
