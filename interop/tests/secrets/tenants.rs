//! Many tenants.

use oauth_core::{CachedTokenSource, ClientCredentials, Error, ErrorKind};
use oauth_tenants::TokenSources;
use oauth_testkit::Reply;

use crate::world::{HOUR, SECRET, World};

pub(crate) fn tenants(world: &World) {
    let server = world.server().start().unwrap();
    let client = world.client(&server).client_secret(SECRET).build().unwrap();
    let kept = |source| world.kept(source, None);
    let sources: Vec<(&str, CachedTokenSource<ClientCredentials>)> = ["acme", "umbrella"]
        .map(|tenant| {
            (
                tenant,
                kept(client.with_parameter("tenant", tenant).unwrap()),
            )
        })
        .into();
    let made = sources.clone();
    let set = TokenSources::builder(move |tenant: &String| {
        let mut made = made.iter();
        let found = made.find(|(name, _)| name == tenant);
        let unknown = || Error::new(ErrorKind::Configuration, format!("no tenant {tenant}"));
        Ok(found.ok_or_else(unknown)?.1.clone())
    })
    .clock(world.clock.clone())
    .time_to_idle(HOUR)
    .build();

    let call = |tenant: &str| {
        let source = set.get(tenant).unwrap();
        world.say(&source);
        world
            .http_library
            .api(source, server.api_url(), None)
            .call()
    };
    for tenant in ["acme", "umbrella"] {
        assert_eq!(call(tenant), Ok(200));
    }
    server.revoke_all();
    assert_eq!(call("acme"), Ok(200));
    world.say(set.get("initech").map(drop).expect_err("nobody knows it"));
    server.always_token_reply(Reply::oauth_error("invalid_client").description(SECRET));
    world.clock.advance(HOUR * 2);
    world.say(call("umbrella").expect_err("there is no token"));
    for (tenant, status) in set.statuses() {
        world.say((tenant, status));
    }
    set.evict_idle();
    world.say(set);
}
