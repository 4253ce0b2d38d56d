//! One source a key: made once, bounded, dropped when nobody uses it.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use common::{Named, Source, sources};
use futures_executor::block_on;
use oauth_core::{CachedTokenSource, Error, ErrorKind, SharedTokenSource, TokenSource};
use oauth_tenants::TokenSources;
use oauth_testkit::{GatedSource, ManualClock, ScriptedSource};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn p02_a_lookup_by_a_borrowed_key_and_its_token_allocate_nothing() {
    let sources = sources();
    block_on(sources.get("acme").unwrap().token()).unwrap();
    let counted = measure(|| {
        for _ in 0..100 {
            let source: SharedTokenSource = sources.get("acme").unwrap();
            black_box(source.ready().unwrap());
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn p04_callers_of_one_cold_key_have_one_source_made() {
    for _ in 0..200 {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let sources: TokenSources<String, Source> = TokenSources::new(move |key: &String| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(CachedTokenSource::new(Named::new(key)))
        });
        let together = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    together.wait();
                    block_on(sources.get("acme").unwrap().token()).unwrap()
                });
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 1);
        assert_eq!(sources.get("acme").unwrap().source().asked(), 1);
    }
}

#[test]
fn a_key_waits_neither_for_the_building_of_another_nor_for_its_flight() {
    let (started, has_started) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let sources: TokenSources<u32, CachedTokenSource<GatedSource<ScriptedSource>>> =
        TokenSources::new(move |key: &u32| {
            if *key == 0 {
                started.send(()).unwrap();
                may_go_on.lock().unwrap().recv().unwrap();
            }
            let source = GatedSource::new(ScriptedSource::new());
            if *key != 1 {
                source.open();
            }
            Ok(CachedTokenSource::new(source))
        });
    thread::scope(|scope| {
        let slow = scope.spawn(|| sources.get(&0).unwrap());
        has_started.recv().unwrap();
        let stuck = sources.get(&1).unwrap();
        let waiter = scope.spawn(|| block_on(sources.get(&1).unwrap().token()));
        stuck.source().await_waiting(1);
        // More keys than the set has parts, so that some share theirs with the two that are stuck.
        for key in 2..500 {
            block_on(sources.get(&key).unwrap().token()).unwrap();
        }
        assert!(!slow.is_finished() && !waiter.is_finished());
        go_on.send(()).unwrap();
        stuck.source().open();
        waiter.join().unwrap().unwrap();
        slow.join().unwrap();
    });
}

#[test]
fn an_error_of_the_function_is_not_kept_and_concerns_its_key_only() {
    let tries = AtomicUsize::new(0);
    let sources: TokenSources<String, Source> = TokenSources::new(move |key: &String| {
        if key == "late" && tries.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(Error::new(ErrorKind::Configuration, "not yet"));
        }
        Ok(CachedTokenSource::new(Named::new(key)))
    });
    let error = sources.get("late").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(sources.is_empty());
    sources.get("acme").unwrap();
    sources.get("late").unwrap();
    assert_eq!(sources.len(), 2);
}

#[test]
fn idle_sources_go_and_those_in_use_stay() {
    let clock = ManualClock::new();
    let sources = TokenSources::builder(|key: &String| Ok(CachedTokenSource::new(Named::new(key))))
        .clock(clock.clone())
        .time_to_idle(HOUR)
        .build();
    let held = sources.get("held").unwrap();
    sources.get("idle").unwrap();
    sources.get("asked for").unwrap();
    clock.advance(HOUR / 2);
    sources.get("asked for").unwrap();
    assert_eq!(sources.len(), 3);
    clock.advance(HOUR / 2);
    sources.get("new").unwrap();
    let keys: HashSet<_> = sources.iter().map(|(key, _)| key).collect();
    let expected = ["held", "asked for", "new"].map(str::to_owned);
    assert_eq!(keys, HashSet::from(expected));
    assert!(Arc::ptr_eq(&held, &sources.get("held").unwrap()));

    drop(held);
    clock.advance(HOUR);
    sources.evict_idle();
    assert!(sources.is_empty());
}

/// Three tenants, one of whom still asks, half of the time to idle after the others asked last.
fn of_whom_two_have_left(time_to_idle: Duration) -> (ManualClock, TokenSources<String, Source>) {
    let clock = ManualClock::new();
    let of_sources = clock.clone();
    let build = move |key: &String| {
        let cached = CachedTokenSource::builder(Named::new(key)).clock(of_sources.clone());
        Ok(cached.keep_warm().build())
    };
    let sources = TokenSources::builder(build)
        .clock(clock.clone())
        .time_to_idle(time_to_idle)
        .build();
    for key in ["left", "gone", "acme"] {
        block_on(sources.get(key).unwrap().token()).unwrap();
    }
    clock.advance(HOUR / 2);
    sources.get("acme").unwrap();
    (clock, sources)
}

#[test]
fn who_has_left_is_forgotten_though_nobody_new_comes_and_is_kept_warm_no_more() {
    let (clock, sources) = of_whom_two_have_left(HOUR);
    let left = sources.peek("left").unwrap();
    let weak = [
        Arc::downgrade(&left),
        Arc::downgrade(&sources.peek("gone").unwrap()),
    ];
    drop(left);
    clock.advance(HOUR / 2);
    // Hits, all of them.
    sources.get("acme").unwrap();
    assert_eq!(sources.len(), 1);
    assert!(weak.iter().all(|source| source.strong_count() == 0));
}

