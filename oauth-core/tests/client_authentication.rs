//! How a client proves who it is: one method a request, with secrets that may change.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/recorder.rs"]
#[allow(dead_code, reason = "each test takes what it needs")]
mod recorder;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_executor::block_on;
use http::header::AUTHORIZATION;
use oauth_core::{
    AssertionAudience, ClientAuthMethod, ClientCredentials, ClientCredentialsBuilder, Error,
    ErrorKind, JwsAlgorithm, JwsSigner, OAuthError, SecretSource, TokenSource, async_trait,
};
use recorder::{Recorder, answer, jwt};

const URL: &str = "https://id.example.com/token?tenant=a";
const INVALID_CLIENT: &str = r#"{"error":"invalid_client"}"#;

fn builder(http: &Recorder) -> ClientCredentialsBuilder {
    ClientCredentials::builder(URL, "me").http_client(http.clone())
}

/// Signs with its own name.
struct Remote(JwsAlgorithm);

#[async_trait]
impl JwsSigner for Remote {
    fn algorithm(&self) -> JwsAlgorithm {
        self.0
    }

    fn key_id(&self) -> Option<&str> {
        Some("k1")
    }

    fn key_name(&self) -> String {
        "remote".into()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        assert_eq!(message.iter().filter(|byte| **byte == b'.').count(), 1);
        Ok(b"signed".to_vec())
    }
}

fn ask(builder: ClientCredentialsBuilder) -> Result<(), Error> {
    block_on(builder.build()?.token()).map(drop)
}

#[test]
fn a_client_without_a_secret_only_names_itself() {
    for method in [ClientAuthMethod::None, ClientAuthMethod::TlsClientAuth] {
        let http = Recorder::default();
        ask(builder(&http).auth_method(method)).unwrap();
        assert!(http.requests()[0].headers().get(AUTHORIZATION).is_none());
        assert_eq!(
            http.form(0),
            [
                ("grant_type".into(), "client_credentials".into()),
                ("client_id".into(), "me".into())
            ]
        );
    }
}

#[test]
fn a_private_key_signs_an_assertion_for_the_token_endpoint() {
    let http = Recorder::default();
    let source = builder(&http)
        .private_key(Remote(JwsAlgorithm::Ps256))
        .build()
        .unwrap();
    block_on(source.token()).unwrap();
    block_on(source.token()).unwrap();
    assert!(http.requests()[0].headers().get(AUTHORIZATION).is_none());
    assert_eq!(http.parameter(0, "client_id").as_deref(), Some("me"));
    assert_eq!(http.parameter(0, "client_secret"), None);
    assert_eq!(
        http.parameter(0, "client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    let [first, second] = [0, 1].map(|number| http.parameter(number, "client_assertion").unwrap());
    assert!(first.ends_with(".c2lnbmVk"), "the signature: {first}");
    let [header, claims] = jwt(&first);
    assert_eq!(header["alg"], "PS256");
    assert_eq!(header["kid"], "k1");
    assert_eq!(claims["aud"], URL);
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&"me".into(), &"me".into())
    );
    let seconds = |name: &str| claims[name].as_u64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 60);
    assert_ne!(claims["jti"], jwt(&second)[1]["jti"], "RFC 7523 §3");
}

#[test]
fn the_audience_of_an_assertion_may_be_another() {
    let http = Recorder::default();
    let issuer = "https://id.example.com";
    let with_key = || builder(&http).private_key(Remote(JwsAlgorithm::Es256));
    ask(with_key().assertion_audience(AssertionAudience::Exactly(issuer.into()))).unwrap();
    let assertion = http.parameter(0, "client_assertion").unwrap();
    assert_eq!(jwt(&assertion)[1]["aud"], issuer);

    let unknown = with_key().assertion_audience(AssertionAudience::Issuer);
    assert!(unknown.build().unwrap_err().to_string().contains("Exactly"));
}

#[test]
fn an_assertion_of_the_platform_is_read_at_every_request() {
    let file = TemporaryFile::new("assertion", "one.two.three\n");
    let http = Recorder::default();
    let source = builder(&http)
        .client_assertion(SecretSource::file(&file.0))
        .build()
        .unwrap();
    block_on(source.token()).unwrap();
    file.write("four.five.six");
    block_on(source.token()).unwrap();
    let assertions = [0, 1].map(|number| http.parameter(number, "client_assertion").unwrap());
    assert_eq!(assertions, ["one.two.three", "four.five.six"]);
}

