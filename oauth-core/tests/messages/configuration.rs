//! What is set up wrongly.

use std::time::Duration;

use futures_executor::block_on;
use http::{HeaderMap, Uri};
use oauth_core::{
    AccessToken, AssertionAudience, Authorizer, ClientAuthMethod, ClientCredentials, Error,
    ErrorKind, JwsAlgorithm, JwsSigner, Origin, RefreshPolicy, Scopes, SecretSource, StoredToken,
    Target, TokenSource, async_trait,
};
use oauth_testkit::{Messages, ScriptedSource};

use super::{Answer, URL, sound};

/// A key that shows no public half.
struct Opaque(JwsAlgorithm);

#[async_trait]
impl JwsSigner for Opaque {
    fn algorithm(&self) -> JwsAlgorithm {
        self.0
    }
    fn key_name(&self) -> String {
        "opaque".into()
    }
    async fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0; 64])
    }
}

fn without_credentials() -> oauth_core::ClientCredentialsBuilder {
    let unasked = || Err(oauth_core::HttpError::connect("it is not asked"));
    ClientCredentials::builder(URL, "my-client").http_client(Answer(unasked))
}

pub(crate) fn of_a_client_that_is_set_up_wrongly(messages: &mut Messages) {
    for (when, url) in [
        ("a token URL without TLS", "http://id.example.com/token"),
        (
            "a token URL with a fragment",
            "https://id.example.com/token#top",
        ),
        (
            "a token URL with a password",
            "https://me:hunter2@id.example.com/token",
        ),
        ("a token URL without a scheme", "/token"),
        (
            "a token URL with another scheme",
            "ftp://id.example.com/token",
        ),
        (
            "a token URL with an impossible port",
            "https://id.example.com:99999/token",
        ),
        (
            "a token URL with a space",
            "https://id example.com/token?code=hunter2",
        ),
    ] {
        let unasked = || Err(oauth_core::HttpError::connect("it is not asked"));
        let builder = ClientCredentials::builder(url, "my-client").client_secret("hunter2");
        messages.add_err(when, builder.http_client(Answer(unasked)).build());
    }
    let discover = |issuer: &str| {
        let unasked = || Err(oauth_core::HttpError::connect("it is not asked"));
        ClientCredentials::discover(issuer, "my-client")
            .client_secret("hunter2")
            .http_client(Answer(unasked))
    };
    let query = discover("https://id.example.com?tenant=a");
    messages.add_err("an issuer with a query", query.build());
    let plain = discover("https://id.example.com").metadata_url("http://id.example.com/metadata");
    messages.add_err("a metadata URL without TLS", plain.build());
    let expected = sound().expected_issuer("https://id.example.com");
    messages.add_err("an issuer with a token URL", expected.build());

    let nameless = ClientCredentials::builder(URL, "").client_secret("hunter2");
    messages.add_err("a client id that is empty", nameless.build());
    let clientless = ClientCredentials::builder(URL, "my-client").client_secret("hunter2");
    messages.add_err("no HTTP client", clientless.build());
    let two = sound().client_assertion("t0p-s3cret");
    messages.add_err("two credentials", two.build());
    messages.add_err(
        "an empty secret",
        without_credentials().client_secret("").build(),
    );
    messages.add_err(
        "a blank secret",
        without_credentials().client_secret(" \n").build(),
    );
    let raw = ClientAuthMethod::ClientSecretBasicRaw;
    let unasked = || Err(oauth_core::HttpError::connect("it is not asked"));
    let colon = ClientCredentials::builder(URL, "my:client").client_secret("hunter2");
    let colon = colon.auth_method(raw).http_client(Answer(unasked));
    messages.add_err("raw Basic and a colon", colon.build());
    let control = without_credentials()
        .client_secret("hunter2\n")
        .auth_method(raw);
    messages.add_err("raw Basic and a line end", control.build());
    for (when, method) in [
        (
            "a secret for a certificate",
            ClientAuthMethod::TlsClientAuth,
        ),
        (
            "a secret for a private key",
            ClientAuthMethod::PrivateKeyJwt,
        ),
    ] {
        messages.add_err(when, sound().auth_method(method).build());
    }
    let nothing = without_credentials().auth_method(ClientAuthMethod::ClientSecretPost);
    messages.add_err("nothing for a secret", nothing.build());
    let public = without_credentials().private_key(Opaque(JwsAlgorithm::Es256));
    let public = public.auth_method(ClientAuthMethod::None);
    messages.add_err("a key for a public client", public.build());
    let hmac = without_credentials().private_key(Opaque(JwsAlgorithm::Hs256));
    messages.add_err("an HMAC for a private key", hmac.build());
    let issuer = sound().assertion_audience(AssertionAudience::Issuer);
    messages.add_err("the issuer as audience, without discovery", issuer.build());
    let opaque = sound().dpop(Opaque(JwsAlgorithm::Es256));
    messages.add_err("a key for DPoP that shows nothing", opaque.build());

    messages.add_err(
        "a scope with a line end",
        sound().scopes(["read\n"]).build(),
    );
    messages.add_err(
        "a parameter without a name",
        sound().parameter("", "x").build(),
    );
    let own = sound().parameter("grant_type", "password");
    messages.add_err("a parameter of ours", own.build());
    let twice = sound().parameter("tenant", "a").parameter("tenant", "b");
    messages.add_err("a parameter twice", twice.build());
    messages.add_err(
        "a resource that is relative",
        sound().resource("/orders").build(),
    );
    let fragment = sound().resource("https://api.example.com/#orders");
    messages.add_err("a resource with a fragment", fragment.build());
    let space = sound().resource("https://api.example.com/open orders");
    messages.add_err("a resource with a space", space.build());
}

