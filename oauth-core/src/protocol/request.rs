//! The token request (RFC 6749 §4.4.2).

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::protocol::client_auth::{Authentication, ClientAuthMethod, authenticate};
use crate::scope::Scopes;
use crate::secret::wiped_bytes;
use crate::token_key::TokenKey;

/// Everything that shapes a client credentials request.
pub(crate) struct Parameters<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a SecretString,
    pub(crate) auth_method: ClientAuthMethod,
    pub(crate) scopes: &'a Scopes,
    pub(crate) extra: &'a [(String, String)],
}

/// A token request, made once and sent any number of times.
pub(crate) struct TokenRequest {
    endpoint: Uri,
    authorization: Option<HeaderValue>,
    body: Bytes,
}

/// What only the library itself may put into a request.
const RESERVED: [&str; 6] = [
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];

impl TokenRequest {
    pub(crate) fn client_credentials(endpoint: Uri, of: &Parameters<'_>) -> Result<Self, Error> {
        check_extra(of.extra)?;
        let mut pairs = vec![("grant_type", "client_credentials")];
        if !of.scopes.is_empty() {
            pairs.push(("scope", of.scopes.as_str()));
        }
        let authorization = match authenticate(of.auth_method, of.client_id, of.client_secret)? {
            Authentication::Header(header) => Some(header),
            Authentication::Parameters(parameters) => {
                pairs.extend(parameters);
                None
            }
        };
        pairs.extend(
            of.extra
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        Ok(Self {
            endpoint,
            authorization,
            body: form(&pairs),
        })
    }

    /// The credentials of HTTP Basic, as they stand in the header.
    pub(crate) fn basic_credentials(&self) -> &str {
        let header = self
            .authorization
            .as_ref()
            .and_then(|header| header.to_str().ok());
        header
            .and_then(|header| header.strip_prefix("Basic "))
            .unwrap_or_default()
    }

    /// The request as it goes to an HTTP client. The body is shared, not copied.
    pub(crate) fn to_http(&self) -> Request<Bytes> {
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        *request.headers_mut() = headers;
        request
    }
}

/// The key of the tokens that such a request brings. Scope order does not matter; everything else does.
pub(crate) fn key(endpoint: &Uri, of: &Parameters<'_>) -> TokenKey {
    use secrecy::ExposeSecret as _;

    let mut key = TokenKey::builder("client_credentials")
        .field("endpoint", &endpoint.to_string())
        .field("client_id", of.client_id)
        .field("client_secret", of.client_secret.expose_secret())
        .field("auth_method", &format!("{:?}", of.auth_method));
    for scope in of.scopes.sorted() {
        key = key.field("scope", scope);
    }
    for (name, value) in of.extra {
        key = key.field("parameter", name).field("value", value);
    }
    key.build()
}

/// RFC 6749 §3.2: parameters must not be repeated. RFC 8707 §2 excepts `resource`.
fn check_extra(extra: &[(String, String)]) -> Result<(), Error> {
    for (position, (name, _)) in extra.iter().enumerate() {
        let fault = |what: &str| Err(Error::configuration(format!("parameter {name:?} {what}")));
        if name.is_empty() {
            return fault("has no name");
        }
        if RESERVED.contains(&name.as_str()) {
            return fault("is set by the library; use the builder's own method for it");
        }
        if name != "resource" && extra[..position].iter().any(|(earlier, _)| earlier == name) {
            return fault("is given twice, which RFC 6749 §3.2 forbids");
        }
    }
    Ok(())
}

fn form(pairs: &[(&str, &str)]) -> Bytes {
    // Room for every byte to be percent-encoded: a reallocation would leave a copy of the secret.
    let room = pairs
        .iter()
        .map(|(name, value)| 3 * (name.len() + value.len()) + 2)
        .sum();
    let mut serializer = Serializer::new(String::with_capacity(room));
    serializer.extend_pairs(pairs);
    wiped_bytes(Zeroizing::new(serializer.finish().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(
        auth_method: ClientAuthMethod,
        extra: &[(&str, &str)],
    ) -> Result<Request<Bytes>, Error> {
        let extra: Vec<_> = extra
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let parameters = Parameters {
            client_id: "me&you",
            client_secret: &"s3cret".into(),
            auth_method,
            scopes: &Scopes::new(["read", "a:b/c"]).unwrap(),
            extra: &extra,
        };
        let endpoint = Uri::from_static("https://id.example.com/token?tenant=a");
        Ok(TokenRequest::client_credentials(endpoint, &parameters)?.to_http())
    }

    #[test]
    fn it_is_a_form_post_that_keeps_the_query_of_the_endpoint() {
        let request = request(ClientAuthMethod::ClientSecretBasic, &[("audience", "x y")]).unwrap();
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
        let basic = request(ClientAuthMethod::ClientSecretBasic, &[]).unwrap();
        assert!(basic.headers()[AUTHORIZATION].is_sensitive());
        assert!(
            !String::from_utf8_lossy(basic.body()).contains("&client_"),
            "RFC 6749 §2.3"
        );

        let post = request(ClientAuthMethod::ClientSecretPost, &[]).unwrap();
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
            assert!(
                request(ClientAuthMethod::ClientSecretPost, bad).is_err(),
                "{bad:?}"
            );
        }
        let two = [("resource", "https://a"), ("resource", "https://b")];
        let request = request(ClientAuthMethod::ClientSecretBasic, &two).unwrap();
        assert!(
            request
                .body()
                .ends_with(b"resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb")
        );
    }

    #[test]
    fn p13_whatever_changes_the_request_changes_the_key() {
        let endpoint = Uri::from_static("https://id.example.com/token");
        let other_endpoint = Uri::from_static("https://id.example.com/token?tenant=b");
        let (secret, other_secret) = ("s".into(), "t".into());
        let scopes = Scopes::new(["a", "b"]).unwrap();
        let reversed = Scopes::new(["b", "a"]).unwrap();
        let fewer = Scopes::new(["a"]).unwrap();
        let extra = [("audience".to_owned(), "x".to_owned())];
        let base = || Parameters {
            client_id: "id",
            client_secret: &secret,
            auth_method: ClientAuthMethod::ClientSecretBasic,
            scopes: &scopes,
            extra: &[],
        };
        let keys = [
            key(&endpoint, &base()),
            key(&other_endpoint, &base()),
            key(
                &endpoint,
                &Parameters {
                    client_id: "id2",
                    ..base()
                },
            ),
            key(
                &endpoint,
                &Parameters {
                    client_secret: &other_secret,
                    ..base()
                },
            ),
            key(
                &endpoint,
                &Parameters {
                    auth_method: ClientAuthMethod::ClientSecretPost,
                    ..base()
                },
            ),
            key(
                &endpoint,
                &Parameters {
                    scopes: &fewer,
                    ..base()
                },
            ),
            key(
                &endpoint,
                &Parameters {
                    extra: &extra,
                    ..base()
                },
            ),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(
            key(
                &endpoint,
                &Parameters {
                    scopes: &reversed,
                    ..base()
                }
            ),
            keys[0]
        );
    }
}
