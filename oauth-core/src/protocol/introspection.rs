//! What a server says about a token (RFC 7662), and to giving one back (RFC 7009).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::protocol::response::{Context, accept, malformed};
use crate::scope::Scopes;

/// What a server says about a token (RFC 7662 §2.2).
#[derive(Clone)]
pub struct Introspection {
    is_active: bool,
    members: Map<String, Value>,
}

impl Introspection {
    /// Whether the token is good at present. If it is not, nothing else about it counts.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// What the token is good for, if the server says so.
    #[must_use]
    pub fn scopes(&self) -> Option<Scopes> {
        self.text("scope")?.parse().ok()
    }

    /// The client that the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.text("client_id")
    }

    /// When the token dies, on the clock of the server.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        let seconds = self.member("exp")?.as_f64()?;
        let since = Duration::try_from_secs_f64(seconds).ok()?;
        UNIX_EPOCH.checked_add(since)
    }

    /// Anything else that the server says, by the name of the member (`sub`, `aud`, `cnf`, …).
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }
}

/// Shows the names of the members only: what they say may be about people.
impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("is_active", &self.is_active)
            .field("members", &self.members.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Reads the answer of an introspection endpoint.
pub(crate) fn read(
    response: &Response<Bytes>,
    context: &Context<'_>,
) -> Result<Introspection, Error> {
    accept(response, context)?;
    let Ok(Value::Object(members)) = serde_json::from_slice(response.body()) else {
        return Err(malformed(response, context, "is not a JSON object"));
    };
    match members.get("active") {
        Some(Value::Bool(is_active)) => Ok(Introspection {
            is_active: *is_active,
            members,
        }),
        _ => Err(malformed(response, context, "does not say active")),
    }
}

/// Reads the answer of a revocation endpoint. RFC 7009 §2.2: any success is one, whatever the body, also for a
/// token that the server does not know.
pub(crate) fn read_revocation(
    response: &Response<Bytes>,
    context: &Context<'_>,
) -> Result<(), Error> {
    accept(response, context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::time::Instant;
    use zeroize::Zeroizing;

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        let response = Response::builder().status(status);
        response.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn with_context<T>(run: impl Fn(&Context<'_>) -> T) -> T {
        run(&Context {
            endpoint: "introspection endpoint",
            sent: Instant::ORIGIN,
            wall: UNIX_EPOCH,
            secrets: &[Zeroizing::new("t0ken".to_owned())],
        })
    }

    fn introspected(status: u16, body: &'static str) -> Result<Introspection, Error> {
        with_context(|context| read(&answer(status, body), context))
    }

    #[test]
    fn rfc_7662_section_2_2_the_example_is_read() {
        let found = introspected(
            200,
            r#"{"active":true,"client_id":"l238j323ds-23ij4","username":"jdoe","scope":"read write dolphin",
                "sub":"Z5O3upPC88QrAjx00dis","aud":"https://protected.example.net/resource",
                "iss":"https://server.example.com/","exp":1419356238,"iat":1419350238,"extension_field":"twenty-seven"}"#,
        )
        .unwrap();
        assert!(found.is_active());
        assert!(found.scopes().unwrap().contains("dolphin"));
        assert_eq!(found.client_id(), Some("l238j323ds-23ij4"));
        let dies = UNIX_EPOCH + Duration::from_secs(1_419_356_238);
        assert_eq!(found.expires_at(), Some(dies));
        assert_eq!(found.member("extension_field").unwrap(), "twenty-seven");
        assert!(!format!("{found:?}").contains("jdoe"));

        assert!(
            !introspected(200, r#"{"active":false}"#)
                .unwrap()
                .is_active()
        );
    }

    #[test]
    fn p08_what_is_no_answer_is_malformed() {
        for body in ["", "[]", "{}", r#"{"active":"true"}"#, "<html>t0ken"] {
            let error = introspected(200, body).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{body}");
            let shown = format!("{error} {error:?}");
            assert!(
                shown.contains("introspection") && !shown.contains("t0ken"),
                "{shown}"
            );
        }
        for exp in ["1e300", "-1", "\"soon\"", "null"] {
            let body = format!(r#"{{"active":true,"exp":{exp}}}"#);
            let found =
                with_context(|context| read(&Response::new(body.clone().into()), context).unwrap());
            assert_eq!(found.expires_at(), None, "{exp}");
        }
    }

    #[test]
    fn rfc_7009_section_2_2_any_success_revokes_and_errors_are_told() {
        let revoked =
            |status, body| with_context(|context| read_revocation(&answer(status, body), context));
        assert!(revoked(200, "").is_ok());
        assert!(revoked(204, "anything").is_ok());
        let refused = r#"{"error":"unsupported_token_type","error_description":"not t0ken"}"#;
        let error = revoked(400, refused).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(
            error.to_string().contains("unsupported_token_type"),
            "{error}"
        );
        assert!(!error.to_string().contains("t0ken"), "{error}");
        assert!(revoked(503, "").unwrap_err().is_retryable());
    }
}
