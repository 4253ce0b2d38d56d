//! What a token request is granted, by the kind of its grant.

use crate::server::binding::Side;
use crate::server::client_auth::{Circumstances, Refusal};
use crate::server::issuer::{Grant, Verdict};
use crate::server::state::ServerState;
use crate::server::token_request::ReceivedTokenRequest;
use crate::server::urls::Place;

pub(crate) const GRANT_TYPES: [&str; 4] = [
    "client_credentials",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];

/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A grant that was decided on, before there is a token for it.
pub(crate) struct Granted {
    pub(crate) grant: Grant,
    /// The refresh token that was used for it.
    pub(crate) refresh_token: Option<String>,
    /// RFC 8693 §2.2.1.
    pub(crate) issued_token_type: Option<&'static str>,
}

/// On whose behalf, and how far at most.
#[derive(Default)]
struct Basis {
    subject: Option<String>,
    actor: Option<String>,
    /// The scope that must not be exceeded, and that is granted if none is asked for.
    scope: Option<String>,
    refresh_token: Option<String>,
    issued_token_type: Option<&'static str>,
}

impl ServerState {
    /// RFC 6749 §3.2: the client first, then the grant, then what it asks for.
    pub(crate) fn grant(&self, received: &ReceivedTokenRequest<'_>) -> Result<Granted, Refusal> {
        received.check_form()?;
        let client_id = self.authenticate(received, Place::Token)?;
        // Before the proof, whose nonce may be asked for: what is to be used once is used up by then.
        let basis = self.basis(received, &client_id)?;
        let key = self.verify_proof(Side::TokenEndpoint, received.request, None)?;
        let scope = self.grant_scope(received.param("scope"), basis.scope.as_deref())?;
        Ok(Granted {
            grant: Grant {
                token: String::new(),
                subject: basis.subject.unwrap_or_else(|| client_id.clone()),
                client_id,
                actor: basis.actor,
                scope,
                audience: self.audience(received)?,
                key,
                certificate: self.shown_certificate(received.request),
            },
            refresh_token: basis.refresh_token,
            issued_token_type: basis.issued_token_type,
        })
    }

    /// The id of the client, if it has authenticated.
    pub(crate) fn authenticate(
        &self,
        received: &ReceivedTokenRequest<'_>,
        place: Place,
    ) -> Result<String, Refusal> {
        let circumstances = self.circumstances(place);
        self.clients.verify(&received.client, &circumstances)
    }

