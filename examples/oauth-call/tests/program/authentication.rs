//! How the client authenticates, and what it asks for.

use oauth_core::{JwsAlgorithm, JwsSigner, SigningKey};
use oauth_testkit::{
    AssertionAudience, AssertionRules, ClientAuthMethod, FakeTokenServer, FakeTokenServerBuilder,
    JwtAlgorithm, Reply, TokenRequest,
};

use crate::{BACKENDS, Folder, ODD_SECRET, program, run};

type Builder = FakeTokenServerBuilder;

/// What the command line says, what the server accepts, and what it sees.
struct Case<'a> {
    arguments: &'a [&'a str],
    server: fn(Builder) -> Builder,
    sees: fn(&TokenRequest, &FakeTokenServer),
}

fn has_method(request: &TokenRequest, method: ClientAuthMethod) {
    // Exactly one.
    let [auth] = request.client_auths() else {
        panic!("{request:?}")
    };
    assert_eq!(auth.method, method);
    assert_eq!(auth.client_id, FakeTokenServer::CLIENT_ID);
}

fn with_odd_secret(builder: Builder) -> Builder {
    builder.client(FakeTokenServer::CLIENT_ID, ODD_SECRET)
}

/// RFC 7515 A.3.1, with members that a client may have besides.
const JWK: &str = r#"{"kty":"EC","crv":"P-256","alg":"ES256","kid":"from-jwk",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

#[test]
fn every_option_about_the_client_arrives_at_the_server() {
    let folder = Folder::new("options");
    let assertion = folder.file(
        "assertion",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJwbGF0Zm9ybSJ9.c2ln\n",
    );
    let jwk = folder.file("key.json", JWK);
    let secret = folder.file("secret", &format!("{ODD_SECRET}\n"));
    let cases = [
        Case {
            arguments: &["--auth", "basic", "--secret-env", "ODD_SECRET"],
            server: |builder| with_odd_secret(builder).accept_auth(ClientAuthMethod::Basic),
            sees: |request, _| has_method(request, ClientAuthMethod::Basic),
        },
        Case {
            arguments: &["--auth", "basic-raw", "--secret-env", "ODD_SECRET"],
            server: |builder| with_odd_secret(builder).accept_auth(ClientAuthMethod::BasicRaw),
            sees: |request, _| has_method(request, ClientAuthMethod::BasicRaw),
        },
        Case {
            arguments: &["--issuer", "--auth", "post", "--secret-file", &secret],
            server: |builder| with_odd_secret(builder).accept_auth(ClientAuthMethod::Post),
            sees: |request, _| has_method(request, ClientAuthMethod::Post),
        },
        Case {
            arguments: &["--auth", "none"],
            server: |builder| builder.public_client(FakeTokenServer::CLIENT_ID),
            sees: |request, _| has_method(request, ClientAuthMethod::None),
        },
        Case {
            arguments: &["--auth", "assertion-file", "--secret-file", &assertion],
            server: |builder| builder,
            sees: |request, _| {
                let claims = request.client_assertion().unwrap().claims();
                assert_eq!(claims["sub"], "platform");
            },
        },
        Case {
            arguments: &["--key", &jwk],
            server: |builder| {
                builder
                    .client_key(FakeTokenServer::CLIENT_ID, JwtAlgorithm::Es256, JWK)
                    .assertion_rules(
                        AssertionRules::new()
                            .audience(AssertionAudience::TokenEndpoint)
                            .audience_as_text()
                            .require_kid(),
                    )
            },
            sees: |request, _| {
                has_method(request, ClientAuthMethod::PrivateKeyJwt);
                let assertion = request.client_assertion().unwrap();
                assert_eq!(assertion.header()["kid"], "from-jwk");
            },
        },
        Case {
            arguments: &[
                "--issuer",
                "--auth",
                "secret-jwt",
                "--audience-of-assertion",
                "issuer",
            ],
            server: |builder| {
                builder
                    .accept_auth(ClientAuthMethod::SecretJwt)
                    .assertion_rules(AssertionRules::new().audience(AssertionAudience::Issuer))
            },
            sees: |request, server| {
                has_method(request, ClientAuthMethod::SecretJwt);
                let claims = request.client_assertion().unwrap().claims();
                assert_eq!(claims["aud"], server.issuer());
            },
        },
        Case {
            arguments: &[
                "--scope",
                "read",
                "--scope",
                "write",
                "--resource",
                "https://a.example/",
                "--resource",
                "https://b.example/",
                "--param",
                "audience=c=d",
                "--param",
                "tenant=t",
            ],
            server: |builder| builder.scopes(["read", "write"]),
            sees: |request, _| {
                assert_eq!(request.scope(), Some("read write"));
                let params = request.params().iter();
                let resources = params.filter(|(name, _)| name == "resource");
                let resources: Vec<_> = resources.map(|(_, value)| value.as_str()).collect();
                assert_eq!(resources, ["https://a.example/", "https://b.example/"]);
                assert_eq!(request.param("audience"), Some("c=d"));
                assert_eq!(request.param("tenant"), Some("t"));
            },
        },
    ];
    for backend in BACKENDS {
        for case in &cases {
            let server = (case.server)(FakeTokenServer::builder()).start().unwrap();
            if case.arguments.contains(&"assertion-file") {
                // Nobody can verify it.
                let granted = serde_json::json!({"access_token": "of-the-platform"});
                server.always_token_reply(Reply::status(200).json(granted));
                server.issue_token("of-the-platform");
            }
            let mut arguments = case.arguments.to_vec();
            let url = server.api_url();
            arguments.push(&url);
            let output = run(&server, backend, &arguments);
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
            server.assert_token_requests(1);
            (case.sees)(&server.token_requests()[0], &server);
        }
    }
}

