//! P2: a hit allocates nothing, also through `dyn TokenSource`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use common::Canned;
use futures_executor::block_on;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use oauth_core::{Authorizer, ClientCredentials, SharedTokenSource, Target, TokenSource};

const HITS: u64 = 100;

fn warm_source() -> SharedTokenSource {
    let source = ClientCredentials::builder("https://id.example.com/token", "me")
        .client_secret("hunter2")
        .http_client(Canned::token())
        .build()
        .unwrap()
        .cached();
    block_on(source.token()).unwrap();
    std::sync::Arc::new(source)
}

#[test]
fn p02_looking_at_the_ready_token_allocates_nothing() {
    let source = warm_source();
    let counted = measure(|| {
        for _ in 0..HITS {
            assert!(source.with_ready(&mut |token| {
                black_box(token.header());
            }));
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn p02_owning_the_ready_token_and_its_header_allocates_nothing() {
    let source = warm_source();
    // By then this thread has its copy of it.
    for _ in 0..16 {
        black_box(source.ready().unwrap().to_header());
    }
    let counted = measure(|| {
        for _ in 0..HITS {
            let token = source.ready().unwrap();
            black_box(token.header().clone());
            black_box(token.to_header());
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn p02_awaiting_the_ready_token_allocates_its_boxed_future_and_no_more() {
    let source = warm_source();
    let counted = measure(|| {
        for _ in 0..HITS {
            black_box(at_once(source.token()).unwrap());
        }
    });
    assert_eq!(counted.count_total, HITS);
}

#[test]
fn p02_a_hit_of_a_synchronous_caller_starts_no_executor_and_allocates_nothing() {
    let source = warm_source();
    let counted = measure(|| {
        for _ in 0..HITS {
            black_box(source.token_blocking().unwrap());
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn p02_authorizing_a_request_allocates_what_its_header_map_needs_and_no_more() {
    let authorizer = Authorizer::new(warm_source(), ["https://api.example.com"]).unwrap();
    let target = Target::new("https", "api.example.com", None);

    // A thread that goes on using a token makes a copy of it, once.
    for _ in 0..HITS {
        let mut exchange = authorizer.exchange(&target).unwrap();
        at_once(exchange.authorize(&mut HeaderMap::new())).unwrap();
    }
    let header = warm_source().ready().unwrap().header().clone();
    let by_hand = measure(|| {
        for _ in 0..HITS {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, header.clone());
            black_box(headers);
        }
    });
    let by_authorizer = measure(|| {
        for _ in 0..HITS {
            let mut headers = HeaderMap::new();
            let mut exchange = authorizer.exchange(&target).unwrap();
            at_once(exchange.authorize(&mut headers)).unwrap();
            black_box(headers);
        }
    });
    let blocking = measure(|| {
        for _ in 0..HITS {
            let mut headers = HeaderMap::new();
            let mut exchange = authorizer.exchange(&target).unwrap();
            exchange.authorize_blocking(&mut headers).unwrap();
            black_box(headers);
        }
    });
    assert!(
        by_hand.count_total > 0,
        "the map needs some, or nothing is measured here"
    );
    assert_eq!(by_authorizer.count_total, by_hand.count_total);
    assert_eq!(blocking.count_total, by_hand.count_total);
}

/// The value of a future that does not wait. An executor would allocate for itself.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a hit waited"),
    }
}
