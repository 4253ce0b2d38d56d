//! What many tenants cost: the measurements behind the program, which a test and the benches run too.

mod burst;
mod lookup;
mod memory;

pub use burst::{Burst, burst};
pub use lookup::{Callers, Map, Warm};
pub use memory::{Memory, memory};

/// The name of a tenant, as a program would have it.
fn name(tenant: usize) -> String {
    format!("tenant-{tenant:06}")
}

/// Sets fill up unevenly, see `max_entries`: with so much room nobody is evicted.
fn roomy(tenants: usize) -> usize {
    tenants * 2 + 1_000
}
