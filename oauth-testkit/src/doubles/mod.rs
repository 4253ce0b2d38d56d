//! Stand-ins for the parts around the one under test.

mod faulty_store;
mod gated_source;
#[cfg(feature = "mock")]
pub mod mock;
mod scripted_source;

pub use faulty_store::{FaultyStore, StoreFault};
pub use gated_source::GatedSource;
pub use scripted_source::ScriptedSource;
