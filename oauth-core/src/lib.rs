//! x
mod clock;
mod time;
pub use clock::{BoxFuture, Clock};
pub use time::Instant;
