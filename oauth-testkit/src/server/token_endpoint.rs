//! The token endpoint: a strict authorization server, unless told otherwise.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::reply::{Content, Fields, Reply};
use crate::server::answer::{apply, carry_out, error_response};
use crate::server::binding::Side;
use crate::server::client_auth::Refusal;
use crate::server::faults::Strikes;
use crate::server::grants::Granted;
use crate::server::http1::{Request, Response};
use crate::server::issuer::{Grant, fresh_value};
use crate::server::net::{Answer, Endpoint};
use crate::server::state::ServerState;
use crate::server::token_request::ReceivedTokenRequest;
use crate::server::urls::Place;
use crate::sync::lock;

/// All that is at the origin of the token endpoint.
pub(crate) struct TokenEndpoint {
    pub(crate) state: Arc<ServerState>,
}

impl Endpoint for TokenEndpoint {
    fn receive(&self, request: &mut Request, opens_connection: bool) -> Strikes {
        let mut strikes = self.state.token_faults.strike(opens_connection);
        request.faults = strikes.faults();
        let is_for_tokens = self.state.urls.place(&request.path) == Some(Place::Token);
        if is_for_tokens && !strikes.races() {
            let seen = ReceivedTokenRequest::read(request).for_log(&self.state.clients);
            let scripted = self.state.token_script.take(&seen, opens_connection);
            strikes.add(scripted.strikes);
            request.faults = strikes.faults();
            request.reply = Some(scripted.reply);
        }
        strikes
    }

    fn answer(&self, request: &Request) -> Answer {
        let place = self.state.urls.place(&request.path);
        if let Some(beside) = place.filter(|place| *place != Place::Token) {
            return self.state.answer_beside(beside, request);
        }
        let received = ReceivedTokenRequest::read(request);
        let seen = received.for_log(&self.state.clients);
        // Taken before the log shows the request: what is scripted after that is for the next one.
        let reply = request.reply.clone();
        let reply = reply.unwrap_or_else(|| Reply::status(404));
        let (entry, in_flight) = self.state.log.record_token(seen);
        let by_header = received.client.by_header();
        match carry_out(&self.state, &reply, by_header, || {
            self.judge(&received, &reply)
        }) {
            Ok(response) => {
                let response = self.state.adorn_with_nonce(Side::TokenEndpoint, response);
                self.state.log.token_answered(entry, response.status);
                Answer::Respond {
                    response,
                    on_the_way: Box::new(reply.on_the_way),
                    in_flight,
                }
            }
            Err(other) => other,
        }
    }
}

impl TokenEndpoint {
    /// A token if the request is right, else the error it earns, without the adornments of the reply.
    fn judge(&self, received: &ReceivedTokenRequest<'_>, reply: &Reply) -> Response {
        let granted = self.state.grant(received);
        match granted.and_then(|granted| self.issue(granted, &reply.content)) {
            Ok(response) => reply.adorn(response),
            Err((code, description)) => refuse(received, code, description),
        }
    }

    /// RFC 6749 §5.1.
    fn issue(&self, granted: Granted, content: &Content) -> Result<Response, Refusal> {
        let no_fields = Fields::new();
        let (same, expires_in, fields) = match content {
            Content::Token {
                same,
                expires_in,
                fields,
            } => (*same, *expires_in, fields),
            _ => (false, None, &no_fields),
        };
        let protocol = &self.state.protocol;
        let mut fresh = granted.grant;
        if !says_dpop(fields) {
            fresh.key = None;
        }
        // Between the look for a token that is there and the issue of another, nobody else does the same.
        let _turn = (same || protocol.same_while_live).then(|| lock(&protocol.issuing));
        let last = if same {
            self.state.issuer.last()
        } else if protocol.same_while_live {
            self.state.issuer.live_like(&fresh)
        } else {
            None
        };
        let is_fresh = last.is_none();
        let lifetime = expires_in.map_or(self.state.token_lifetime, |seconds| {
            Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
        });
        let (mut grant, left) = last.unwrap_or((fresh, lifetime));
        if is_fresh {
            grant.token = self.state.new_token(&grant, lifetime);
        }

        let mut body = Map::new();
        body.insert("access_token".to_owned(), grant.token.clone().into());
        body.insert("token_type".to_owned(), grant.token_type().into());
        body.insert("expires_in".to_owned(), left.as_secs().into());
        if let Some(scope) = &grant.scope {
            body.insert("scope".to_owned(), scope.clone().into());
        }
        if let Some(kind) = granted.issued_token_type {
            body.insert("issued_token_type".to_owned(), kind.into());
        }
        if let Some(used) = granted.refresh_token
            && let Some(successor) = protocol.refresh_tokens.rotate(&used)?
        {
            body.insert("refresh_token".to_owned(), successor.into());
        }
        apply(fields, &mut body);
        if is_fresh {
            let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
            let token = text("access_token").unwrap_or(grant.token);
            let scope = text("scope");
            self.state.issuer.issue(
                Grant {
                    token,
                    scope,
                    ..grant
                },
                lifetime,
            );
        }
        Ok(Response::json(200, &body.into())
            .header("Cache-Control", "no-store")
            .header("Pragma", "no-cache"))
    }
}

impl ServerState {
    #[cfg(not(feature = "jose"))]
    fn new_token(&self, _grant: &Grant, _lifetime: Duration) -> String {
        fresh_value()
    }

    /// RFC 9068 §2, or a value without meaning.
    #[cfg(feature = "jose")]
    fn new_token(&self, grant: &Grant, lifetime: Duration) -> String {
        let value = fresh_value();
        let Some(signer) = &self.protocol.signer else {
            return value;
        };
        let now = crate::server::issuer::whole_seconds(self.issuer.wall());
        let mut claims = self.token_claims(grant);
        claims.insert("jti".to_owned(), value.clone().into());
        claims.insert("iat".to_owned(), now.into());
        claims.insert(
            "exp".to_owned(),
            now.saturating_add(lifetime.as_secs()).into(),
        );
        signer.sign(&claims.into()).unwrap_or(value)
    }
}

/// Whether the response leaves a token that is bound to a key as it is. A server that answers `Bearer`
/// has not bound it.
fn says_dpop(fields: &Fields) -> bool {
    let told = fields.iter().rev().find(|(name, _)| name == "token_type");
    told.is_none_or(|(_, kind)| {
        let kind = kind.as_ref().and_then(Value::as_str);
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case("dpop"))
    })
}

fn refuse(received: &ReceivedTokenRequest<'_>, code: &str, description: String) -> Response {
    let fields = vec![(
        "error_description".to_owned(),
        Some(Value::from(description)),
    )];
    let response = error_response(code, &fields, received.client.by_header());
    if received.is_post() {
        return response;
    }
    Response {
        status: 405,
        ..response
    }
    .header("Allow", "POST")
}
