//! What a cache says of its own.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_executor::block_on;
use oauth_core::{
    AccessToken, CachedTokenSource, Error, ErrorKind, RefreshPolicy, StoreError, TokenSource,
    async_trait,
};
use oauth_testkit::{GatedSource, ManualClock, Messages, ScriptedSource};

struct Panics;

#[async_trait]
impl TokenSource for Panics {
    async fn token(&self) -> Result<AccessToken, Error> {
        panic!("the test has it panic")
    }
}

fn cached<S: TokenSource + 'static>(source: S, clock: &ManualClock) -> CachedTokenSource<S> {
    let policy = RefreshPolicy::builder()
        .no_jitter()
        .attempts(1)
        .build()
        .unwrap();
    let cache = CachedTokenSource::builder(source).policy(policy);
    cache.clock(clock.clone()).build()
}

fn same() -> AccessToken {
    let token = AccessToken::builder("t0p-s3cret");
    token.expires_in(Duration::from_secs(3600)).build().unwrap()
}

pub(crate) fn of_the_cache(messages: &mut Messages) {
    let clock = ManualClock::new();

    let source = ScriptedSource::new();
    let down = Error::builder(
        ErrorKind::Connect,
        "no connection to https://id.example.com could be made",
    );
    source.always(Err(down.source("connection refused").build()));
    let cache = cached(source, &clock);
    messages.add_err("a request fails", block_on(cache.token()));
    messages.add_err("the next one is not due yet", block_on(cache.token()));

    let source = ScriptedSource::new();
    let busy = Error::builder(
        ErrorKind::RateLimited,
        "the token endpoint asks for fewer requests",
    );
    source.always(Err(busy.retry_after(Duration::from_secs(90)).build()));
    let cache = cached(source, &clock);
    messages.add_err("the server asks to wait", block_on(cache.token()));
    clock.advance(Duration::from_secs(30));
    messages.add_err("it still does", block_on(cache.token()));

    messages.add_err(
        "a source that panics",
        block_on(cached(Panics, &clock).token()),
    );

    let cache = cached(GatedSource::new(ScriptedSource::new()), &clock);
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| block_on(cache.token()));
        cache.source().await_waiting(1);
        clock.advance(Duration::from_secs(31));
        waiting.join().unwrap()
    });
    messages.add_err("a source that does not answer", waiting);

    let source = ScriptedSource::new();
    let cache = cached(source, &clock);
    for _ in 0..2 {
        let token = block_on(cache.token()).unwrap();
        cache.reject(&token);
    }
    messages.add_err("an API that rejects fresh tokens", block_on(cache.token()));

    let source = GatedSource::new(ScriptedSource::new());
    source.source().always(Ok(same()));
    source.release(1);
    let cache = cached(source, &clock);
    let token = block_on(cache.token()).unwrap();
    clock.advance(Duration::from_secs(3400)); // due
    let _ = block_on(cache.token()).unwrap();
    cache.source().await_waiting(1); // a renewal is under way, and the API rejects the token
    cache.reject(&token);
    let mut waiting = cache.token();
    let poll = waiting
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll.is_pending(), "it waits for the renewal");
    cache.source().open();
    messages.add_err(
        "a server that goes on giving a rejected token",
        block_on(waiting),
    );
}

pub(crate) fn of_tokens_that_live_too_short(messages: &mut Messages) {
    let seconds = Duration::from_secs;
    let clock = ManualClock::new();
    let source = ScriptedSource::new(); // each token lives for an hour
    let cache = cached(source.clone(), &clock);
    let too_much = block_on(cache.token_lasting(seconds(3601)));
    messages.add_err("more life than any token has", too_much);
    clock.advance(seconds(10));
    let nearly = block_on(cache.token_lasting(seconds(3595)));
    messages.add_err("more life than a token has that just came", nearly);
    clock.advance(seconds(2000));
    let down = Error::builder(
        ErrorKind::Connect,
        "no connection to https://id.example.com could be made",
    );
    source.always(Err(down.source("connection refused").build()));
    assert!(block_on(cache.token_lasting(seconds(1700))).is_err());
    let paused = block_on(cache.token_lasting(seconds(1700)));
    messages.add_err("more life than is left, after a failure", paused);

    let cache = cached(GatedSource::new(ScriptedSource::new()), &clock);
    let mut late = cache.token();
    let mut context = Context::from_waker(Waker::noop());
    let outcome = loop {
        if let Poll::Ready(outcome) = late.as_mut().poll(&mut context) {
            break outcome;
        }
        // The token is there a moment before its flight is over.
        if cache.source().waiting() > 0 {
            cache.source().release(1);
            while cache.ready().is_none() {
                std::thread::yield_now();
            }
            clock.advance(seconds(3600));
        }
        std::thread::yield_now();
    };
    messages.add_err("a caller who is always too late", outcome);
}

pub(crate) fn of_stores(messages: &mut Messages) {
    messages.add(
        "a store that fails",
        &StoreError::new("the table is locked"),
    );
    let with_cause = StoreError::new("load").with_source("disk full");
    messages.add("a store that knows why", &with_cause);
}
