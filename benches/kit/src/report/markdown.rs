//! The report as Markdown.

use std::fmt::Write as _;

use crate::quartiles::Quartiles;
use crate::report::figure::{Budget, Figure, Section, Table, Verdict};
use crate::report::number::readable;
use crate::report::{Report, chart_file};

/// The whole report.
pub(super) fn write(report: &Report) -> String {
    let mut text = format!("# Benchmark report\n\n{}", summary(report));
    for part in &report.sections {
        text.push_str(&section(part));
        for (number, chart) in part.charts.iter().enumerate() {
            let file = chart_file(part, number);
            line(&mut text, &format!("![{}]({file})\n", chart.title));
        }
    }
    text
}

/// How and where it was measured, and what is over its budget.
pub(super) fn summary(report: &Report) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    line(
        &mut text,
        &format!(
            "Measured on {} with {} cores{}. Medians, and in brackets the range of the middle half. \
             Whatever is compared was measured in turn within the same short rounds; what is judged is the median \
             of the ratios of the rounds, where it is sure enough (95 %) which side of the budget it is on. Built by {}.\n",
            machine.platform,
            machine.cores,
            if machine.optimized {
                ""
            } else {
                ", **not optimized**"
            },
            machine.compiler
        ),
    );
    if report.quick {
        line(
            &mut text,
            "**A quick run: it shows that everything works, and its figures mean nothing.**\n",
        );
    }
    write_verdicts(&mut text, report);
    text
}

fn write_verdicts(text: &mut String, report: &Report) {
    let figures = || report.sections.iter().flat_map(|section| &section.figures);
    let count = |verdict| figures().filter(|figure| figure.verdict == verdict).count();
    let (met, missed) = (count(Verdict::Met), count(Verdict::Missed));
    let unclear = count(Verdict::Unclear);
    line(
        text,
        &format!("Budgets: {met} met, {missed} missed, {unclear} too close to call.\n"),
    );
    for (verdict, name) in [
        (Verdict::Missed, "**missed**"),
        (Verdict::Unclear, "too close to call"),
    ] {
        for (section, figure) in report.judged(verdict) {
            let (outcome, budget) = (outcome(figure), budget(figure));
            line(
                text,
                &format!(
                    "- {name}: {section}: {}: {outcome} (budget {budget})",
                    figure.what
                ),
            );
        }
    }
    if missed + unclear > 0 {
        line(text, "");
    }
}

/// Its figures and tables, without its charts.
pub(super) fn section(section: &Section) -> String {
    let mut text = String::new();
    line(&mut text, &format!("## {}\n", section.title));
    line(&mut text, &format!("{}\n", section.how));
    if !section.figures.is_empty() {
        let rows = section.figures.iter().map(row).collect();
        let columns = [
            "what",
            "measured",
            "beside it",
            "ratio",
            "budget",
            "verdict",
        ];
        write_table(&mut text, &columns.map(String::from), rows);
    }
    for table in &section.tables {
        let Table {
            title,
            columns,
            rows,
        } = table;
        line(&mut text, &format!("**{title}**\n"));
        write_table(&mut text, columns, rows.clone());
    }
    text
}

fn row(figure: &Figure) -> Vec<String> {
    let beside = figure.beside.as_ref();
    vec![
        figure.what.clone(),
        format!("{} {}", quartiles(figure.value), figure.unit),
        beside.map_or_else(String::new, |beside| {
            format!(
                "{}: {} {}",
                beside.what,
                quartiles(beside.value),
                figure.unit
            )
        }),
        beside.map_or_else(String::new, |beside| quartiles(beside.ratio)),
        budget(figure),
        match figure.verdict {
            Verdict::None => "",
            Verdict::Met => "met",
            Verdict::Missed => "**missed**",
            Verdict::Unclear => "too close to call",
        }
        .to_owned(),
    ]
}

/// What a figure is judged by.
fn outcome(figure: &Figure) -> String {
    match (figure.budget, &figure.beside) {
        (Some(Budget::RatioAtMost(_) | Budget::RatioAtLeast(_)), Some(beside)) => {
            format!("{} × {}", quartiles(beside.ratio), beside.what)
        }
        _ => format!("{} {}", quartiles(figure.value), figure.unit),
    }
}

fn budget(figure: &Figure) -> String {
    let text = match figure.budget {
        None => return String::new(),
        Some(Budget::AtMost(limit)) => format!("≤ {}", readable(limit)),
        Some(Budget::NeverMore(limit)) => format!("never > {}", readable(limit)),
        Some(Budget::RatioAtMost(limit)) => format!("≤ {} ×", readable(limit)),
        Some(Budget::RatioAtLeast(limit)) => format!("≥ {} ×", readable(limit)),
    };
    match figure.resolution {
        None => text,
        Some(resolution) => format!("{text}, to ± {resolution}"),
    }
}

fn quartiles(quartiles: Quartiles) -> String {
    let median = readable(quartiles.median);
    if quartiles.is_exact() {
        return median;
    }
    format!(
        "{median} [{} – {}]{}",
        readable(quartiles.low),
        readable(quartiles.high),
        if quartiles.disturbed {
            " (disturbed)"
        } else {
            ""
        }
    )
}

fn write_table(text: &mut String, columns: &[String], rows: Vec<Vec<String>>) {
    line(text, &format!("| {} |", columns.join(" | ")));
    line(text, &format!("|{}", " --- |".repeat(columns.len())));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        line(text, &format!("| {} |", cells.join(" | ")));
    }
    line(text, "");
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Machine;

    #[test]
    fn a_missed_budget_is_told_at_the_top_and_in_its_row() {
        let exactly = Quartiles::exactly;
        let mut section = Section::new("hit", "The hit path", "On one thread.");
        section.figures.push(
            Figure::new("look", "ns", exactly(30.0))
                .beside("guard", exactly(20.0), exactly(1.5))
                .budget(Budget::RatioAtMost(1.3)),
        );
        section
            .figures
            .push(Figure::new("own", "ns", exactly(30.0)).budget(Budget::AtMost(40.0)));
        let report = Report {
            quick: false,
            machine: Machine::this(),
            sections: vec![section],
        };
        let text = write(&report);
        assert!(
            text.contains("1 met, 1 missed, 0 too close to call"),
            "{text}"
        );
        assert!(
            text.contains("look: 1.50 × guard (budget ≤ 1.30 ×)"),
            "{text}"
        );
        assert!(
            text.contains("| look | 30 ns | guard: 20 ns | 1.50 | ≤ 1.30 × | **missed** |"),
            "{text}"
        );
    }

    #[test]
    fn how_finely_a_figure_is_judged_stands_beside_its_budget() {
        let exactly = Quartiles::exactly;
        let figure = Figure::new("requests", "/s", exactly(97.0))
            .beside("raw", exactly(100.0), exactly(0.97))
            .budget_to_within(Budget::RatioAtLeast(0.98), 0.01);
        assert_eq!(budget(&figure), "≥ 0.980 ×, to ± 0.01");
    }
}