pub(crate) fn of_secrets_that_cannot_be_read(messages: &mut Messages) {
    let read = |secret: SecretSource| {
        let source = without_credentials().client_secret(secret).build().unwrap();
        block_on(source.token())
    };
    let unset = SecretSource::environment("OAUTH_CORE_TEST_IS_NOT_SET");
    messages.add_err("a variable that is not set", read(unset));
    let broken = SecretSource::function("vault:kv/my-client", || async {
        Err::<oauth_core::SecretString, _>("the vault is sealed")
    });
    messages.add_err("a function that fails", read(broken));
    let sealed = SecretSource::function("vault:kv/my-client", || async {
        let error = Error::new(ErrorKind::Timeout, "the vault does not answer");
        Err::<oauth_core::SecretString, _>(error)
    });
    messages.add_err("a function that fails for now", read(sealed));
    let empty = SecretSource::function("vault:kv/my-client", || async {
        Ok::<oauth_core::SecretString, std::io::Error>(String::new().into())
    });
    messages.add_err("a function that gives nothing", read(empty));
    let missing = SecretSource::file("/nonexistent/my-client");
    messages.add_err("a file that is not there", read(missing));
    messages.add_err(
        "a file that is empty",
        read(SecretSource::file("/dev/null")),
    );
}

pub(crate) fn of_origins_and_targets(messages: &mut Messages) {
    let authorizer = |origins: &[&str]| Authorizer::new(ScriptedSource::new(), origins);
    messages.add_err("no origin", authorizer(&[]));
    for (when, origin) in [
        ("an origin without TLS", "http://api.example.com"),
        ("an origin with a path", "https://api.example.com/v1"),
        (
            "an origin with a password",
            "https://me:hunter2@api.example.com",
        ),
        ("an origin with a fragment", "https://api.example.com#top"),
        ("an origin without a scheme", "api.example.com"),
        ("an origin that is none", "https://"),
    ] {
        messages.add_err(when, authorizer(&[origin]));
    }
    let relative = Uri::from_static("/users/23");
    messages.add_err("the origin of a relative URL", Origin::of(&relative));
    let authorizer = authorizer(&["https://api.example.com", "https://eu.example.com:8443"]);
    let authorizer = authorizer.unwrap();
    for (when, url) in [
        (
            "a foreign origin",
            "https://evil.example.com:444/users/23?code=hunter2",
        ),
        ("a request to a relative URL", "/users/23"),
        (
            "a request to a URL with a password",
            "https://me:hunter2@api.example.com/users/23",
        ),
    ] {
        let url = Uri::from_static(url);
        messages.add_err(when, authorizer.exchange(&Target::of(&url)));
    }
    let by_request = Authorizer::by_request_source(["https://api.example.com"]).unwrap();
    let here = Uri::from_static("https://api.example.com/users/23");
    let mut exchange = by_request.exchange(&Target::of(&here)).unwrap();
    messages.add_err(
        "a request that names no source",
        block_on(exchange.authorize(&mut HeaderMap::new())),
    );
}

pub(crate) fn of_values(messages: &mut Messages) {
    messages.add_err("a token that is empty", AccessToken::builder("").build());
    let space = AccessToken::builder("hunter2 ").build();
    messages.add_err("a token with a space", space);
    messages.add_err("a scope with a quote", Scopes::new(["read", "\"write\""]));
    messages.add_err("a record that is damaged", StoredToken::decode(b"{"));
    let newer = StoredToken::decode(br#"{"version":7,"access_token":"hunter2"}"#);
    messages.add_err("a record of a version to come", newer);

    let policy = RefreshPolicy::builder;
    messages.add_err("no attempts", policy().attempts(0).build());
    let zero = Duration::ZERO;
    messages.add_err(
        "no time for a token",
        policy().acquire_timeout(zero).build(),
    );
    messages.add_err(
        "tokens without life",
        policy().assumed_lifetime(zero).build(),
    );
    let second = Duration::from_secs(1);
    messages.add_err("no pause", policy().backoff(zero, second).build());
    messages.add_err(
        "a cap below its base",
        policy().backoff(second * 2, second).build(),
    );
}

pub(crate) fn of_keys_that_adapters_cannot_prove(messages: &mut Messages) {
    use oauth_core::{Dpop, SigningKey, SystemClock};
    use std::sync::Arc;

    /// Shows its key when it has given a token.
    struct Late(Dpop, std::sync::atomic::AtomicBool);

    #[async_trait]
    impl TokenSource for Late {
        async fn token(&self) -> Result<AccessToken, Error> {
            self.1.store(true, std::sync::atomic::Ordering::SeqCst);
            let token = AccessToken::builder("t0p-s3cret");
            Ok(token.token_type(oauth_core::TokenType::Dpop).build()?)
        }
        fn dpop(&self) -> Option<&Dpop> {
            let shows = self.1.load(std::sync::atomic::Ordering::SeqCst);
            shows.then_some(&self.0)
        }
    }

    let key = SigningKey::generate(JwsAlgorithm::Es256).unwrap();
    let dpop = Dpop::new(Arc::new(key), Arc::new(SystemClock::new())).unwrap();
    let late = Late(dpop, false.into());
    let authorizer = Authorizer::new(late, ["https://api.example.com"]).unwrap();
    let target = Target::new("https", "api.example.com", None);
    let mut exchange = authorizer.exchange(&target).unwrap();
    let authorized = block_on(exchange.authorize(&mut HeaderMap::new()));
    messages.add_err("a source that shows its key late", authorized);
    messages.add_err(
        "a target without method and path",
        authorizer.exchange(&target),
    );
    let rsa = sound().hmac_algorithm(JwsAlgorithm::Rs256);
    messages.add_err("RSA with a secret", rsa.build());
}
