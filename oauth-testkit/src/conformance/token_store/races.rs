//! The rules about calls at the same moment: each method is one step for all who share the store.

use std::sync::{Arc, Barrier};
use std::thread;

use oauth_core::{BoxFuture, StoreError, TokenStore};

use super::leases::leases;
use super::tokens::keeps;
use super::{Factory, NOW, StoreUnderTest, drive, is_shared, key};

/// So many processes compete, so often: a store that looks first and writes afterwards is found out.
const CALLERS: u64 = 8;
const ROUNDS: usize = 10;

/// As processes do that start at the same moment.
pub fn p12_of_all_who_ask_at_once_one_gets_the_lease(make: &Factory<'_>) {
    let under_test = make();
    let rule = "p12_of_all_who_ask_at_once_one_gets_the_lease";
    let (Some(one), true) = (leases(&under_test, rule), is_shared(&under_test, rule)) else {
        return;
    };
    // Another rule is about handles that know nothing of each other.
    let alone = one.lease(&key("alone"));
    if alone.is_none() || under_test.handle().lease(&key("alone")).is_some() {
        return;
    }
    let ttl = under_test.span();
    for round in 0..ROUNDS {
        let key = key(&round.to_string());
        let leases = at_once(&under_test, |store, _| {
            Box::pin(async move { store.lease(&key, ttl).await })
        });
        let holders = leases.iter().flatten().count();
        assert!(holders <= 1, "{holders} have the lease at the same time");
    }
}

/// Late holders among them.
pub fn p12_of_all_who_save_at_once_the_latest_holder_wins(make: &Factory<'_>) {
    let under_test = make();
    let rule = "p12_of_all_who_save_at_once_the_latest_holder_wins";
    let (Some(store), true) = (keeps(&under_test, rule), is_shared(&under_test, rule)) else {
        return;
    };
    // Other rules are about saves one after the other.
    for (caller, latest) in [(1, 1), (2, 2), (1, 2)] {
        let token = under_test.token(&format!("of-{caller}"), NOW);
        under_test
            .handle()
            .save(&key("alone"), &token.with_fencing(caller));
        let there = store.load(&key("alone"));
        if there.is_none_or(|token| token.fencing() != latest) {
            return;
        }
    }
    for round in 0..ROUNDS {
        let key = key(&round.to_string());
        at_once(&under_test, |store, caller| {
            let token = under_test.token(&format!("of-{caller}"), NOW);
            let token = token.with_fencing(caller);
            Box::pin(async move { store.save(&key, &token).await })
        });
        let kept = store.load(&key).map(|token| token.fencing());
        assert_eq!(kept, Some(CALLERS), "the highest fencing number");
    }
}

/// Has each of the callers, numbered from 1, call through a handle of its own, on a thread of its own.
fn at_once<T: Send>(
    under_test: &StoreUnderTest,
    call: impl Fn(Arc<dyn TokenStore>, u64) -> BoxFuture<'static, Result<T, StoreError>>,
) -> Vec<T> {
    let (block_on, together) = (&under_test.block_on, Barrier::new(CALLERS as usize));
    // A lease may end with the handle that has it, as it does with a process.
    let handles: Vec<_> = (0..CALLERS).map(|_| (under_test.open)()).collect();
    let calls: Vec<_> = handles
        .iter()
        .zip(1..)
        .map(|(handle, caller)| call(Arc::clone(handle), caller))
        .collect();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let callers: Vec<_> = calls
            .into_iter()
            .map(|call| {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    drive(block_on, call)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join()).collect()
    });
    outcomes
        .into_iter()
        .map(|outcome| {
            let outcome = outcome.expect("a call does not panic");
            outcome.expect("a call succeeds")
        })
        .collect()
}
