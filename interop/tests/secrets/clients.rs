//! Ways to authenticate at the token endpoint, and tokens that are bound to something.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_core::{ClientAuthMethod, Clock, JwsSigner, SecretSource, TokenSource};
use oauth_testkit::{
    CertificateSubject, ClientAuthMethod as Accepted, DpopNonce, DpopRules, FakeTokenServer,
    JwtAlgorithm, Reply,
};
use serde_json::json;

use crate::library::{RUNTIME, Tls};
use crate::world::{HOUR, ID, SECRET, WRONG_SECRET, World, key, public_key};

/// By each method, a client that all goes well and wrong for.
pub(crate) fn methods(world: &World) {
    for (method, accepted) in [
        (ClientAuthMethod::ClientSecretBasic, Accepted::Basic),
        (ClientAuthMethod::ClientSecretBasicRaw, Accepted::BasicRaw),
        (ClientAuthMethod::ClientSecretPost, Accepted::Post),
        (ClientAuthMethod::ClientSecretJwt, Accepted::SecretJwt),
    ] {
        let server = world.server().accept_auth(accepted).start().unwrap();
        let client = world.client(&server).auth_method(method);
        let client = client.client_secret(SECRET).build().unwrap();
        world.say(&client);
        world.live(&server, &world.cached(client), SECRET);

        let client = world.client(&server).auth_method(method);
        let client = client.client_secret(WRONG_SECRET).build().unwrap();
        let refused = RUNTIME.block_on(client.token());
        world.say(refused.expect_err("the secret is wrong"));
    }

    let server = FakeTokenServer::builder().public_client(ID);
    let server = server.clock(world.clock.clone()).start().unwrap();
    let client = world.client(&server).auth_method(ClientAuthMethod::None);
    world.live(&server, &world.cached(client.build().unwrap()), "it");
}

/// A secret that is another one each time it is read, and the wrong one first; and one that cannot be read.
pub(crate) fn changing_secret(world: &World) {
    let server = world.server().start().unwrap();
    let reads = Arc::new(Mutex::new(0));
    let secret = SecretSource::function("vault", move || {
        let mut reads = reads.lock().unwrap();
        *reads += 1;
        let secret = if *reads == 1 { WRONG_SECRET } else { SECRET };
        async move { Ok::<_, std::io::Error>(secret.to_owned().into()) }
    });
    let client = world.client(&server).client_secret(secret);
    let client = client.build().unwrap();
    world.say(&client);
    world.live(&server, &world.cached(client), SECRET);

    let secret = SecretSource::function("vault", || async { Err(std::io::Error::other("sealed")) });
    let client = world.client(&server).client_secret(secret).build();
    let failed = RUNTIME.block_on(client.unwrap().token());
    world.say(failed.expect_err("there is no secret"));
}

pub(crate) fn assertions(world: &World) {
    let signed = || {
        let server = world.server();
        server.client_key(ID, JwtAlgorithm::Es256, public_key())
    };
    let server = signed().start().unwrap();
    let client = world.client(&server).private_key(key());
    let client = client.build().unwrap();
    world.say(&client);
    world.live(&server, &world.cached(client), "it");

    // Ready-made, by somebody else.
    let server = signed().start().unwrap();
    let (audience, clock) = (server.token_url(), world.clock.clone());
    let numbers = Arc::new(Mutex::new(0));
    let assertion = SecretSource::function("sidecar", move || {
        let mut number = numbers.lock().unwrap();
        *number += 1;
        let wall = clock
            .wall()
            .duration_since(std::time::SystemTime::UNIX_EPOCH);
        let now = wall.unwrap().as_secs();
        let claims = json!({
            "iss": ID, "sub": ID, "aud": audience, "iat": now, "exp": now + 60,
            "jti": format!("ready-{number}"),
        });
        let parts = [json!({"alg": "ES256"}), claims];
        let parts = parts.map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        async move {
            let input = parts.join(".");
            let signature = key().sign(input.as_bytes()).await.unwrap();
            let signature = URL_SAFE_NO_PAD.encode(signature);
            Ok::<_, std::io::Error>(format!("{input}.{signature}").into())
        }
    });
    let client = world.client(&server).client_assertion(assertion);
    world.live(&server, &world.cached(client.build().unwrap()), "it");
}

pub(crate) fn dpop(world: &World) {
    let rules = DpopRules::new()
        .required()
        .nonce_at_token_endpoint(DpopNonce::Required)
        .nonce_at_api(DpopNonce::Required);
    let server = world.server().dpop(rules).start().unwrap();
    let client = world.client(&server).client_secret(SECRET).dpop(key());
    let source = world.cached(client.build().unwrap());
    let api = world
        .http_library
        .api(source.clone(), server.api_url(), None);
    assert_eq!(api.call(), Ok(200));
    server.renew_dpop_nonces();
    assert_eq!(api.call(), Ok(200));
    server.revoke_all();
    assert_eq!(api.call(), Ok(200));
    server.always_token_reply(Reply::oauth_error("invalid_dpop_proof").description(SECRET));
    server.revoke_all();
    assert_eq!(api.call(), Ok(401), "no new token came");
    world.say(api.call().expect_err("there is no token"));
    world.say(source);
}

/// The client shows a certificate; tokens are bound to it, and are signed JWTs themselves.
pub(crate) fn certificate(world: &World) {
    let subject = CertificateSubject::Dn(format!("CN={ID}"));
    let server = FakeTokenServer::builder()
        .tls_client(ID, subject)
        .certificate_bound_tokens()
        .jwt_access_tokens()
        .clock(world.clock.clone())
        .start()
        .unwrap();
    let certificate = server.issue_client_certificate(ID).unwrap();
    for line in certificate
        .key_pem()
        .lines()
        .filter(|line| !line.starts_with('-'))
    {
        world.secrets.add(line);
    }
    let tls = Tls::new(&server, &certificate);
    let client = world.client_at(server.mtls_token_url().unwrap(), Some(&tls));
    let client = client.auth_method(ClientAuthMethod::TlsClientAuth);
    let source = world.cached(client.build().unwrap());
    let api = world
        .http_library
        .api(source.clone(), server.api_url(), Some(&tls));
    assert_eq!(api.call(), Ok(200));
    server.revoke_all();
    assert_eq!(api.call(), Ok(200));
    world.clock.advance(HOUR * 2);
    server.always_token_reply(Reply::oauth_error("invalid_client"));
    world.say(api.call().expect_err("there is no token"));
}
