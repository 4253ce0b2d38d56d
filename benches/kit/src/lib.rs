//! Measures designs side by side, judges the figures by their budgets, and writes the report.
//!
//! Times of two runs are not comparable on a machine that others use too, and neither are times of two moments. So
//! what is compared is measured in turn within short rounds, in an order that is drawn anew for each, and what is
//! judged is the median of the ratios of the rounds.

#[cfg(feature = "callers")]
mod callers;
mod cores;
pub mod fixtures;
#[cfg(feature = "callers")]
mod loopback;
mod quartiles;
pub mod report;
mod rounds;
mod start;
mod stopwatch;

#[cfg(feature = "callers")]
pub use callers::{Latencies, Rate, at_once_by_all, rate, watch};
#[cfg(feature = "callers")]
pub use loopback::Loopback;
pub use quartiles::Quartiles;
pub use rounds::{Contender, Crew, Rounds, Timings};
pub use stopwatch::Stopwatch;
