//! Figures, their budgets, and what is made of them.

use serde::{Deserialize, Serialize};

use crate::quartiles::Quartiles;

/// What one part of the bench has to tell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Section {
    /// Names it on the command line and in the files.
    pub id: String,
    /// The heading.
    pub title: String,
    /// How it was measured.
    pub how: String,
    /// What was measured, and is judged where there is a budget.
    pub figures: Vec<Figure>,
    /// Figures of many against many.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// Pictures of it.
    #[serde(default)]
    pub charts: Vec<Chart>,
}

impl Section {
    /// A section without anything in it.
    pub fn new(id: &str, title: &str, how: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            how: how.to_owned(),
            figures: Vec::new(),
            tables: Vec::new(),
            charts: Vec::new(),
        }
    }
}

/// A figure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// In which unit.
    pub unit: String,
    /// What came out.
    pub value: Quartiles,
    /// What was measured beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// What it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// How far it, or its ratio where that is judged, may be off from one run to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<f64>,
    /// What the budget says about it.
    pub verdict: Verdict,
}

/// What a figure is compared with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Beside {
    /// What it is.
    pub what: String,
    /// What came out, in the unit of the figure.
    pub value: Quartiles,
    /// The figure as a multiple of it, round by round.
    pub ratio: Quartiles,
}

/// What a figure may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// At most so much, in its unit.
    AtMost(f64),
    /// Not once more than so much, in its unit: for what is counted.
    NeverMore(f64),
    /// At most so many times what is beside it.
    RatioAtMost(f64),
    /// At least so many times what is beside it.
    RatioAtLeast(f64),
}

/// Whether a budget is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There is no budget.
    None,
    /// It is kept.
    Met,
    /// It is not.
    Missed,
    /// What was measured lies so near that another run may say something else, or nothing could be measured.
    Unclear,
}

impl Figure {
    /// A figure without a budget and with nothing beside it.
    pub fn new(what: impl Into<String>, unit: &str, value: Quartiles) -> Self {
        Self {
            what: what.into(),
            unit: unit.to_owned(),
            value,
            beside: None,
            budget: None,
            resolution: None,
            verdict: Verdict::None,
        }
    }

    /// Something was measured beside it; `ratio` is that of the figure to it.
    #[must_use]
    pub fn beside(mut self, what: &str, value: Quartiles, ratio: Quartiles) -> Self {
        self.beside = Some(Beside {
            what: what.to_owned(),
            value,
            ratio,
        });
        self
    }

    /// It has a budget: the median is judged, where it is sure enough.
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        self.budget_to_within(budget, 0.0)
    }

    /// The same for what differs by so much from run to run, however many rounds a run has.
    #[must_use]
    pub fn budget_to_within(mut self, budget: Budget, resolution: f64) -> Self {
        let ratio = self.beside.as_ref().map(|beside| beside.ratio);
        let judge = |of, is_within: &dyn Fn(f64) -> bool| judge(of, resolution, is_within);
        self.verdict = match (budget, ratio) {
            (Budget::NeverMore(limit), _) => met_if(self.value.most <= limit),
            (Budget::AtMost(limit), _) => judge(self.value, &|value| value <= limit),
            (Budget::RatioAtMost(limit), Some(ratio)) => judge(ratio, &|ratio| ratio <= limit),
            (Budget::RatioAtLeast(limit), Some(ratio)) => judge(ratio, &|ratio| ratio >= limit),
            (Budget::RatioAtMost(_) | Budget::RatioAtLeast(_), None) => Verdict::Missed,
        };
        self.budget = Some(budget);
        self.resolution = (resolution > 0.0).then_some(resolution);
        self
    }
}

fn met_if(is_met: bool) -> Verdict {
    if is_met {
        Verdict::Met
    } else {
        Verdict::Missed
    }
}

fn judge(of: Quartiles, resolution: f64, is_within: impl Fn(f64) -> bool) -> Verdict {
    let (from, to) = of.sure;
    if of.disturbed || is_within(from - resolution) != is_within(to + resolution) {
        return Verdict::Unclear;
    }
    met_if(is_within(of.median))
}

/// A table of cells as they are to be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The heads of its columns.
    pub columns: Vec<String>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<String>>,
}

/// Bars side by side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// The unit of its values.
    pub unit: String,
    /// Whether each step of the scale is ten times the one before.
    pub logarithmic: bool,
    /// From the top to the bottom.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bar {
    /// What is written beside it.
    pub label: String,
    /// How long it is.
    pub value: f64,
    /// Whether it is one of ours, which are set off.
    pub is_ours: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, beside: f64) -> Figure {
        let exactly = Quartiles::exactly;
        Figure::new("it", "ns", exactly(value)).beside(
            "that",
            exactly(beside),
            exactly(value / beside),
        )
    }

    #[test]
    fn a_budget_is_kept_up_to_its_limit() {
        for (budget, value, verdict) in [
            (Budget::AtMost(5.0), 5.0, Verdict::Met),
            (Budget::AtMost(5.0), 5.1, Verdict::Missed),
            (Budget::RatioAtMost(0.5), 5.0, Verdict::Met),
            (Budget::RatioAtMost(0.5), 5.1, Verdict::Missed),
            (Budget::RatioAtLeast(0.5), 5.0, Verdict::Met),
            (Budget::RatioAtLeast(0.5), 4.9, Verdict::Missed),
        ] {
            let judged = figure(value, 10.0).budget(budget);
            assert_eq!(judged.verdict, verdict, "{budget:?} of {value}");
        }
    }

    #[test]
    fn what_another_run_may_see_otherwise_is_not_judged() {
        let wide = Quartiles::of(vec![0.96, 0.97, 0.99, 1.0, 1.01]);
        let beside = |ratio| {
            let figure = Figure::new("it", "/s", Quartiles::exactly(1.0));
            figure.beside("that", Quartiles::exactly(1.0), ratio)
        };
        for (ratio, verdict) in [
            (wide, Verdict::Unclear),
            (Quartiles::exactly(0.99), Verdict::Met),
            (Quartiles::exactly(0.99).disturbed(), Verdict::Unclear),
            (Quartiles::exactly(0.97), Verdict::Missed),
        ] {
            let judged = beside(ratio).budget(Budget::RatioAtLeast(0.98));
            assert_eq!(judged.verdict, verdict, "{ratio:?}");
        }
    }

    #[test]
    fn it_is_judged_no_finer_than_runs_agree() {
        for (value, verdict) in [
            (9.9, Verdict::Met),
            (9.85, Verdict::Unclear),
            (9.75, Verdict::Unclear),
            (9.6, Verdict::Missed),
        ] {
            let judged = figure(value, 10.0).budget_to_within(Budget::RatioAtLeast(0.98), 0.01);
            assert_eq!(judged.verdict, verdict, "{value}");
        }
    }

    #[test]
    fn of_a_count_every_run_is_judged() {
        let figure = Figure::new("it", "", Quartiles::of(vec![1.0, 1.0, 1.0, 1.0, 7.0]));
        let judged = figure.clone().budget(Budget::NeverMore(1.0));
        assert_eq!(judged.verdict, Verdict::Missed);
        assert_eq!(figure.budget(Budget::NeverMore(7.0)).verdict, Verdict::Met);
    }

    #[test]
    fn a_ratio_to_nothing_is_no_budget_kept() {
        let alone = Figure::new("it", "ns", Quartiles::exactly(1.0));
        let judged = alone.budget(Budget::RatioAtMost(2.0));
        assert_eq!(judged.verdict, Verdict::Missed);
    }
}
