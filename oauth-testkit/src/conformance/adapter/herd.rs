//! Many callers at once.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::world::{PATIENCE, World, ok};
use super::{Adapter, Factory};
use crate::{Gate, Reply};

/// Any number of callers at a cold start cause one token request, and all get their answer.
pub fn p04_a_cold_herd_makes_one_token_request(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    world.mint.shut();
    thread::scope(|scope| {
        let callers = {
            let _opened = OnDrop(|| world.mint.open());
            let callers = send_at_once(scope, &world, &*adapter, 64);
            // Fewer come together to a client that lines them up itself.
            world.asking.wait(64);
            callers
        };
        for caller in callers {
            assert_eq!(caller.join().expect("a caller panicked"), 200);
        }
    });
    assert_eq!(world.mint.requests(), 1);
    world.api.assert_api_requests(64);
}

/// While a token is renewed ahead of time, requests go on with the one in hand.
pub fn p02_nobody_waits_for_a_renewal(make: &Factory<'_>) {
    let world = World::new();
    let adapter = world.adapter(make);
    ok(adapter.send(world.get("/")));
    world.mint.shut();
    // Of an hour less than half of the margin is left, and more than the token can be used for.
    world.clock.advance(Duration::from_secs(3_400));
    thread::scope(|scope| {
        let (answered, answers) = mpsc::channel();
        let (world, adapter) = (&world, &*adapter);
        scope.spawn(move || {
            for _ in 0..10 {
                let status = ok(adapter.send(world.get("/"))).status();
                // Nobody listens any more if the time is over.
                let _ = answered.send(status.as_u16());
            }
        });
        let statuses: Vec<_> = (0..10)
            .map_while(|_| answers.recv_timeout(PATIENCE).ok())
            .collect();
        let requests = world.mint.await_requests(2);
        let tokens = world.api.api_requests();
        world.mint.open();
        assert_eq!(statuses, [200; 10], "answers while a renewal was under way");
        assert_eq!(requests, 2, "one renewal");
        assert!(tokens.iter().all(|sent| sent.token_ordinal() == Some(1)));
    });
}

/// Any number of 401s of one token cause one renewal, and every caller is healed. One that comes late, when there is
/// a new token already, does not cost that one.
pub fn p07_fifty_401s_of_one_token_cause_one_renewal(make: &Factory<'_>) {
    const CALLERS: usize = 50;
    let world = World::new();
    let adapter = world.adapter(make);
    ok(adapter.send(world.get("/")));
    let (early, late) = (Gate::new(), Gate::new());
    for _ in 1..CALLERS {
        world.api.next_api_reply(Reply::usual().gated(&early));
    }
    world
        .api
        .next_api_reply(Reply::usual().gated(&early).gated(&late));
    thread::scope(|scope| {
        let _opened = OnDrop(|| {
            early.open();
            late.open();
        });
        let (answered, answers) = mpsc::channel();
        for _ in 0..CALLERS {
            let (world, adapter, answered) = (&world, &*adapter, answered.clone());
            scope.spawn(move || {
                // Nobody listens any more if an earlier answer was wrong.
                let _ = answered.send(adapter.send(world.get("/")));
            });
        }
        world.api.await_api_requests(1 + CALLERS);
        world.api.revoke_all();
        let expect = |count: usize| {
            for _ in 0..count {
                let answer = answers.recv_timeout(PATIENCE);
                let response = ok(answer.expect("a caller got no answer"));
                assert_eq!(response.status(), 200);
            }
        };
        early.open();
        expect(CALLERS - 1);
        late.open();
        expect(1);
    });
    assert_eq!(world.mint.requests(), 2);
    world.api.assert_api_requests(1 + 2 * CALLERS);
}

/// The callers, each of which answers with the status it got.
fn send_at_once<'scope, 'env: 'scope>(
    scope: &'scope thread::Scope<'scope, 'env>,
    world: &'env World,
    adapter: &'env dyn Adapter,
    count: usize,
) -> Vec<thread::ScopedJoinHandle<'scope, u16>> {
    let call = move || ok(adapter.send(world.get("/"))).status().as_u16();
    (0..count).map(|_| scope.spawn(call)).collect()
}

/// Lets go of who waits, also when a rule is broken: the end of a scope waits for its threads.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}