#[test]
fn a_private_key_signs_and_the_token_is_bound_to_another() {
    const KEY: &str = include_str!("../../../../oauth-core/tests/keys/p256-pkcs8.pem");
    let key = SigningKey::from_pem(JwsAlgorithm::Es256, KEY).unwrap();
    let jwk = JwsSigner::public_jwk(&key).unwrap().to_string();
    let folder = Folder::new("key");
    let file = folder.file("key.pem", KEY);
    for backend in BACKENDS {
        let server = FakeTokenServer::builder()
            .client_key(FakeTokenServer::CLIENT_ID, JwtAlgorithm::Es256, &jwk)
            .start()
            .unwrap();
        let (token_url, url) = (server.token_url(), server.api_url());
        let arguments = [
            "--backend",
            backend,
            "--token-url",
            &token_url,
            "--client-id",
            FakeTokenServer::CLIENT_ID,
            "--auth",
            "private-key-jwt",
            "--key",
            &file,
            "--alg",
            "ES256",
            "--kid",
            "k1",
            "--dpop",
            &url,
        ];
        let output = program(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let request = &server.token_requests()[0];
        assert_eq!(request.client_assertion().unwrap().header()["kid"], "k1");
        assert!(request.dpop_proof().is_some());
        assert!(server.api_requests()[0].dpop_proof().is_some());
    }
}

#[test]
fn an_assertion_under_the_secret_is_made_with_the_algorithm_asked_for() {
    let algorithms = [
        (None, JwtAlgorithm::Hs256),
        (Some("HS384"), JwtAlgorithm::Hs384),
        (Some("HS512"), JwtAlgorithm::Hs512),
    ];
    for backend in BACKENDS {
        for (name, algorithm) in algorithms {
            let server = FakeTokenServer::builder()
                .accept_auth(ClientAuthMethod::SecretJwt)
                .secret_jwt_algorithm(FakeTokenServer::CLIENT_ID, algorithm)
                .start()
                .unwrap();
            let url = server.api_url();
            let mut arguments = vec!["--auth", "secret-jwt"];
            arguments.extend(name.iter().flat_map(|name| ["--alg", name]));
            arguments.push(&url);
            let output = run(&server, backend, &arguments);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        }
    }
}
