//! Further grants.

use oauth_file_store::FileStore;
use oauth_grants::{JwtBearer, JwtClaims, RefreshToken, TokenExchange};
use oauth_testkit::{FaultyStore, JwtAlgorithm, Reply, StoreFault};

use crate::world::{HOUR, ID, SECRET, World, key, public_key};

pub(crate) fn grants(world: &World) {
    let issuer = "https://issuer.example.com";
    let server = world.server();
    let server = server.trust_issuer(issuer, JwtAlgorithm::Es256, public_key());
    let server = server.start().unwrap();
    let client = || world.client(&server).client_secret(SECRET).build().unwrap();

    let bearer = JwtBearer::signed(client(), key(), JwtClaims::new(issuer).subject("ada"));
    world.say(&bearer);
    world.live(&server, &world.cached(bearer), SECRET);

    let exchange = TokenExchange::new(client(), client());
    world.say(&exchange);
    world.live(&server, &world.cached(exchange), SECRET);

    let folder = tempfile::tempdir().unwrap();
    for broken in [false, true] {
        let first = server.issue_refresh_token(ID, None);
        world.secrets.add(&first);
        let store = FileStore::open(folder.path().join("tokens")).unwrap();
        let faults = if broken { 1.0 } else { 0.0 };
        let store = FaultyStore::new(store, world.clock.clone()).with(faults, StoreFault::Error);
        let refresh = RefreshToken::new(client(), first).kept_in(store, "ada");
        world.say(&refresh);
        let source = world.cached(refresh);
        let api = world
            .http_library
            .api(source.clone(), server.api_url(), None);
        assert_eq!(api.call(), Ok(200));
        server.revoke_all();
        assert_eq!(api.call(), Ok(200));
        server.always_token_reply(Reply::oauth_error("invalid_grant").description(SECRET));
        world.clock.advance(HOUR * 2);
        world.say(api.call().expect_err("there is no token"));
        server.reset_replies();
        world.clock.advance(HOUR);
    }
}
