use super::*;
use proptest::prelude::*;

fn url() -> Uri {
    Uri::from_static("https://server.example.com/.well-known/x")
}

fn urls(issuer: &str) -> Vec<String> {
    let urls = metadata_urls(issuer).unwrap();
    urls.iter().map(Uri::to_string).collect()
}

fn read_body(body: &str, issuer: &str) -> Result<ServerMetadata, DiscoveryError> {
    read(&Response::new(body.to_owned().into()), &url(), issuer)
}

fn with(members: &str) -> Result<ServerMetadata, DiscoveryError> {
    read_body(
        &format!(r#"{{"issuer":"https://i"{members}}}"#),
        "https://i",
    )
}

#[test]
fn rfc_8414_section_3_1_the_well_known_path_goes_between_host_and_path() {
    assert_eq!(
        urls("https://example.com"),
        [
            "https://example.com/.well-known/oauth-authorization-server",
            "https://example.com/.well-known/openid-configuration",
        ]
    );
    for issuer in [
        "https://example.com/issuer1",
        "https://example.com/issuer1/",
    ] {
        assert_eq!(
            urls(issuer),
            [
                "https://example.com/.well-known/oauth-authorization-server/issuer1",
                "https://example.com/issuer1/.well-known/openid-configuration",
                "https://example.com/.well-known/openid-configuration/issuer1",
            ],
            "no slash is doubled"
        );
    }
    assert_eq!(urls("https://example.com/"), urls("https://example.com"));
}

#[test]
fn p10_an_issuer_needs_tls_and_is_nothing_but_a_url() {
    assert!(metadata_urls("http://127.0.0.1:8080/a").is_ok());
    for (bad, reason) in [
        ("http://example.com", "https"),
        ("https://example.com?a=b", "query"),
        ("https://example.com#a", "fragment"),
        ("https://u:hunter2@example.com", "user information"),
        ("example.com", "scheme"),
    ] {
        let error = metadata_urls(bad).unwrap_err().to_string();
        assert!(
            error.contains("issuer") && error.contains(reason),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn rfc_8414_section_3_2_the_example_is_read() {
    let body = r#"{
      "issuer": "https://server.example.com",
      "authorization_endpoint": "https://server.example.com/authorize",
      "token_endpoint": "https://server.example.com/token",
      "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
      "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
      "userinfo_endpoint": "https://server.example.com/userinfo",
      "jwks_uri": "https://server.example.com/jwks.json",
      "registration_endpoint": "https://server.example.com/register",
      "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
      "response_types_supported": ["code", "code token"],
      "service_documentation": "http://server.example.com/service_documentation.html",
      "ui_locales_supported": ["en-US", "en-GB", "en-CA", "fr-FR", "fr-CA"]
     }"#;
    let metadata = read_body(body, "https://server.example.com").unwrap();
    assert_eq!(metadata.issuer(), "https://server.example.com");
    assert_eq!(
        metadata.token_endpoint().unwrap(),
        "https://server.example.com/token"
    );
    assert_eq!(metadata.introspection_endpoint(), None);
    assert_eq!(
        metadata.secret_method(),
        ClientAuthMethod::ClientSecretBasic
    );
}

#[test]
fn rfc_8414_section_3_3_the_issuer_is_compared_character_for_character() {
    let body = r#"{"issuer":"https://server.example.com/","token_endpoint":"https://h/t"}"#;
    assert!(read_body(body, "https://server.example.com/").is_ok());
    for other in [
        "https://server.example.com",
        "https://SERVER.example.com/",
        "https://server.example.com:443/",
        "https://server.example.com//",
    ] {
        let error = read_body(body, other).unwrap_err();
        assert!(
            matches!(&error, DiscoveryError::OtherIssuer { expected, .. } if expected == other),
            "{error:?}"
        );
        assert!(error.to_string().contains("https://server.example.com/"));
    }
}

#[test]
fn rfc_8414_section_2_a_server_that_names_no_methods_takes_basic() {
    let method = |methods: &str| {
        let member = format!(r#","token_endpoint_auth_methods_supported":{methods}"#);
        with(&member).unwrap().secret_method()
    };
    assert_eq!(
        with("").unwrap().secret_method(),
        ClientAuthMethod::ClientSecretBasic
    );
    for (methods, wanted) in [
        (r#"["none"]"#, ClientAuthMethod::ClientSecretBasic),
        ("[]", ClientAuthMethod::ClientSecretBasic),
        ("7", ClientAuthMethod::ClientSecretBasic),
        (
            r#"["client_secret_post"]"#,
            ClientAuthMethod::ClientSecretPost,
        ),
        (
            r#"["client_secret_post","client_secret_basic"]"#,
            ClientAuthMethod::ClientSecretBasic,
        ),
    ] {
        assert_eq!(method(methods), wanted, "{methods}");
    }
    #[cfg(feature = "jwt")]
    assert_eq!(
        method(r#"["private_key_jwt","client_secret_jwt"]"#),
        ClientAuthMethod::ClientSecretJwt
    );
}

#[test]
fn rfc_8705_section_5_a_client_with_a_certificate_prefers_the_alias() {
    let metadata = with(
        r#","token_endpoint":"https://h/t","revocation_endpoint":"https://h/r",
           "mtls_endpoint_aliases":{"token_endpoint":"https://mtls.h/t"}"#,
    )
    .unwrap();
    let endpoint = |kind, method| metadata.endpoint(kind, method).unwrap().to_string();
    let mtls = ClientAuthMethod::TlsClientAuth;
    assert_eq!(endpoint(EndpointKind::Token, mtls), "https://mtls.h/t");
    assert_eq!(endpoint(EndpointKind::Revocation, mtls), "https://h/r");
    let basic = ClientAuthMethod::ClientSecretBasic;
    assert_eq!(endpoint(EndpointKind::Token, basic), "https://h/t");
}

#[test]
fn p10_no_endpoint_of_the_metadata_is_in_plain_http() {
    assert_unusable(with(r#","token_endpoint":"http://h/t""#), "token_endpoint");
    let metadata = with(
        r#","token_endpoint":"http://[::1]:8/t","revocation_endpoint":"ftp://h/t",
           "mtls_endpoint_aliases":{"token_endpoint":"http://h/t"}"#,
    )
    .unwrap();
    assert_eq!(metadata.revocation_endpoint(), None);
    let basic = ClientAuthMethod::ClientSecretBasic;
    let revocation = metadata.endpoint(EndpointKind::Revocation, basic);
    assert_unusable(revocation, "revocation_endpoint");
    let mtls = ClientAuthMethod::TlsClientAuth;
    let alias = metadata.endpoint(EndpointKind::Token, mtls);
    assert_unusable(alias, "mtls_endpoint_aliases.token_endpoint");
}

fn assert_unusable<T: std::fmt::Debug>(outcome: Result<T, DiscoveryError>, name: &str) {
    let error = outcome.unwrap_err();
    assert!(
        matches!(&error, DiscoveryError::UnusableEndpoint { name: found, .. } if found == name),
        "{error:?}"
    );
}

#[test]
fn an_endpoint_of_no_use_costs_only_who_calls_it() {
    let metadata = with(
        r#","token_endpoint":"https://h/t","introspection_endpoint":"https://h/i",
           "revocation_endpoint":"http://h/r",
           "mtls_endpoint_aliases":{"introspection_endpoint":"http://h/i"}"#,
    )
    .unwrap();
    let basic = ClientAuthMethod::ClientSecretBasic;
    for kind in [EndpointKind::Token, EndpointKind::Introspection] {
        assert!(metadata.endpoint(kind, basic).is_ok(), "{kind:?}");
    }
    let mtls = ClientAuthMethod::TlsClientAuth;
    assert!(metadata.endpoint(EndpointKind::Token, mtls).is_ok());
    assert!(
        metadata
            .endpoint(EndpointKind::Introspection, mtls)
            .is_err()
    );
}

#[test]
fn p08_what_is_not_metadata_has_a_reason() {
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"issuer":7}"#,
        r#"{"issuer":""}"#,
    ] {
        let error = read_body(body, "").unwrap_err();
        assert!(matches!(error, DiscoveryError::Malformed { .. }), "{body}");
    }
    let long = " ".repeat(MAX_RESPONSE_BODY) + r#"{"issuer":"https://i"}"#;
    let error = read_body(&long, "https://i").unwrap_err();
    assert!(error.to_string().contains("1 MiB"));
    let missing = Response::builder().status(404).body(Bytes::new()).unwrap();
    let error = read(&missing, &url(), "https://i").unwrap_err();
    assert!(error.to_string().contains("HTTP 404"), "{error}");
}

proptest! {
    #[test]
    fn p08_any_bytes_have_an_outcome(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&Response::new(body.into()), &url(), "https://i");
    }

    #[test]
    fn p08_any_issuer_has_an_outcome(issuer in ".{0,40}", path in "[/a-z%.]{0,12}") {
        let _ = metadata_urls(&issuer);
        let _ = metadata_urls(&format!("https://h{path}"));
    }
}
