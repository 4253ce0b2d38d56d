//! Which key and which algorithm an assertion has to be signed with, and who may use one.

use oauth_testkit::{AssertionRules, ClientAuthMethod, FakeTokenServer, JwtAlgorithm};
use serde_json::{Value, json};

use crate::jose::{Key, fresh_id, now, with};
use crate::setup::{Setup, body, refused};
use crate::support::{BASIC, GRANT, Response, ask, form};

#[test]
fn a_client_with_a_key_has_to_use_it_though_others_are_public() {
    let setup = Setup::new(|builder| builder.public_client("open"));
    let silent = |id: &str| ask(&setup.server, form("", &format!("{GRANT}&client_id={id}")));
    silent("open").token();
    assert_eq!(silent("service").error(), "invalid_client");
    setup.ask_right().token();
}

#[test]
fn every_algorithm_is_verified_with_a_key_in_every_form() {
    for algorithm in JwtAlgorithm::ALL {
        let key = Key::for_algorithm(algorithm);
        let builder = || FakeTokenServer::builder();
        let symmetric = algorithm.name().starts_with("HS");
        let (id, servers) = if symmetric {
            let accepting = builder().accept_auth(ClientAuthMethod::SecretJwt);
            ("test-client", vec![accepting])
        } else {
            let set = json!({ "keys": [key.jwk()] });
            let forms = [key.pem(), key.jwk().to_string(), set.to_string()];
            let with_key = |text| builder().client_key("service", algorithm, text);
            ("service", forms.map(with_key).into())
        };
        for server in servers {
            let server = server.start().unwrap();
            let claims = json!({
                "iss": id, "sub": id, "aud": server.token_url(), "exp": now() + 60,
                "jti": fresh_id(),
            });
            let assertion = key.sign(algorithm, &json!({ "alg": algorithm.name() }), &claims);
            ask(&server, form("", &body(&assertion))).token();
            let auth = server.token_requests()[0].client_auth().unwrap().clone();
            let expected = if symmetric {
                ClientAuthMethod::SecretJwt
            } else {
                ClientAuthMethod::PrivateKeyJwt
            };
            assert_eq!((auth.method, auth.client_id.as_str()), (expected, id));

            let forged = claims.to_string().replace("\"id-", "\"forged-");
            let forged: Value = serde_json::from_str(&forged).unwrap();
            let header = json!({ "alg": algorithm.name() });
            let of_another = key.sign(algorithm, &header, &forged);
            let (input, _) = of_another.rsplit_once('.').unwrap();
            let (_, signature) = assertion.rsplit_once('.').unwrap();
            let response = ask(&server, form("", &body(&format!("{input}.{signature}"))));
            let wrong = if symmetric {
                "MAC is wrong"
            } else {
                "signature is wrong"
            };
            refused(&response, wrong);
        }
    }
}

#[test]
fn the_log_shows_what_was_asserted_and_nothing_to_assert_it_with() {
    let setup = Setup::plain();
    let assertion = setup.sign(&setup.header(), &setup.claims());
    ask(&setup.server, form("", &body(&assertion))).token();
    let seen = setup.server.token_requests().remove(0);
    let jwt = seen.client_assertion().unwrap();
    assert_eq!(jwt.header()["alg"], "ES256");
    assert_eq!(jwt.claims()["aud"], setup.server.token_url());
    assert_eq!(seen.param("client_assertion"), Some("<redacted>"));
    let shown = format!("{seen} {seen:?}");
    let (_, signature) = assertion.rsplit_once('.').unwrap();
    assert!(!shown.contains(signature), "{shown}");
    assert!(shown.contains("PrivateKeyJwt(service)"), "{shown}");
}

#[test]
fn the_algorithm_has_to_be_the_registered_one() {
    let rsa = Key::for_algorithm(JwtAlgorithm::Rs256);
    let server = FakeTokenServer::builder()
        .client("service", "test-secret")
        .client_key("service", JwtAlgorithm::Rs256, rsa.pem())
        .accept_auth(ClientAuthMethod::SecretJwt)
        .secret_jwt_algorithm("service", JwtAlgorithm::Hs512)
        .start()
        .unwrap();
    let claims = || {
        json!({
            "iss": "service", "sub": "service", "aud": server.token_url(), "exp": now() + 60,
            "jti": fresh_id(),
        })
    };
    let send = |key: &Key, with: JwtAlgorithm, alg: &str| {
        let assertion = key.sign(with, &json!({ "alg": alg }), &claims());
        ask(&server, form("", &body(&assertion)))
    };
    send(&rsa, JwtAlgorithm::Rs256, "RS256").token();
    // The same key, and a signature that is right in itself.
    let ps256 = send(&rsa, JwtAlgorithm::Ps256, "PS256");
    refused(&ps256, "alg PS256 is not the registered one");
    refused(
        &send(&rsa, JwtAlgorithm::Ps256, "RS256"),
        "signature is wrong",
    );
    refused(
        &send(&rsa, JwtAlgorithm::Rs256, "none"),
        "\"none\" is not supported",
    );
    refused(
        &send(&rsa, JwtAlgorithm::Rs256, "rs256"),
        "\"rs256\" is not supported",
    );
    let secret = Key::for_algorithm(JwtAlgorithm::Hs512);
    send(&secret, JwtAlgorithm::Hs512, "HS512").token();
    let hs256 = send(&secret, JwtAlgorithm::Hs256, "HS256");
    refused(&hs256, "alg HS256 is not the registered one");
    // The public key taken for a secret.
    let confused = Key::Secret(rsa.pem().into_bytes());
    refused(
        &send(&confused, JwtAlgorithm::Hs512, "HS512"),
        "the MAC is wrong",
    );
}

