//! Instruction counts, which are counted elsewhere and judged here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use oauth_bench_kit::Quartiles;
use oauth_bench_kit::report::{Budget, Figure, Section};

const HOW: &str = "Counted by callgrind, which gives the same figure on every run, however busy the machine is. The \
    clock stands still, but for the piece that says otherwise; there the kernel's own code is not counted. \
    `cargo xtask instructions` holds them against the figures of record.";

/// What is judged.
const BUDGET: f64 = 250.0;

/// What the pieces are, by their names.
const PIECES: &[(&str, &str, bool)] = &[
    ("look", "look at the ready token in place", true),
    ("own", "own the ready header", true),
    ("await", "await the token", false),
    ("authorize", "authorize a request", false),
    (
        "look-system-clock",
        "look in place, by the clock of the machine",
        true,
    ),
    (
        "parse",
        "a token request, with three members in the answer",
        false,
    ),
    ("parse-everything", "the same, with many", false),
];

/// From a file with a number for each name.
pub(crate) fn read(file: &Path) -> Result<Section> {
    let text =
        fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let counts: BTreeMap<String, u64> = serde_json::from_str(&text)
        .with_context(|| format!("{} does not hold counts", file.display()))?;
    let mut section = Section::new("instructions", "Instructions", HOW);
    for (name, what, is_judged) in PIECES {
        let count = counts
            .get(*name)
            .with_context(|| format!("`{name}` is not counted"))?;
        let figure = Figure::new(*what, "instructions", Quartiles::exactly(*count as f64));
        section.figures.push(if *is_judged {
            figure.budget(Budget::AtMost(BUDGET))
        } else {
            figure
        });
    }
    Ok(section)
}
