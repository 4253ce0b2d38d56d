//! Client authentication (RFC 6749 §2.3), as presented and as verified.

use std::collections::HashMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// How a client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientAuthMethod {
    /// `client_secret_basic`: HTTP Basic, id and secret form-urlencoded first (RFC 6749 §2.3.1, App. B).
    Basic,
    /// HTTP Basic with id and secret as they are, for clients of servers that do not follow App. B.
    BasicRaw,
    /// `client_secret_post`: `client_id` and `client_secret` in the body.
    Post,
}

/// The client authentication of a request, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientAuth {
    /// How the client authenticated.
    pub method: ClientAuthMethod,
    /// Who it said it is.
    pub client_id: String,
}

/// Everything in a request that could authenticate a client.
pub(crate) struct Presented {
    authorizations: usize,
    /// Absent if the header is not well-formed Basic.
    basic: Option<Credentials>,
    client_id: Option<String>,
    secret: Option<String>,
    asserts: bool,
}

impl Presented {
    pub(crate) fn read(headers: &HeaderMap, params: &[(String, String)]) -> Self {
        let param = |name: &str| {
            let mut values = params
                .iter()
                .filter(|(known, value)| known == name && !value.is_empty());
            values.next().map(|(_, value)| value.clone())
        };
        Self {
            authorizations: headers.get_all(AUTHORIZATION).iter().count(),
            basic: headers
                .get(AUTHORIZATION)
                .and_then(|value| basic(value.as_bytes())),
            client_id: param("client_id"),
            secret: param("client_secret"),
            asserts: param("client_assertion").is_some(),
        }
    }

    /// Whether the client tried to authenticate by the header, so that a 401 must name a scheme
    /// (RFC 6749 §5.2).
    pub(crate) fn by_header(&self) -> bool {
        self.authorizations > 0
    }

    /// For the log: each method that was used, in the terms of what the server accepts.
    pub(crate) fn methods(&self, registry: &Clients) -> Vec<ClientAuth> {
        let basic = self.basic.as_ref().map(|raw| {
            let raw_only = !registry.accepts(ClientAuthMethod::Basic)
                && registry.accepts(ClientAuthMethod::BasicRaw);
            match raw.form_decoded() {
                Some(decoded) if !raw_only => (ClientAuthMethod::Basic, decoded.id),
                _ => (ClientAuthMethod::BasicRaw, raw.id.clone()),
            }
        });
        let post = self.secret.is_some().then(|| {
            (
                ClientAuthMethod::Post,
                self.client_id.clone().unwrap_or_default(),
            )
        });
        basic
            .into_iter()
            .chain(post)
            .map(|(method, client_id)| ClientAuth { method, client_id })
            .collect()
    }
}

/// Who may ask for tokens, and by which methods.
pub(crate) struct Clients {
    secrets: HashMap<String, String>,
    accepted: Vec<ClientAuthMethod>,
}

/// The error code and description of RFC 6749 §5.2.
pub(crate) type Refusal = (&'static str, String);

impl Clients {
    pub(crate) fn new(
        secrets: impl IntoIterator<Item = (String, String)>,
        accepted: Vec<ClientAuthMethod>,
    ) -> Self {
        Self {
            secrets: secrets.into_iter().collect(),
            accepted,
        }
    }

    /// The id of the client, if it has authenticated in exactly one way that is accepted.
    pub(crate) fn verify(&self, presented: &Presented) -> Result<String, Refusal> {
        let methods = [
            presented.by_header(),
            presented.secret.is_some(),
            presented.asserts,
        ];
        match methods.iter().filter(|used| **used).count() {
            0 => return Err(invalid_client("no client authentication")),
            1 if presented.authorizations == 1 => return self.verify_basic(presented),
            1 if presented.authorizations == 0 => {}
            _ => {
                return Err(invalid_request(
                    "more than one client authentication method",
                ));
            }
        }
        let Some(secret) = &presented.secret else {
            return Err(invalid_client("client assertions are not supported"));
        };
        let id = presented
            .client_id
            .clone()
            .ok_or_else(|| invalid_request("no client_id"))?;
        let posted = Credentials {
            id,
            secret: secret.clone(),
        };
        if !self.accepts(ClientAuthMethod::Post) {
            return Err(invalid_client("client_secret_post is not accepted here"));
        }
        self.verify_secret([posted])
    }

    fn verify_basic(&self, presented: &Presented) -> Result<String, Refusal> {
        let Some(raw) = &presented.basic else {
            return Err(invalid_client(
                "the Authorization header is not well-formed Basic",
            ));
        };
        let decoded = raw
            .form_decoded()
            .filter(|_| self.accepts(ClientAuthMethod::Basic));
        let raw = Some(raw.clone()).filter(|_| self.accepts(ClientAuthMethod::BasicRaw));
        let id = self.verify_secret(decoded.into_iter().chain(raw))?;
        match &presented.client_id {
            Some(other) if *other != id => Err(invalid_request(
                "client_id differs from the one in the Authorization header",
            )),
            _ => Ok(id),
        }
    }

    fn verify_secret(
        &self,
        readings: impl IntoIterator<Item = Credentials>,
    ) -> Result<String, Refusal> {
        readings
            .into_iter()
            .find(|read| self.secrets.get(&read.id) == Some(&read.secret))
            .map(|read| read.id)
            .ok_or_else(|| invalid_client("unknown client or wrong secret"))
    }

    fn accepts(&self, method: ClientAuthMethod) -> bool {
        self.accepted.contains(&method)
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("ids", &self.secrets.keys())
            .field("accepted", &self.accepted)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Credentials {
    id: String,
    secret: String,
}

impl Credentials {
    fn form_decoded(&self) -> Option<Self> {
        Some(Self {
            id: form_decode(&self.id)?,
            secret: form_decode(&self.secret)?,
        })
    }
}

/// RFC 7617 §2: the user-id ends at the first colon.
fn basic(header: &[u8]) -> Option<Credentials> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some(Credentials {
        id: id.to_owned(),
        secret: secret.to_owned(),
    })
}

/// One value of `application/x-www-form-urlencoded`; `None` if a `%` does not begin an octet or the
/// octets are not UTF-8.
pub(crate) fn form_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn invalid_client(description: &str) -> Refusal {
    ("invalid_client", description.to_owned())
}

fn invalid_request(description: &str) -> Refusal {
    ("invalid_request", description.to_owned())
}