    fn circumstances(&self, place: Place) -> Circumstances<'_> {
        Circumstances {
            now: self.issuer.wall(),
            urls: &self.urls,
            place,
        }
    }

    fn basis(
        &self,
        received: &ReceivedTokenRequest<'_>,
        client_id: &str,
    ) -> Result<Basis, Refusal> {
        let Some(grant_type) = received.param("grant_type") else {
            return Err(invalid_request("no grant_type"));
        };
        let known = GRANT_TYPES.iter().position(|known| *known == grant_type);
        match known {
            // RFC 6749 §4.4.
            Some(0) => Ok(Basis::default()),
            Some(1) => self.refresh(received, client_id),
            Some(2) => self.assertion(received),
            Some(3) => self.exchange(received),
            _ => Err((
                "unsupported_grant_type",
                format!("the grant types are {}", GRANT_TYPES.join(", ")),
            )),
        }
    }

    /// RFC 6749 §6.
    fn refresh(
        &self,
        received: &ReceivedTokenRequest<'_>,
        client_id: &str,
    ) -> Result<Basis, Refusal> {
        let value = received.required("refresh_token")?;
        let token = self.protocol.refresh_tokens.look_up(value, client_id)?;
        Ok(Basis {
            scope: token.scope,
            refresh_token: Some(value.to_owned()),
            ..Basis::default()
        })
    }

    /// RFC 7523 §2.1.
    fn assertion(&self, received: &ReceivedTokenRequest<'_>) -> Result<Basis, Refusal> {
        let assertion = received.required("assertion")?;
        let subject = self.verify_grant(assertion);
        Ok(Basis {
            subject: Some(subject.map_err(|reason| ("invalid_grant", reason))?),
            ..Basis::default()
        })
    }

    /// RFC 8693 §2.1.
    fn exchange(&self, received: &ReceivedTokenRequest<'_>) -> Result<Basis, Refusal> {
        let subject = received.required("subject_token")?;
        let subject_type = received.required("subject_token_type")?;
        let requested = received.param("requested_token_type");
        if requested.is_some_and(|kind| kind != ACCESS_TOKEN) {
            let reason = format!("requested_token_type is not {ACCESS_TOKEN}");
            return Err(("invalid_request", reason));
        }
        let (subject, scope) = match subject_type {
            ACCESS_TOKEN => {
                let grant = self.live_grant(subject, "subject_token")?;
                (grant.subject, grant.scope)
            }
            JWT => {
                let subject = self.verify_grant(subject);
                let refuse = |reason| ("invalid_request", format!("subject_token: {reason}"));
                (subject.map_err(refuse)?, None)
            }
            _ => return Err(invalid_request("subject_token_type is not known")),
        };
        Ok(Basis {
            subject: Some(subject),
            actor: self.actor(received)?,
            scope,
            issued_token_type: Some(ACCESS_TOKEN),
            ..Basis::default()
        })
    }

    fn actor(&self, received: &ReceivedTokenRequest<'_>) -> Result<Option<String>, Refusal> {
        let token = received.param("actor_token");
        match (token, received.param("actor_token_type")) {
            (None, None) => Ok(None),
            (Some(token), Some(ACCESS_TOKEN)) => {
                Ok(Some(self.live_grant(token, "actor_token")?.subject))
            }
            (Some(_), Some(_)) => Err(invalid_request("actor_token_type is not known")),
            (Some(_), None) => Err(invalid_request("no actor_token_type")),
            (None, Some(_)) => Err(invalid_request("actor_token_type without actor_token")),
        }
    }

    /// RFC 8693 §2.2.2: a token that is not good makes the request invalid.
    fn live_grant(&self, token: &str, name: &str) -> Result<Grant, Refusal> {
        let reason = match self.issuer.judge(token) {
            Verdict::Live { grant, .. } => return Ok(grant),
            Verdict::Unknown => "is unknown",
            Verdict::Expired { .. } => "expired",
            Verdict::Revoked { .. } => "was revoked",
        };
        Err(("invalid_request", format!("the {name} {reason}")))
    }

    #[cfg(feature = "jose")]
    fn verify_grant(&self, assertion: &str) -> Result<String, String> {
        let assertions = &self.clients.assertions;
        assertions.verify_grant(assertion, &self.circumstances(Place::Token))
    }

    #[cfg(not(feature = "jose"))]
    fn verify_grant(&self, _assertion: &str) -> Result<String, String> {
        Err("assertions are not supported: the feature `jose` is off".to_owned())
    }

    /// RFC 6749 §3.3, and §6 for the limit.
    fn grant_scope(
        &self,
        asked: Option<&str>,
        limit: Option<&str>,
    ) -> Result<Option<String>, Refusal> {
        let Some(asked) = asked else {
            let all = self.scopes.as_ref().map(|all| all.join(" "));
            return Ok(limit.map(str::to_owned).or(all));
        };
        let permitted = |scope: &str| {
            let registered = self.scopes.as_ref();
            registered.is_none_or(|known| known.iter().any(|known| known == scope))
                && limit.is_none_or(|limit| limit.split(' ').any(|known| known == scope))
        };
        match asked
            .split(' ')
            .find(|scope| !is_scope_token(scope) || !permitted(scope))
        {
            None => Ok(Some(asked.to_owned())),
            Some(refused) => Err(("invalid_scope", format!("no such scope: {refused:?}"))),
        }
    }

    /// RFC 8707 §2, and `audience` of RFC 8693 §2.1 for every grant.
    fn audience(&self, received: &ReceivedTokenRequest<'_>) -> Result<Vec<String>, Refusal> {
        let resources = received.all("resource");
        if let Some(wrong) = resources.iter().find(|uri| !is_absolute_uri(uri)) {
            let reason = format!("the resource {wrong:?} is not an absolute URI without fragment");
            return Err(("invalid_target", reason));
        }
        let audience = [resources, received.all("audience")].concat();
        let registered = self.protocol.resources.as_ref();
        let unknown = audience
            .iter()
            .find(|asked| registered.is_some_and(|known| !known.contains(*asked)));
        match unknown {
            None => Ok(audience),
            Some(unknown) => Err(("invalid_target", format!("no such target: {unknown:?}"))),
        }
    }
}

fn invalid_request(reason: &str) -> Refusal {
    ("invalid_request", reason.to_owned())
}

fn is_scope_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// RFC 3986 §4.3, which knows no fragment.
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}
