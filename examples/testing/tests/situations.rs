//! The five situations of a service whose API wants a token. Nothing sleeps, nothing depends on who is faster.
use examples_testing::{Orders, Problem};
use oauth_testkit::{FakeTokenServer, Gate, ManualClock, Reply};
use std::{sync::Barrier, thread, time::Duration};

/// A server whose tokens live for an hour, the service under test, and the clock of both.
fn set_up() -> Result<(FakeTokenServer, Orders, ManualClock), Problem> {
    let clock = ManualClock::new();
    let server = FakeTokenServer::builder().clock(clock.clone()).start()?;
    let orders = Orders::with_clock(&server.token_url(), &server.api_url(), clock.clone())?;
    Ok((server, orders, clock))
}

#[test]
fn my_token_is_refused() -> Result<(), Problem> {
    let (server, orders, _) = set_up()?;
    assert_eq!(orders.status()?, 200);
    server.revoke_all();
    assert_eq!(orders.status()?, 200);
    server.assert_token_requests(2); // another token was fetched,
    server.assert_api_requests(3); // and the refused call made again with it
    Ok(())
}

#[test]
fn my_token_expires_mid_run() -> Result<(), Problem> {
    let (server, orders, clock) = set_up()?;
    assert_eq!(orders.status()?, 200);
    clock.advance(Duration::from_secs(3601));
    assert_eq!(orders.status()?, 200);
    server.assert_api_requests(2); // the dead token was not even tried
    Ok(())
}

#[test]
fn the_endpoint_is_down() -> Result<(), Problem> {
    let (server, orders, clock) = set_up()?;
    let answer = Reply::status(503).header("Retry-After", "60"); // ends the attempts at once
    server.always_token_reply(answer);
    assert!(orders.status().is_err());
    server.assert_token_requests(1);
    server.assert_api_requests(0); // without a token, the API was left alone
    server.reset_replies();
    clock.advance(Duration::from_secs(61)); // past the pause that the server asked for
    assert_eq!(orders.status()?, 200);
    Ok(())
}

#[test]
fn the_endpoint_is_slow() -> Result<(), Problem> {
    let (server, orders, clock) = set_up()?;
    assert_eq!(orders.status()?, 200);
    let answer = Gate::new();
    server.next_token_reply(Reply::token().gated(&answer));
    clock.advance(Duration::from_secs(3500)); // time to renew, and the token is still good
    assert_eq!(orders.status()?, 200); // nobody waits for the new one
    server.await_token_requests(2); // it was asked for all the same
    Ok(())
}

#[test]
fn there_are_many_callers() -> Result<(), Problem> {
    let (server, orders, _) = set_up()?;
    let (answer, begun) = (Gate::new(), Barrier::new(51));
    server.next_token_reply(Reply::token().gated(&answer));
    thread::scope(|scope| {
        let call = || (begun.wait(), orders.status()).1;
        let calls: Vec<_> = (0..50).map(|_| scope.spawn(call)).collect();
        begun.wait(); // all of them are about to call
        server.await_token_requests(1);
        answer.open();
        let mut calls = calls.into_iter();
        assert!(calls.all(|call| matches!(call.join(), Ok(Ok(200)))));
    });
    server.assert_token_requests(1); // all of them share one token
    Ok(())
}