#[test]
fn a_header_without_alg_or_with_crit_is_refused() {
    let setup = Setup::plain();
    refused(&setup.ask_with_header(json!({ "alg": null })), "no alg");
    refused(&setup.ask_with_header(json!({ "crit": ["b64"] })), "crit");
}

#[test]
fn kid_is_optional_unless_it_is_required_and_has_to_be_known() {
    let algorithm = JwtAlgorithm::Es256;
    let (one, two) = (Key::for_algorithm(algorithm), Key::for_algorithm(algorithm));
    let set = json!({ "keys": [
        with(one.jwk(), json!({ "kid": "one" })), with(two.jwk(), json!({ "kid": "two" })),
    ]});
    let start = |rules| {
        let builder = FakeTokenServer::builder().assertion_rules(rules);
        builder
            .client_key("service", algorithm, set.to_string())
            .start()
            .unwrap()
    };
    let send = |server: &FakeTokenServer, key: &Key, header: Value| {
        let claims = json!({
            "iss": "service", "sub": "service", "aud": server.token_url(), "exp": now() + 60,
            "jti": fresh_id(),
        });
        let header = with(header, json!({ "alg": "ES256" }));
        ask(
            server,
            form("", &body(&key.sign(algorithm, &header, &claims))),
        )
    };
    let lenient = start(AssertionRules::new());
    send(&lenient, &two, json!({})).token();
    send(&lenient, &two, json!({ "kid": "two" })).token();
    refused(
        &send(&lenient, &two, json!({ "kid": "one" })),
        "signature is wrong",
    );
    refused(
        &send(&lenient, &two, json!({ "kid": "three" })),
        "no key has the kid",
    );
    refused(
        &send(&lenient, &two, json!({ "kid": 2 })),
        "kid is not text",
    );
    let strict = start(AssertionRules::new().require_kid());
    send(&strict, &one, json!({ "kid": "one" })).token();
    refused(&send(&strict, &one, json!({})), "the header has no kid");
}

#[test]
fn another_key_is_refused() {
    let setup = Setup::plain();
    let other = Key::for_algorithm(setup.algorithm);
    let assertion = other.sign(setup.algorithm, &setup.header(), &setup.claims());
    refused(
        &ask(&setup.server, form("", &body(&assertion))),
        "signature is wrong",
    );
}

#[test]
fn a_method_has_to_be_accepted_and_registered() {
    let server = FakeTokenServer::start().unwrap();
    let claims = || {
        json!({
            "iss": "test-client", "sub": "test-client", "aud": server.token_url(),
            "exp": now() + 60, "jti": fresh_id(),
        })
    };
    let send = |server: &FakeTokenServer, algorithm: JwtAlgorithm| {
        let key = Key::for_algorithm(algorithm);
        let assertion = key.sign(algorithm, &json!({ "alg": algorithm.name() }), &claims());
        ask(server, form("", &body(&assertion)))
    };
    refused(
        &send(&server, JwtAlgorithm::Hs256),
        "client_secret_jwt is not accepted",
    );
    refused(
        &send(&server, JwtAlgorithm::Es256),
        "private_key_jwt is not accepted",
    );
    let accepting = FakeTokenServer::builder()
        .accept_auth(ClientAuthMethod::PrivateKeyJwt)
        .start()
        .unwrap();
    refused(
        &send(&accepting, JwtAlgorithm::Es256),
        "no key is registered",
    );
    let setup = Setup::new(|builder| builder.accept_auth(ClientAuthMethod::SecretJwt));
    let claims = with(setup.claims(), json!({}));
    let by_secret = Key::for_algorithm(JwtAlgorithm::Hs256);
    let assertion = by_secret.sign(JwtAlgorithm::Hs256, &json!({ "alg": "HS256" }), &claims);
    refused(
        &ask(&setup.server, form("", &body(&assertion))),
        "the client has no secret",
    );
}

#[test]
fn a_second_method_is_one_too_many() {
    let setup = Setup::new(|builder| builder.client("test-client", "test-secret"));
    let assertion = || body(&setup.sign(&setup.header(), &setup.claims()));
    let too_many = |response: Response| {
        assert_eq!(
            (response.status, response.error().as_str()),
            (400, "invalid_request")
        );
    };
    too_many(ask(&setup.server, form(BASIC, &assertion())));
    let secret = format!("{}&client_id=service&client_secret=x", assertion());
    too_many(ask(&setup.server, form("", &secret)));
    assert_eq!(setup.server.token_requests()[0].client_auths().len(), 2);
}

#[test]
fn a_key_that_does_not_fit_its_algorithm_is_an_error_at_the_start() {
    let key = Key::for_algorithm(JwtAlgorithm::Es384);
    for (algorithm, text) in [
        (JwtAlgorithm::Es256, key.pem()),
        (JwtAlgorithm::Rs256, key.jwk().to_string()),
        (JwtAlgorithm::Hs256, key.pem()),
        (JwtAlgorithm::Es384, "{}".to_owned()),
    ] {
        let builder = FakeTokenServer::builder().client_key("service", algorithm, text);
        let error = builder.start().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("service"), "{error}");
    }
}

#[test]
fn a_private_key_given_by_mistake_does_not_show() {
    let builder = FakeTokenServer::builder()
        .client_key("service", JwtAlgorithm::EdDsa, r#"{"d":"test-secret"}"#)
        .trust_issuer("issuer", JwtAlgorithm::EdDsa, r#"{"d":"test-secret"}"#);
    let shown = format!("{builder:?}");
    assert!(
        shown.contains("service") && !shown.contains("test-secret"),
        "{shown}"
    );
    let error = builder.start().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("test-secret"));
}
