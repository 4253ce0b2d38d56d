//! The measurements, small: what they promise holds for a thousand tenants too.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use examples_tenants::{Callers, Map, Warm, burst, memory};

const TENANTS: usize = 1_000;

#[test]
fn a_tenant_takes_less_than_a_kilobyte_and_the_set_little_of_it() {
    let bytes = memory(TENANTS).unwrap();
    println!("{bytes:?}");
    assert!(bytes.own_client < 1_024.0, "{bytes:?}");
    assert!(bytes.shared_client < bytes.own_client, "{bytes:?}");
    assert!((32.0..=200.0).contains(&bytes.set), "{bytes:?}");
}

#[test]
fn every_lookup_is_a_hit() {
    let (warm, map) = (Warm::new(TENANTS).unwrap(), Map::new(TENANTS).unwrap());
    for threads in [1, 2] {
        let callers = Callers {
            busy: TENANTS / 2,
            threads,
            lookups: 10 * TENANTS,
        };
        assert!(warm.lookup(callers) > 0.0);
        assert!(map.lookup(callers) > 0.0);
    }
}

#[test]
fn p04_a_burst_of_cold_tenants_makes_one_request_each() {
    let burst = burst(TENANTS, 3, 64).unwrap();
    assert_eq!(burst.requests, TENANTS);
    assert!(burst.most_at_once <= 64, "{burst:?}");
}
