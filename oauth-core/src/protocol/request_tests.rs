use super::*;
use crate::protocol::client_auth::ClientAuthMethod;
use proptest::prelude::*;

fn pairs(extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let extra = extra.iter();
    extra
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn request(method: ClientAuthMethod, extra: &[(&str, &str)]) -> Request<Bytes> {
    let endpoint = Uri::from_static("https://id.example.com/token?tenant=a");
    let scopes = Scopes::new(["read", "a:b/c"]).unwrap();
    let authentication = Authentication::by_secret(method, "me&you", &"s3cret".into()).unwrap();
    post(
        &endpoint,
        &client_credentials(&scopes, &pairs(extra)),
        &authentication,
    )
}

#[test]
fn it_is_a_form_post_that_keeps_the_query_of_the_endpoint() {
    let request = request(ClientAuthMethod::ClientSecretBasic, &[("audience", "x y")]);
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://id.example.com/token?tenant=a");
    assert_eq!(
        request.headers()[CONTENT_TYPE],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(request.headers()[ACCEPT], "application/json");
    assert_eq!(
        request.body(),
        "grant_type=client_credentials&scope=read+a%3Ab%2Fc&audience=x+y"
    );
}

#[test]
fn one_authentication_method_a_request() {
    let basic = request(ClientAuthMethod::ClientSecretBasic, &[]);
    assert!(basic.headers()[AUTHORIZATION].is_sensitive());
    assert!(
        !String::from_utf8_lossy(basic.body()).contains("&client_"),
        "RFC 6749 §2.3"
    );

    let post = request(ClientAuthMethod::ClientSecretPost, &[]);
    assert!(post.headers().get(AUTHORIZATION).is_none());
    assert!(
        post.body()
            .ends_with(b"&client_id=me%26you&client_secret=s3cret")
    );
}

#[test]
fn no_parameter_is_repeated_except_resource() {
    for bad in [
        &[("scope", "x")][..],
        &[("a", "1"), ("a", "2")],
        &[("", "x")],
    ] {
        assert!(check_extra(&pairs(bad)).is_err(), "{bad:?}");
    }
    let two = [("resource", "https://a"), ("resource", "https://b")];
    check_extra(&pairs(&two)).unwrap();
    assert!(
        request(ClientAuthMethod::ClientSecretBasic, &two)
            .body()
            .ends_with(b"resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb")
    );
}

#[test]
fn rfc_8707_section_2_a_resource_is_an_absolute_uri_without_a_fragment() {
    for good in [
        "https://api.example.com",
        "https://api.example.com/a?b=c",
        "urn:example:api",
        "api://1b3c/x",
    ] {
        check_extra(&pairs(&[("resource", good)])).unwrap();
    }
    for bad in [
        "",
        "/relative",
        "api.example.com",
        "https:",
        "https://",
        "1x:y",
        "https://api.example.com/#x",
        "https://api.example.com/a b",
        "https://api.example.com/é",
    ] {
        let error = check_extra(&pairs(&[("resource", bad)])).unwrap_err();
        assert!(error.to_string().contains("RFC 8707"), "{error}");
    }
}

/// What can differ between two token requests, with scopes in a given order.
#[derive(Debug, Clone, PartialEq)]
struct Configuration {
    server: Vec<(String, String)>,
    client_id: String,
    authentication: Vec<(String, String)>,
    scopes: Vec<String>,
    extra: Vec<(String, String)>,
    dpop: Option<String>,
    accepts_bearer: bool,
}

impl Configuration {
    fn key(&self) -> TokenKey {
        fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
            let pairs = pairs.iter();
            pairs.map(|(a, b)| (a.as_str(), b.as_str())).collect()
        }
        let client = Identity {
            server: &borrowed(&self.server),
            client_id: &self.client_id,
            authentication: &borrowed(&self.authentication),
            dpop: self.dpop.as_deref(),
            accepts_bearer: self.accepts_bearer,
        }
        .key();
        request_key(&client, &Scopes::new(&self.scopes).unwrap(), &self.extra)
    }

    fn same_request(&self, other: &Self) -> bool {
        let scopes = |of: &Self| Scopes::new(&of.scopes).unwrap();
        // Without a key for DPoP every token is a bearer token.
        let rest = |of: &Self| Self {
            scopes: Vec::new(),
            accepts_bearer: of.accepts_bearer && of.dpop.is_some(),
            ..of.clone()
        };
        scopes(self) == scopes(other) && rest(self) == rest(other)
    }
}

prop_compose! {
    /// Of few and short texts, so that what runs together would show.
    fn configuration()(
        server in proptest::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..2),
        client_id in "[ab]{0,2}",
        authentication in proptest::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..2),
        scopes in proptest::collection::vec("[ab]{1,2}", 0..3),
        extra in proptest::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..3),
        dpop in proptest::option::of("[ab]{0,2}"),
        accepts_bearer in any::<bool>(),
    ) -> Configuration {
        Configuration { server, client_id, authentication, scopes, extra, dpop, accepts_bearer }
    }
}

/// One configuration with a single part out of another.
fn with_one_part_of(base: &Configuration, other: &Configuration, part: usize) -> Configuration {
    let mut changed = base.clone();
    match part {
        0 => changed.server.clone_from(&other.server),
        1 => changed.client_id.clone_from(&other.client_id),
        2 => changed.authentication.clone_from(&other.authentication),
        3 => changed.scopes.clone_from(&other.scopes),
        4 => changed.extra.clone_from(&other.extra),
        5 => changed.dpop.clone_from(&other.dpop),
        _ => changed.accepts_bearer = other.accepts_bearer,
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn p13_two_requests_have_one_key_exactly_if_they_are_the_same(
        one in configuration(),
        other in configuration(),
        part in 0..7usize,
    ) {
        let other = with_one_part_of(&one, &other, part);
        prop_assert_eq!(one.key() == other.key(), one.same_request(&other));
    }

    #[test]
    fn p13_the_order_of_scopes_does_not_matter(one in configuration()) {
        let mut reversed = one.clone();
        reversed.scopes.reverse();
        prop_assert_eq!(one.key(), reversed.key());
    }
}
