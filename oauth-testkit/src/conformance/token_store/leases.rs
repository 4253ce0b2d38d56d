//! The rules about leases.

use super::super::drive::{PATIENCE, eventually, left_out};
use super::tokens::keeps;
use super::{Factory, Handle, NOW, StoreUnderTest, is_shared, key};

/// As long as it lasts.
pub fn p12_a_lease_has_one_holder(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = leases(&under_test, "p12_a_lease_has_one_holder") else {
        return;
    };
    let _first = store.lease(&key("a")).expect("nobody has the lease");
    assert!(store.lease(&key("a")).is_none(), "somebody has the lease");
}

/// Whoever renews one token stands in nobody else's way.
pub fn p12_a_lease_of_one_key_leaves_the_others(make: &Factory<'_>) {
    let under_test = make();
    let store = under_test.handle();
    let first = store.lease(&key("a"));
    let second = store.lease(&key("b"));
    assert!(
        first.is_some() && second.is_some(),
        "nobody has these leases"
    );
}

/// At once, or as good as.
pub fn p12_a_lease_given_back_is_free(make: &Factory<'_>) {
    let under_test = make();
    let store = under_test.handle();
    let first = store.lease(&key("a"));
    store.release(&key("a"), first.expect("nobody has the lease"));
    let free = eventually(PATIENCE / 10, || store.lease(&key("a")).is_some());
    assert!(free, "the lease was given back");
}

/// Its holder may be dead.
pub fn p12_a_lease_ends_by_itself(make: &Factory<'_>) {
    let under_test = make();
    let store = under_test.handle();
    let _first = store.lease(&key("a"));
    under_test.pass(under_test.span());
    assert!(store.lease(&key("a")).is_some(), "the lease is over");
}

/// A late holder that gives its lease back, which is over.
pub fn p12_the_end_of_an_older_lease_leaves_the_present_one(make: &Factory<'_>) {
    let under_test = make();
    let rule = "p12_the_end_of_an_older_lease_leaves_the_present_one";
    let Some(store) = leases(&under_test, rule) else {
        return;
    };
    let first = store.lease(&key("a"));
    under_test.pass(under_test.span());
    // Another rule is about this.
    let Some(_second) = store.lease(&key("a")) else {
        return;
    };
    if let Some(first) = first {
        store.release(&key("a"), first);
    }
    assert!(store.lease(&key("a")).is_none(), "somebody has the lease");
}

/// They tell a late holder from the present one.
pub fn p12_fencing_numbers_grow(make: &Factory<'_>) {
    let under_test = make();
    let rule = "p12_fencing_numbers_grow";
    let Some(store) = leases(&under_test, rule) else {
        return;
    };
    let mut last = None;
    for _ in 0..3 {
        let Some(lease) = store.lease(&key("a")) else {
            return;
        };
        let number = lease.fencing();
        let grows = last.is_none_or(|last| number > last);
        assert!(grows, "the number {number} comes after {last:?}");
        last = Some(number);
        under_test.pass(under_test.span());
    }
}

/// As processes that share a store compete for it.
pub fn p12_a_lease_holds_for_every_handle(make: &Factory<'_>) {
    let under_test = make();
    let rule = "p12_a_lease_holds_for_every_handle";
    let (Some(one), true) = (leases(&under_test, rule), is_shared(&under_test, rule)) else {
        return;
    };
    let _held = one.lease(&key("a")).expect("nobody has the lease");
    let other = under_test.handle();
    assert!(
        other.lease(&key("a")).is_none(),
        "another handle has the lease"
    );
}

/// Else two would renew at the same time while the first is still at it.
pub fn p12_a_lease_lasts_its_time(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = leases(&under_test, "p12_a_lease_lasts_its_time") else {
        return;
    };
    let span = under_test.span();
    let begun = under_test.clock.now();
    let _first = store.lease(&key("a")).expect("nobody has the lease");
    // Another rule is about this.
    if store.lease(&key("a")).is_some() {
        return;
    }
    under_test.pass(span - span / 10);
    let second = store.lease(&key("a"));
    if under_test.clock.now().saturating_duration_since(begun) < span {
        assert!(second.is_none(), "the lease is not over yet");
    }
}

/// As long as a token obtained under one of them is there.
pub fn p12_fencing_numbers_grow_over_a_lease_given_back(make: &Factory<'_>) {
    let under_test = make();
    let rule = "p12_fencing_numbers_grow_over_a_lease_given_back";
    let (Some(store), Some(_)) = (leases(&under_test, rule), keeps(&under_test, rule)) else {
        return;
    };
    let first = store.lease(&key("a")).expect("nobody has the lease");
    let token = under_test.token("secret", NOW);
    store.save(&key("a"), &token.with_fencing(first.fencing()));
    store.release(&key("a"), first);
    // Another rule is about this.
    let Some(second) = store.lease(&key("a")) else {
        return;
    };
    let (first, second) = (first.fencing(), second.fencing());
    assert!(second > first, "the number {second} comes after {first}");
}

/// Whoever removes a rejected token need not be the one who renews it.
pub fn p12_a_removal_leaves_the_lease(make: &Factory<'_>) {
    let under_test = make();
    let Some(store) = leases(&under_test, "p12_a_removal_leaves_the_lease") else {
        return;
    };
    let token = under_test.token("secret", NOW);
    store.save(&key("a"), &token);
    let _held = store.lease(&key("a")).expect("nobody has the lease");
    // Another rule is about this.
    if store.lease(&key("a")).is_some() {
        return;
    }
    store.remove(&key("a"), &token);
    assert!(store.lease(&key("a")).is_none(), "somebody has the lease");
}

pub(super) fn leases<'a>(under_test: &'a StoreUnderTest, rule: &str) -> Option<Handle<'a>> {
    if !under_test.capabilities.leases {
        left_out(rule, "the store gives everybody a lease");
        return None;
    }
    Some(under_test.handle())
}
