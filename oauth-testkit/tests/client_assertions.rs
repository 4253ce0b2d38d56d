//! Client assertions (RFC 7521 §4.2, RFC 7523 §2.2), right and wrong in each way there is.
#![cfg(feature = "jose")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "support/jose.rs"]
mod jose;
mod support;

use std::time::Duration;

use jose::{Key, fresh_id, now, with};
use oauth_testkit::{
    AssertionAudience, AssertionRules, ClientAuthMethod, FakeTokenServer, FakeTokenServerBuilder,
    JwtAlgorithm, ManualClock,
};
use serde_json::{Value, json};
use support::{BASIC, GRANT, Response, ask, form};

const TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

fn body(assertion: &str) -> String {
    format!("{GRANT}&client_assertion_type={TYPE}&client_assertion={assertion}")
}

/// A server that knows `service` by one key, and that key.
struct Setup {
    server: FakeTokenServer,
    key: Key,
    algorithm: JwtAlgorithm,
}

impl Setup {
    fn new(change: impl FnOnce(FakeTokenServerBuilder) -> FakeTokenServerBuilder) -> Self {
        let algorithm = JwtAlgorithm::Es256;
        let key = Key::for_algorithm(algorithm);
        let builder = FakeTokenServer::builder().client_key("service", algorithm, key.pem());
        Self {
            server: change(builder).start().unwrap(),
            key,
            algorithm,
        }
    }

    fn plain() -> Self {
        Self::new(|builder| builder)
    }

    fn claims(&self) -> Value {
        json!({
            "iss": "service", "sub": "service", "aud": self.server.token_url(),
            "exp": now() + 60, "iat": now(), "jti": fresh_id(),
        })
    }

    fn header(&self) -> Value {
        json!({ "alg": self.algorithm.name() })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.key.sign(self.algorithm, header, claims)
    }

    fn ask(&self, header: &Value, claims: &Value) -> Response {
        ask(&self.server, form("", &body(&self.sign(header, claims))))
    }

    /// The right assertion with these claims instead.
    fn ask_with(&self, changes: Value) -> Response {
        self.ask(&self.header(), &with(self.claims(), changes))
    }

    fn ask_with_header(&self, changes: Value) -> Response {
        self.ask(&with(self.header(), changes), &self.claims())
    }

    fn ask_right(&self) -> Response {
        self.ask(&self.header(), &self.claims())
    }
}

#[track_caller]
fn refused(response: &Response, description: &str) {
    assert_eq!(
        (response.status, response.error().as_str()),
        (401, "invalid_client")
    );
    let told = response.json()["error_description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        told.contains(description),
        "{told:?} is not {description:?}"
    );
}

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
fn the_type_has_to_be_exactly_right() {
    let setup = Setup::plain();
    let assertion = setup.sign(&setup.header(), &setup.claims());
    for wrong in [
        format!("client_assertion={assertion}"),
        format!("client_assertion={assertion}&client_assertion_type={TYPE}s"),
        format!("client_assertion={assertion}&client_assertion_type=jwt-bearer"),
    ] {
        let response = ask(&setup.server, form("", &format!("{GRANT}&{wrong}")));
        refused(&response, "client_assertion_type is not");
    }
    let without = form("", &format!("{GRANT}&client_assertion_type={TYPE}"));
    refused(&ask(&setup.server, without), "there is no client_assertion");
}

#[test]
fn what_is_no_jwt_is_refused() {
    let setup = Setup::plain();
    for (wrong, reason) in [
        ("nothing", "it has no parts"),
        ("e30.e30", "three parts"),
        ("e30.e30.e30.e30", "three parts"),
        ("e30!.e30.e30", "its header"),
        ("e30.W10.e30", "its claims"),
        ("e30.e30.e30%3D", "its signature"),
    ] {
        refused(&ask(&setup.server, form("", &body(wrong))), reason);
    }
}

#[test]
fn iss_and_sub_have_to_be_the_client() {
    let setup = Setup::plain();
    refused(&setup.ask_with(json!({ "iss": null })), "there is no iss");
    refused(&setup.ask_with(json!({ "sub": null })), "there is no sub");
    refused(&setup.ask_with(json!({ "sub": 7 })), "sub is not text");
    refused(&setup.ask_with(json!({ "iss": "else" })), "is not sub");
    let nobody = json!({ "iss": "nobody", "sub": "nobody" });
    refused(&setup.ask_with(nobody), "no client \"nobody\"");
}

#[test]
fn a_client_id_has_to_be_the_same() {
    let setup = Setup::plain();
    let right = format!(
        "{}&client_id=service",
        body(&setup.sign(&setup.header(), &setup.claims()))
    );
    ask(&setup.server, form("", &right)).token();
    let wrong = format!(
        "{}&client_id=else",
        body(&setup.sign(&setup.header(), &setup.claims()))
    );
    refused(
        &ask(&setup.server, form("", &wrong)),
        "client_id \"else\" is not sub",
    );
}