#[cfg(feature = "jwt")]
#[test]
fn a_secret_can_sign_and_is_not_sent() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::DecodingKey;
    use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;

    let secret = "a secret of some length";
    for algorithm in [
        JwsAlgorithm::Hs256,
        JwsAlgorithm::Hs384,
        JwsAlgorithm::Hs512,
    ] {
        let http = Recorder::default();
        let by_hmac = builder(&http)
            .client_secret(secret)
            .auth_method(ClientAuthMethod::ClientSecretJwt)
            .hmac_algorithm(algorithm);
        ask(by_hmac).unwrap();
        let assertion = http.parameter(0, "client_assertion").unwrap();
        assert_eq!(jwt(&assertion)[0]["alg"], algorithm.as_str());
        let (message, signature) = assertion.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let key = DecodingKey::from_secret(secret.as_bytes());
        let algorithm = algorithm.as_str().parse().unwrap();
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key).unwrap();
        assert!(verifier.verify(message.as_bytes(), &signature).is_ok());
        assert_eq!(http.parameter(0, "client_secret"), None);
    }
    let misfit = builder(&Recorder::default())
        .client_secret(secret)
        .hmac_algorithm(JwsAlgorithm::Es256);
    assert!(misfit.build().unwrap_err().to_string().contains("ES256"));
}

