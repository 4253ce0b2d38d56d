//! What the programs of this folder share. The programs themselves are run with
//! `cargo run --example quickstart`.

mod counting;
mod fast_forward;

pub use counting::Counting;
pub use fast_forward::FastForward;
