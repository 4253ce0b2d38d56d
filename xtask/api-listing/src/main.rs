//! `api-listing FILE`: prints the public API of a crate, one item a line, each type with what belongs to it, from the JSON
//! that rustdoc wrote of it.

use std::io::Write as _;

use anyhow::{Context, Result};
use public_api::Builder;

/// Traits that nearly every type has, and that no program of ours depends on. `Send` and `Sync` are not among them:
/// a type that loses one breaks its users.
const UNREMARKABLE: &[&str] = &[
    "core::marker::Freeze for ",
    "core::marker::Unpin for ",
    "core::marker::UnsafeUnpin for ",
    "core::panic::unwind_safe::RefUnwindSafe for ",
    "core::panic::unwind_safe::UnwindSafe for ",
];

fn main() -> Result<()> {
    let file = std::env::args_os()
        .nth(1)
        .context("usage: api-listing FILE, which rustdoc wrote with `--output-format json`")?;
    let api = Builder::from_rustdoc_json(&file)
        .omit_blanket_impls(true)
        .build()
        .with_context(|| format!("{} cannot be read", file.to_string_lossy()))?;
    let mut lines: Vec<String> = api.items().map(ToString::to_string).collect();
    lines.retain(|line| is_remarkable(line));
    lines.dedup();
    let mut text = lines.join("\n");
    text.push('\n');
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("the listing cannot be written")
}

fn is_remarkable(line: &str) -> bool {
    !UNREMARKABLE.iter().any(|each| line.contains(each))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_auto_traits_only_those_that_matter_are_listed() {
        assert!(is_remarkable("impl core::marker::Send for a::Token"));
        assert!(is_remarkable("impl !core::marker::Sync for a::Token"));
        assert!(!is_remarkable("impl core::marker::Unpin for a::Token"));
        assert!(!is_remarkable(
            "impl !core::panic::unwind_safe::UnwindSafe for a::Token"
        ));
    }
}
