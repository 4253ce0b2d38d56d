//! A hundred thousand tenants in one set of token sources, against a fake token server on this machine:
//!
//! ```sh
//! cargo run --release -p examples-tenants
//! cargo run --release -p examples-tenants -- 10000
//! ```

use std::env;

use anyhow::{Context, Result};
use examples_tenants::{Callers, Map, Warm, burst, memory};

const TENANTS: usize = 100_000;
/// Of very many tenants, few call at the same time.
const BUSY: usize = 1_000;
const LOOKUPS: usize = 2_000_000;
const CONNECTIONS: usize = 64;

fn main() -> Result<()> {
    let tenants = match env::args().nth(1) {
        Some(number) => number
            .parse()
            .context("the argument is a number of tenants")?,
        None => TENANTS,
    };

    let bytes = memory(tenants)?;
    println!("bytes a tenant, of {tenants}, besides its token string");
    println!("  with a client of its own  {:>8.0}", bytes.own_client);
    println!("  of a shared client        {:>8.0}", bytes.shared_client);
    println!("  of that, for the set      {:>8.0}", bytes.set);

    println!("nanoseconds a lookup        1 thread  2 threads");
    for count in [1, 1_000, tenants] {
        let warm = Warm::new(count)?;
        print_lookups(
            &format!("{count} tenants"),
            |callers| warm.lookup(callers),
            count,
        );
        if count == tenants {
            let what = format!("{BUSY} busy of {count}");
            print_lookups(&what, |callers| warm.lookup(callers), BUSY.min(count));
        }
        let map = Map::new(count)?;
        let what = format!("{count} in a HashMap");
        print_lookups(&what, |callers| map.lookup(callers), count);
    }

    let all = burst(tenants, 1, CONNECTIONS)?;
    println!("burst of {tenants} cold tenants over {CONNECTIONS} connections");
    println!(
        "  seconds                   {:>8.1}",
        all.time.as_secs_f64()
    );
    println!("  token requests            {:>8}", all.requests);
    println!("  at the same time          {:>8}", all.most_at_once);
    Ok(())
}

fn print_lookups(what: &str, lookup: impl Fn(Callers) -> f64, busy: usize) {
    let [one, two] = [1, 2].map(|threads| {
        lookup(Callers {
            busy,
            threads,
            lookups: LOOKUPS,
        })
    });
    println!("  of {what:<22}  {one:>8.0}   {two:>8.0}");
}
