//! The protected API beside the token endpoint: every path wants a live token.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use serde_json::json;

use crate::reply::Reply;
use crate::server::answer::carry_out;
use crate::server::binding::{Side, seen_proof};
use crate::server::client_auth::Refusal;
use crate::server::credentials::form_decode;
use crate::server::faults::Strikes;
use crate::server::http1::{Request, Response};
use crate::server::issuer::{Grant, Verdict};
use crate::server::net::{Answer, Endpoint};
use crate::server::requests::ApiRequest;
use crate::server::state::ServerState;
use crate::server::token_request::seen as what_is_seen;

pub(crate) struct ProtectedApi {
    pub(crate) state: Arc<ServerState>,
}

impl Endpoint for ProtectedApi {
    fn receive(&self, request: &mut Request, opens_connection: bool) -> Strikes {
        let mut strikes = self.state.api_faults.strike(opens_connection);
        request.faults = strikes.faults();
        if !strikes.races() {
            let credentials = Credentials::read(request, self.state.knows_dpop());
            let seen = self.see(request, &credentials);
            let scripted = self.state.api_script.take(&seen, opens_connection);
            strikes.add(scripted.strikes);
            request.faults = strikes.faults();
            request.reply = Some(scripted.reply);
        }
        strikes
    }

    fn answer(&self, request: &Request) -> Answer {
        let credentials = Credentials::read(request, self.state.knows_dpop());
        // Once: a proof is good for one request.
        let proof = self.verify_proof(request, &credentials);
        let seen = self.see(request, &credentials);
        let reply = request.reply.clone().unwrap_or_else(Reply::usual);
        let (entry, in_flight) = self.state.log.record_api(seen);
        let answer = carry_out(&self.state, &reply, false, || {
            reply.adorn(self.respond(request, &credentials, &proof))
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
                response: self.state.adorn_with_nonce(Side::Api, response),
                on_the_way: Box::new(reply.on_the_way),
                in_flight,
            },
        )
    }
}

impl ProtectedApi {
    fn see(&self, request: &Request, credentials: &Credentials) -> ApiRequest {
        let verdict = self.judge_token(credentials);
        ApiRequest {
            seen: what_is_seen(request),
            authorizations: request.headers.get_all(AUTHORIZATION).iter().count(),
            token_ordinal: verdict.as_ref().and_then(Verdict::ordinal),
            token_was_live: verdict.as_ref().is_some_and(Verdict::is_live),
            dpop_proof: seen_proof(request),
            body: request.body.clone(),
        }
    }

    /// RFC 6750 §3 and RFC 9449 §7.1.
    fn respond(
        &self,
        request: &Request,
        credentials: &Credentials,
        proof: &Result<Option<String>, Refusal>,
    ) -> Response {
        let by_dpop = matches!(credentials, Credentials::Dpop(_));
        let refuse = |error: &str, description: &str| self.challenge(by_dpop, error, description);
        let key = match proof {
            Ok(key) => key.as_deref(),
            Err((error, description)) => return refuse(error, description),
        };
        match (credentials, self.judge_token(credentials)) {
            (Credentials::Several, _) => Response {
                status: 400,
                ..refuse("invalid_request", "more than one Authorization header")
            },
            (_, Some(Verdict::Live { grant, .. })) => {
                let certificate = self.state.shown_certificate(request);
                match grant.misuse(by_dpop, key, certificate.as_deref()) {
                    None => serve(request, &grant),
                    Some(misuse) => {
                        let by_dpop = by_dpop || grant.key.is_some();
                        self.challenge(by_dpop, "invalid_token", misuse)
                    }
                }
            }
            (_, Some(Verdict::Expired { .. })) => refuse("invalid_token", "the token expired"),
            (_, Some(Verdict::Revoked { .. })) => refuse("invalid_token", "the token was revoked"),
            (_, Some(Verdict::Unknown)) => refuse("invalid_token", "the token is unknown"),
            (_, None) => {
                let challenge = self.scheme(self.state.requires_dpop());
                Response::new(401).header("WWW-Authenticate", challenge)
            }
        }
    }

    fn challenge(&self, by_dpop: bool, error: &str, description: &str) -> Response {
        let scheme = self.scheme(by_dpop);
        // RFC 9110 §5.6.4: what a quoted string cannot hold as it is.
        let description = description.replace('\\', "").replace('"', "'");
        let challenge = format!(r#"{scheme}, error="{error}", error_description="{description}""#);
        Response::json(401, &json!({ "error": error })).header("WWW-Authenticate", challenge)
    }

    fn scheme(&self, by_dpop: bool) -> String {
        if by_dpop {
            let algorithms = self.state.dpop_algorithms().join(" ");
            format!(r#"DPoP realm="api", algs="{algorithms}""#)
        } else {
            r#"Bearer realm="api""#.to_owned()
        }
    }

    /// The thumbprint of the key whose proof stands beside the token, where it says that there is one.
    fn verify_proof(
        &self,
        request: &Request,
        credentials: &Credentials,
    ) -> Result<Option<String>, Refusal> {
        match credentials {
            Credentials::Dpop(token) => self.state.verify_proof(Side::Api, request, Some(token)),
            _ => Ok(None),
        }
    }

    fn judge_token(&self, credentials: &Credentials) -> Option<Verdict> {
        match credentials {
            Credentials::Bearer(token) | Credentials::Dpop(token) => {
                Some(self.state.issuer.judge(token))
            }
            Credentials::None | Credentials::Several => None,
        }
    }
}

enum Credentials {
    /// None that this API understands.
    None,
    Bearer(String),
    Dpop(String),
    Several,
}

impl Credentials {
    /// RFC 6750 §2.1 and RFC 9449 §7.1.
    fn read(request: &Request, knows_dpop: bool) -> Self {
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
            Some((scheme, token)) if knows_dpop && scheme.eq_ignore_ascii_case("dpop") => {
                Self::Dpop(token.trim_start().to_owned())
            }
            _ => Self::None,
        }
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