#[test]
fn the_audience_is_the_token_endpoint_or_the_issuer() {
    let setup = Setup::plain();
    let (endpoint, issuer) = (setup.server.token_url(), setup.server.issuer());
    setup.ask_with(json!({ "aud": issuer })).token();
    setup.ask_with(json!({ "aud": [endpoint, issuer] })).token();
    refused(&setup.ask_with(json!({ "aud": null })), "there is no aud");
    refused(&setup.ask_with(json!({ "aud": 1 })), "neither text nor");
    refused(&setup.ask_with(json!({ "aud": [] })), "neither text nor");
    refused(
        &setup.ask_with(json!({ "aud": "https://else.test" })),
        "is none of",
    );
    let one_of_two = json!({ "aud": [endpoint, "https://else.test"] });
    refused(&setup.ask_with(one_of_two), "is none of");
    let with_slash = json!({ "aud": format!("{endpoint}/") });
    refused(&setup.ask_with(with_slash), "is none of");
}

#[test]
fn the_audience_may_be_narrowed() {
    let rules = AssertionRules::new().audience(AssertionAudience::TokenEndpoint);
    let setup = Setup::new(|builder| builder.assertion_rules(rules.audience_as_text()));
    let (endpoint, issuer) = (setup.server.token_url(), setup.server.issuer());
    setup.ask_right().token();
    refused(&setup.ask_with(json!({ "aud": issuer })), "is none of");
    refused(
        &setup.ask_with(json!({ "aud": [endpoint] })),
        "aud is an array",
    );

    let rules = AssertionRules::new().audience(AssertionAudience::Issuer);
    let setup = Setup::new(|builder| builder.assertion_rules(rules));
    setup
        .ask_with(json!({ "aud": setup.server.issuer() }))
        .token();
    refused(&setup.ask_right(), "is none of");
}

/// Where a clock that is moved by hand begins.
const START: u64 = 1_750_000_000;

/// On a clock that stands, so that a second more or less is told apart.
fn at_start(rules: AssertionRules) -> Setup {
    Setup::new(|builder| builder.clock(ManualClock::new()).assertion_rules(rules))
}

/// The right assertion at [`START`], with these claims instead.
fn ask_at_start(setup: &Setup, changes: Value) -> Response {
    let right = json!({ "exp": START + 60, "iat": START });
    let claims = with(setup.claims(), right);
    setup.ask(&setup.header(), &with(claims, changes))
}

#[test]
fn exp_has_to_be_there_ahead_and_near() {
    let setup = at_start(AssertionRules::new());
    let ask = |exp: Value| ask_at_start(&setup, json!({ "exp": exp }));
    ask(json!(START + 300)).token();
    ask(json!(START + 1)).token();
    refused(&ask(Value::Null), "there is no exp");
    refused(&ask(json!("60")), "exp is not a number");
    refused(&ask(json!(START)), "has passed");
    refused(&ask(json!(START + 301)), "more than 300 s ahead");
    let strict = at_start(AssertionRules::new().max_lifetime(Duration::from_secs(60)));
    ask_at_start(&strict, json!({ "exp": START + 60 })).token();
    refused(
        &ask_at_start(&strict, json!({ "exp": START + 61 })),
        "more than 60 s ahead",
    );
}

#[test]
fn iat_and_nbf_may_not_be_in_the_future() {
    let setup = at_start(AssertionRules::new());
    let ask = |changes| ask_at_start(&setup, changes);
    ask(json!({ "iat": null, "nbf": START })).token();
    refused(&ask(json!({ "iat": START + 1 })), "iat");
    refused(&ask(json!({ "nbf": START + 1 })), "nbf");
    refused(&ask(json!({ "nbf": "now" })), "nbf is not a number");
}

#[test]
fn the_servers_clock_judges() {
    let clock = ManualClock::new();
    let setup = Setup::new(|builder| builder.clock(clock.clone()));
    let start = START;
    let claims = |iat: u64, exp: u64| json!({ "iat": iat, "exp": exp });
    setup.ask_with(claims(start, start + 60)).token();
    refused(
        &setup.ask_with(claims(start + 1, start + 60)),
        "is in the future",
    );
    clock.advance(Duration::from_secs(60));
    refused(&setup.ask_with(claims(start, start + 60)), "has passed");
    setup.ask_with(claims(start + 1, start + 61)).token();
}

#[test]
fn an_assertion_is_good_once() {
    let setup = Setup::plain();
    refused(&setup.ask_with(json!({ "jti": null })), "there is no jti");
    refused(&setup.ask_with(json!({ "jti": "" })), "jti is not text");
    let claims = setup.claims();
    // What is refused for another reason is not used up.
    refused(
        &setup.ask(&setup.header(), &with(claims.clone(), json!({ "exp": 1 }))),
        "has passed",
    );
    setup.ask(&setup.header(), &claims).token();
    refused(&setup.ask(&setup.header(), &claims), "was used before");
    let later = with(claims, json!({ "exp": now() + 100 }));
    refused(&setup.ask(&setup.header(), &later), "was used before");
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