#[test]
fn sources_without_a_time_to_idle_are_kept_warm_for_good() {
    let (clock, sources) = of_whom_two_have_left(Duration::MAX);
    for _ in 0..30 {
        clock.advance(24 * HOUR);
        sources.get("acme").unwrap();
    }
    sources.evict_idle();
    assert_eq!(sources.len(), 3);
    // The clock may have moved on while a token was under way, which has come too late then.
    for _ in 0..1_000_000 {
        clock.advance(Duration::from_secs(1));
        if sources.peek("left").unwrap().ready().is_some() {
            return;
        }
        thread::yield_now();
    }
    panic!("it is cold");
}

#[test]
fn p02_a_hit_that_looks_for_idle_sources_allocates_nothing_where_there_are_none() {
    let (clock, sources) = of_whom_two_have_left(HOUR);
    clock.advance(HOUR / 4);
    let counted = measure(|| drop(black_box(sources.get("acme").unwrap())));
    assert_eq!(counted.count_total, 0);
    assert_eq!(sources.len(), 3);
}

#[test]
fn looking_at_the_sources_is_no_use_of_them() {
    let clock = ManualClock::new();
    let sources = TokenSources::builder(|key: &String| Ok(CachedTokenSource::new(Named::new(key))))
        .clock(clock.clone())
        .time_to_idle(HOUR)
        .build();
    sources.get("acme").unwrap();
    clock.advance(HOUR);
    assert!(sources.peek("acme").is_some());
    assert_eq!(sources.statuses().count(), 1);
    sources.evict_idle();
    assert!(sources.peek("acme").is_none());
}

#[test]
fn the_set_is_bounded_and_what_is_held_outlives_it() {
    for max in [1, 7, 100] {
        let sources =
            TokenSources::builder(|key: &String| Ok(CachedTokenSource::new(Named::new(key))))
                .max_entries(max)
                .build();
        let held = sources.get("held").unwrap();
        for tenant in 0..10 * max {
            sources.get(&tenant.to_string()).unwrap();
        }
        // Equal parts, rounded up, and the one that is held.
        let parts = thread::available_parallelism().unwrap().get() * 8;
        assert!(
            sources.len() <= max + parts + 1,
            "{} of {max}",
            sources.len()
        );
        assert!(!sources.is_empty());
        assert!(Arc::ptr_eq(&held, &sources.get("held").unwrap()), "{max}");
        drop(sources);
        assert_eq!(block_on(held.token()).unwrap().secret(), "held-1");
    }
}

/// P4 and P7 hold across evictions: while somebody waits for a token of a key, it has no second source.
#[test]
fn p04_a_source_with_a_flight_that_somebody_waits_for_is_not_evicted() {
    let clock = ManualClock::new();
    let sources = TokenSources::builder(|_: &u32| {
        Ok(CachedTokenSource::new(GatedSource::new(
            ScriptedSource::new(),
        )))
    })
    .clock(clock.clone())
    .max_entries(1)
    .time_to_idle(HOUR)
    .build();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| block_on(sources.get(&0).unwrap().token()));
        while sources.peek(&0).is_none() {
            thread::yield_now();
        }
        sources.peek(&0).unwrap().source().await_waiting(1);
        clock.advance(HOUR * 2);
        for key in 1..1000 {
            sources.get(&key).unwrap();
        }
        sources.evict_idle();
        let same = sources.get(&0).unwrap();
        same.source().open();
        let token = waiter.join().unwrap().unwrap();
        assert_eq!(same.ready().unwrap().generation(), token.generation());
    });
}

#[test]
fn p07_after_a_removal_its_holders_go_on_and_the_next_caller_starts_cold() {
    let sources = sources();
    let old = sources.get("acme").unwrap();
    block_on(old.token()).unwrap();
    assert!(sources.remove("acme"));
    assert!(!sources.remove("acme"));
    assert!(old.ready().is_some());
    let new = sources.get("acme").unwrap();
    assert!(!Arc::ptr_eq(&old, &new));
    assert!(new.ready().is_none());
}

#[test]
fn statuses_tell_the_keys_apart_and_hold_no_secret() {
    let sources = sources();
    block_on(sources.get("acme").unwrap().token()).unwrap();
    sources.get("cold").unwrap();
    let mut statuses: Vec<_> = sources.statuses().collect();
    statuses.sort_by(|a, b| a.0.cmp(&b.0));
    let [(acme, warm), (cold, empty)] = &statuses[..] else {
        panic!("two sources, not {}", statuses.len())
    };
    assert_eq!((acme.as_str(), cold.as_str()), ("acme", "cold"));
    assert_ne!(format!("{warm:?}"), format!("{empty:?}"));
    let shown = format!(
        "{sources:?} {statuses:?} {:?}",
        sources.get("acme").unwrap()
    );
    assert!(!shown.contains("acme-1"), "{shown}");
}

#[test]
fn how_much_life_a_token_needs_is_known_to_the_source_of_the_tenant() {
    let clock = ManualClock::new();
    let of_sources = clock.clone();
    let sources: TokenSources<String, Source> = TokenSources::new(move |key: &String| {
        let cached = CachedTokenSource::builder(Named::new(key)).clock(of_sources.clone());
        Ok(cached.build())
    });
    let acme = sources.get("acme").unwrap();
    block_on(acme.token()).unwrap();
    clock.advance(HOUR / 2);
    let (enough, most) = (HOUR / 4, HOUR / 4 * 3);
    assert_eq!(acme.ready_lasting(enough).unwrap().secret(), "acme-1");
    assert!(acme.ready_lasting(most).is_none());
    assert_eq!(
        block_on(acme.token_lasting(most)).unwrap().secret(),
        "acme-2"
    );
    clock.advance(HOUR / 2);
    assert_eq!(
        acme.token_lasting_blocking(most).unwrap().secret(),
        "acme-3"
    );
}
