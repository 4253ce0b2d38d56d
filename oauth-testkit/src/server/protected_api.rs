//! The protected API beside the token endpoint: every path wants a live token.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use serde_json::json;

use crate::server::answer::carry_out;
use crate::server::client_auth::form_decode;
use crate::server::http1::{Request, Response};
use crate::server::issuer::{Grant, Verdict};
use crate::server::log::InFlight;
use crate::server::net::{Answer, Endpoint};
use crate::server::requests::ApiRequest;
use crate::server::state::ServerState;
use crate::server::token_request::seen;

pub(crate) struct ProtectedApi {
    pub(crate) state: Arc<ServerState>,
}

impl Endpoint for ProtectedApi {
    fn answer(&self, request: &Request) -> Answer {
        let credentials = Credentials::read(request);
        let verdict = self.judge_token(&credentials);
        let reply = self.state.api_script.take();
        let entry = self.state.log.record_api(ApiRequest {
            seen: seen(request),
            authorizations: request.headers.get_all(AUTHORIZATION).iter().count(),
            token_ordinal: verdict.as_ref().and_then(Verdict::ordinal),
            token_was_live: verdict.as_ref().is_some_and(Verdict::is_live),
            body: request.body.clone(),
        });
        let answer = carry_out(&self.state, &reply, false, || {
            reply.adorn(respond(
                request,
                &credentials,
                self.judge_token(&credentials),
            ))
        });
        // The wait may have been long, and the token may have died meanwhile.
        let live = self
            .judge_token(&credentials)
            .is_some_and(|verdict| verdict.is_live());
        let status = answer.as_ref().ok().map(|response| response.status);
        self.state.log.api_answered(entry, status, live);
        answer.map_or_else(
            |other| other,
            |response| Answer::Respond {
                response,
                drip: reply.drip,
                cut: reply.cut,
                in_flight: InFlight::uncounted(),
            },
        )
    }
}

impl ProtectedApi {
    fn judge_token(&self, credentials: &Credentials) -> Option<Verdict> {
        match credentials {
            Credentials::Bearer(token) => Some(self.state.issuer.judge(token)),
            Credentials::None | Credentials::Several => None,
        }
    }
}

enum Credentials {
    /// None that this API understands.
    None,
    Bearer(String),
    Several,
}

impl Credentials {
    /// RFC 6750 §2.1.
    fn read(request: &Request) -> Self {
        let mut values = request.headers.get_all(AUTHORIZATION).iter();
        let (first, second) = (values.next(), values.next());
        if second.is_some() {
            return Self::Several;
        }
        let header = first.and_then(|value| value.to_str().ok());
        match header.and_then(|header| header.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Self::Bearer(token.trim_start().to_owned())
            }
            _ => Self::None,
        }
    }
}

/// RFC 6750 §3.
fn respond(request: &Request, credentials: &Credentials, verdict: Option<Verdict>) -> Response {
    let challenge = |status: u16, error: &str, description: &str| {
        let challenge =
            format!(r#"Bearer realm="api", error="{error}", error_description="{description}""#);
        Response::json(status, &json!({ "error": error })).header("WWW-Authenticate", challenge)
    };
    match (credentials, verdict) {
        (Credentials::Several, _) => {
            challenge(400, "invalid_request", "more than one Authorization header")
        }
        (_, Some(Verdict::Live { grant, .. })) => serve(request, &grant),
        (_, Some(Verdict::Expired { .. })) => challenge(401, "invalid_token", "the token expired"),
        (_, Some(Verdict::Revoked { .. })) => {
            challenge(401, "invalid_token", "the token was revoked")
        }
        (_, Some(Verdict::Unknown)) => challenge(401, "invalid_token", "the token is unknown"),
        (_, None) => Response::new(401).header("WWW-Authenticate", r#"Bearer realm="api""#),
    }
}

fn serve(request: &Request, grant: &Grant) -> Response {
    let query = request.query.as_deref().unwrap_or_default();
    let mut params = query.split('&').filter_map(|pair| pair.split_once('='));
    let location = params.find(|(name, _)| *name == "location");
    match location.and_then(|(_, value)| form_decode(value)) {
        Some(location) if request.path == "/redirect-to" => {
            Response::new(307).header("Location", location)
        }
        _ => Response::json(
            200,
            &json!({
                "method": request.method,
                "path": request.path,
                "client_id": grant.client_id,
                "scope": grant.scope,
                "body_bytes": request.body.len(),
            }),
        ),
    }
}
