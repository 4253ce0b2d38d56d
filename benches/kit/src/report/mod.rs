//! The report: for people as Markdown with pictures, for programs as JSON.

mod figure;
mod markdown;
mod number;
mod svg;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub use figure::{Bar, Beside, Budget, Chart, Figure, Section, Table, Verdict};
pub use number::readable;

/// Everything that was measured in one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Whether little was measured, to see that it works: the figures mean nothing then.
    pub quick: bool,
    /// Where it was measured.
    pub machine: Machine,
    /// What was measured.
    pub sections: Vec<Section>,
}

/// What figures depend on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// The operating system and the processor's architecture.
    pub platform: String,
    /// How many threads can run at the same time.
    pub cores: usize,
    /// Whether the compiler optimized.
    pub optimized: bool,
    /// Which compiler built it.
    pub compiler: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn this() -> Self {
        Self {
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            optimized: !cfg!(debug_assertions),
            compiler: env!("BENCH_COMPILER").to_owned(),
        }
    }
}

impl Report {
    /// Writes `report.md`, `report.json`, and by themselves the charts and, for pages that show these in another way,
    /// the summary and each section into a folder, which is made if need be.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let put = |name: &str, text: &str| {
            let file = folder.join(name);
            fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))
        };
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        for section in &self.sections {
            for (number, chart) in section.charts.iter().enumerate() {
                put(&chart_file(section, number), &svg::draw(chart))?;
            }
            put(&format!("{}.md", section.id), &markdown::section(section))?;
        }
        put("summary.md", &markdown::summary(self))?;
        put("report.md", &markdown::write(self))?;
        put("report.json", &serde_json::to_string_pretty(self)?)
    }

    /// The figures with this verdict, with the title of their section.
    pub fn judged(&self, verdict: Verdict) -> impl Iterator<Item = (&str, &Figure)> {
        self.sections.iter().flat_map(move |section| {
            let judged = move |figure: &&Figure| figure.verdict == verdict;
            let figures = section.figures.iter().filter(judged);
            figures.map(|figure| (section.title.as_str(), figure))
        })
    }
}

fn chart_file(section: &Section, number: usize) -> String {
    format!("{}-{}.svg", section.id, number + 1)
}
