//! What is told of many samples.

use serde::{Deserialize, Serialize};

/// The median of samples, and the range that the middle half of them lies in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quartiles {
    /// A quarter of the samples are below.
    pub low: f64,
    /// Half of the samples are below.
    pub median: f64,
    /// A quarter of the samples are above.
    pub high: f64,
    /// As sure as 95 %, the median of many more samples is in this range.
    pub sure: (f64, f64),
    /// The greatest of the samples.
    pub most: f64,
    /// Of some samples that were taken one can say nothing, and no others were to be had.
    pub disturbed: bool,
}

impl Quartiles {
    /// Of some samples; all zero if there are none.
    #[must_use]
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |quantile: f64| {
            let last = samples.len().saturating_sub(1) as f64;
            let position = last * quantile;
            let below = samples.get(position as usize).copied().unwrap_or_default();
            let above = samples.get(position.ceil() as usize).copied();
            below + (above.unwrap_or(below) - below) * position.fract()
        };
        let count = samples.len();
        // Of the binomial distribution with one half, by the normal one.
        let spread = 0.98 * (count as f64).sqrt();
        let rank = |position: f64| {
            let last = count.saturating_sub(1) as f64;
            let rank = position.clamp(0.0, last) as usize;
            samples.get(rank).copied().unwrap_or_default()
        };
        let middle = count.saturating_sub(1) as f64 / 2.0;
        Self {
            low: at(0.25),
            median: at(0.5),
            high: at(0.75),
            sure: (
                rank((middle - spread).floor()),
                rank((middle + spread).ceil()),
            ),
            most: samples.last().copied().unwrap_or_default(),
            disturbed: false,
        }
    }

    /// The same, of samples that mean little.
    #[must_use]
    pub const fn disturbed(mut self) -> Self {
        self.disturbed = true;
        self
    }

    /// Of a figure that does not vary.
    #[must_use]
    pub const fn exactly(value: f64) -> Self {
        Self {
            low: value,
            median: value,
            high: value,
            sure: (value, value),
            most: value,
            disturbed: false,
        }
    }

    /// Whether it was measured once only, or never varied.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.low == self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_in_between() {
        let quartiles = Quartiles::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(quartiles.median, 2.5);
        assert_eq!((quartiles.low, quartiles.high), (1.75, 3.25));
    }

    #[test]
    fn the_more_samples_the_surer_the_median() {
        let of = |count: u32| Quartiles::of((0..=count).map(f64::from).collect());
        assert_eq!(of(4).sure, (0.0, 4.0), "of five nothing is sure");
        assert_eq!(of(100).sure, (40.0, 60.0));
        assert_eq!(of(100).most, 100.0);
    }

    #[test]
    fn one_sample_is_all_there_is_to_know_and_none_is_nothing() {
        assert!(Quartiles::of(vec![7.0]) == Quartiles::exactly(7.0));
        assert!(Quartiles::of(vec![]) == Quartiles::exactly(0.0));
        assert!(Quartiles::exactly(7.0).is_exact());
    }
}
