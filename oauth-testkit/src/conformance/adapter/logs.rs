//! What is logged.

use super::Factory;
use super::world::{World, ok, start};
use crate::{Recording, Reply};

/// No token is logged at any level: by the adapter, nor by what it is built on. A 401, a redirect to another origin
/// and an exchange that fails are no exception.
///
/// The process must have no `tracing` subscriber and no `log` logger of its own, see [`Recording`].
pub fn p09_nothing_that_is_logged_shows_a_token(make: &Factory<'_>) {
    let log = Recording::start();
    let world = World::new();
    let elsewhere = start();
    let adapter = world.adapter(make);
    ok(adapter.send(world.get("/")));
    world.api.revoke_all();
    ok(adapter.send(world.post("/", "a body")));
    let away = Reply::redirect(307, elsewhere.api_url());
    world.api.next_api_reply(away);
    // What becomes of these two is for other rules.
    drop(adapter.send(world.get("/")));
    world.api.next_api_reply(Reply::reset());
    drop(adapter.send(world.get("/")));

    let secrets = world.mint.secrets();
    assert_eq!(secrets.len(), 2);
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    log.finish().assert_free_of(&secrets);
}