#[test]
fn a_request_has_one_method_of_authentication() {
    let http = Recorder::default();
    let key = || Remote(JwsAlgorithm::Es256);
    for (builder, reason) in [
        (
            builder(&http).client_secret("hunter2").private_key(key()),
            "more than one",
        ),
        (
            builder(&http)
                .client_secret("hunter2")
                .client_assertion("hunter2"),
            "more than one",
        ),
        (
            builder(&http)
                .client_secret("hunter2")
                .auth_method(ClientAuthMethod::PrivateKeyJwt),
            ".private_key(",
        ),
        (
            builder(&http)
                .client_secret("hunter2")
                .auth_method(ClientAuthMethod::TlsClientAuth),
            "tls_client_auth",
        ),
        (
            builder(&http)
                .private_key(key())
                .auth_method(ClientAuthMethod::ClientSecretPost),
            ".client_secret(",
        ),
        (
            builder(&http).auth_method(ClientAuthMethod::PrivateKeyJwt),
            ".private_key(",
        ),
        (builder(&http), ".client_secret("),
        (builder(&http).client_secret(" "), "white space"),
        (
            builder(&http).private_key(Remote(JwsAlgorithm::Hs256)),
            "HMAC",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains(reason) && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}

#[test]
fn a_secret_that_changed_is_tried_once_more_and_only_once() {
    let file = TemporaryFile::new("rotated", "old\r\n");
    let path = file.0.clone();
    let refused = || answer(401, INVALID_CLIENT);
    let http = Recorder::new([refused(), refused(), refused()]).before_answer(move |number| {
        std::fs::write(&path, format!("secret {number}")).unwrap();
    });
    let error = ask(by_post(&http).client_secret(SecretSource::file(&file.0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(http.count(), 2, "though it had changed once more");
    let sent = [0, 1].map(|number| http.parameter(number, "client_secret").unwrap());
    assert_eq!(sent, ["old", "secret 1"]);
}

#[test]
fn a_changed_secret_that_is_accepted_brings_the_token() {
    for refusal in [
        answer(401, INVALID_CLIENT),
        answer(400, INVALID_CLIENT),
        answer(401, r#"{"error":"unauthorized_client"}"#),
        answer(403, ""),
    ] {
        let calls = Arc::new(AtomicUsize::new(0));
        let secret = SecretSource::function("vault", move || {
            let number = calls.fetch_add(1, Ordering::Relaxed);
            async move { Ok::<_, std::io::Error>(format!("secret {number}").into()) }
        });
        let http = Recorder::new([refusal]);
        ask(by_post(&http).client_secret(secret)).unwrap();
        assert_eq!(http.count(), 2);
    }
}

#[test]
fn a_secret_that_is_the_same_is_not_tried_again() {
    let file = TemporaryFile::new("same", "same");
    for secret in [SecretSource::file(&file.0), "same".into()] {
        let http = Recorder::new([answer(401, INVALID_CLIENT)]);
        assert!(ask(by_post(&http).client_secret(secret)).is_err());
        assert_eq!(http.count(), 1);
    }
}

#[test]
fn what_is_not_about_the_client_is_not_tried_with_another_secret() {
    for refusal in [
        answer(400, r#"{"error":"invalid_scope"}"#),
        answer(404, ""),
        answer(503, ""),
    ] {
        let file = TemporaryFile::new("scope", "old");
        let path = file.0.clone();
        let http =
            Recorder::new([refusal]).before_answer(move |_| std::fs::write(&path, "new").unwrap());
        assert!(ask(by_post(&http).client_secret(SecretSource::file(&file.0))).is_err());
        assert_eq!(http.count(), 1);
    }
}

#[test]
fn a_secret_that_cannot_be_read_for_now_is_an_error_that_passes() {
    let http = Recorder::default();
    for (kind, is_retryable) in [
        (ErrorKind::Timeout, true),
        (ErrorKind::RateLimited, true),
        (ErrorKind::Refused, false),
    ] {
        let vault = SecretSource::function("vault:kv/me", move || async move {
            let error = Error::builder(kind, "the vault does not answer");
            Err(error.retry_after(Duration::from_secs(7)).build())
        });
        let error = ask(by_post(&http).client_secret(vault)).unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, is_retryable));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert!(error.to_string().contains("vault:kv/me"), "{error}");
    }
    // The answer of the vault is not that of the server.
    let busy = SecretSource::function("vault:kv/me", || async {
        let busy = OAuthError::new("slow_down");
        let error = Error::builder(ErrorKind::Refused, "the vault is busy");
        Err(error.oauth_error(busy).build())
    });
    let error = ask(by_post(&http).client_secret(busy)).unwrap_err();
    assert!(error.is_retryable() && error.oauth_error().is_none());
    assert_eq!(http.count(), 0);
}

#[test]
fn a_secret_that_cannot_be_read_again_leaves_the_first_error() {
    let file = TemporaryFile::new("gone", "old");
    let path = file.0.clone();
    let http = Recorder::new([answer(401, INVALID_CLIENT)])
        .before_answer(move |_| std::fs::remove_file(&path).unwrap());
    let error = ask(by_post(&http).client_secret(SecretSource::file(&file.0))).unwrap_err();
    assert!(error.oauth_error().is_some(), "{error:?}");
}

#[test]
fn a_secret_that_cannot_be_read_is_named_and_nothing_sent() {
    let http = Recorder::default();
    let failing = SecretSource::function("vault:kv/me", || async { Err("sealed") });
    for (secret, name) in [
        (SecretSource::file("/no/such/file"), "/no/such/file"),
        (
            SecretSource::environment("OAUTH_TEST_NO_SUCH_VARIABLE"),
            "OAUTH_TEST_NO_SUCH_VARIABLE",
        ),
        (failing, "vault:kv/me"),
    ] {
        let error = ask(by_post(&http).client_secret(secret)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(http.count(), 0);
    // Set for every test by cargo.
    let set = SecretSource::environment("CARGO_PKG_NAME");
    ask(by_post(&http).client_secret(set)).unwrap();
    assert_eq!(
        http.parameter(0, "client_secret").as_deref(),
        Some("oauth-core")
    );
}

#[test]
fn p09_an_assertion_that_the_server_quotes_is_not_passed_on() {
    let quoting = r#"{"error":"invalid_client","error_description":"bad one.two.three"}"#;
    let http = Recorder::new([answer(401, quoting)]);
    let error = ask(builder(&http).client_assertion("one.two.three")).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("bad [redacted]") && !shown.contains("two"),
        "{shown}"
    );
}

#[cfg(feature = "jwt")]
#[test]
fn p09_a_secret_that_only_signs_and_that_the_server_quotes_is_not_passed_on() {
    let quoting = r#"{"error":"invalid_client","error_description":"not by hunter2"}"#;
    let http = Recorder::new([answer(401, quoting)]);
    let signing = builder(&http).auth_method(ClientAuthMethod::ClientSecretJwt);
    let error = ask(signing.client_secret("hunter2")).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("not by [redacted]") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn p13_each_way_to_authenticate_has_a_key_of_its_own() {
    let http = Recorder::default();
    let function = |name| SecretSource::function(name, || async { Ok::<_, Error>("s".into()) });
    let base = || builder(&http);
    let builders = [
        base().client_secret("s"),
        base().client_secret("t"),
        base().client_secret(SecretSource::file("s")),
        base().client_secret(SecretSource::environment("s")),
        base().client_secret(function("s")),
        base().client_secret(function("t")),
        base().client_assertion("s"),
        base()
            .client_secret("s")
            .auth_method(ClientAuthMethod::ClientSecretPost),
        base()
            .client_secret("s")
            .auth_method(ClientAuthMethod::ClientSecretBasicRaw),
        base().auth_method(ClientAuthMethod::None),
        base().auth_method(ClientAuthMethod::TlsClientAuth),
        base().private_key(Remote(JwsAlgorithm::Es256)),
        base().private_key(Remote(JwsAlgorithm::Es384)),
        base()
            .private_key(Remote(JwsAlgorithm::Es256))
            .assertion_audience(AssertionAudience::Exactly("a".into())),
        base().client_secret("s").audience("a"),
        base().client_secret("s").resource("urn:a"),
        base()
            .client_secret("s")
            .resource("urn:a")
            .resource("urn:b"),
        base().client_secret("s").parameter("a", "b"),
        base().client_secret("s").scopes(["a"]),
        ClientCredentials::builder(URL, "you")
            .http_client(http.clone())
            .client_secret("s"),
        ClientCredentials::builder("https://id.example.com/token", "me")
            .http_client(http.clone())
            .client_secret("s"),
    ];
    let count = builders.len();
    let keys: std::collections::BTreeSet<_> = builders
        .into_iter()
        .map(|builder| builder.build().unwrap().key())
        .collect();
    assert_eq!(keys.len(), count);
}

fn by_post(http: &Recorder) -> ClientCredentialsBuilder {
    builder(http).auth_method(ClientAuthMethod::ClientSecretPost)
}

/// A file that goes with the test.
struct TemporaryFile(std::path::PathBuf);

impl TemporaryFile {
    fn new(name: &str, content: &str) -> Self {
        let file = format!("oauth-core-test-{}-{name}", std::process::id());
        let this = Self(std::env::temp_dir().join(file));
        this.write(content);
        this
    }

    fn write(&self, content: &str) {
        std::fs::write(&self.0, content).unwrap();
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
