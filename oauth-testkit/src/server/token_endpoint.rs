//! The token endpoint: a strict authorization server, unless told otherwise.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::reply::{Content, Fields, Reply};
use crate::server::answer::{apply, carry_out, error_response};
use crate::server::client_auth::{Circumstances, Refusal};
use crate::server::http1::{Request, Response};
use crate::server::issuer::{Grant, fresh_value};
use crate::server::net::{Answer, Endpoint};
use crate::server::state::ServerState;
use crate::server::token_request::ReceivedTokenRequest;
use crate::server::urls::Place;

pub(crate) struct TokenEndpoint {
    pub(crate) state: Arc<ServerState>,
}

impl Endpoint for TokenEndpoint {
    fn answer(&self, request: &Request) -> Answer {
        let received = ReceivedTokenRequest::read(request);
        let astray = self.state.urls.place(&request.path) != Some(Place::Token);
        // Taken before the log shows the request: what is scripted after that is for the next one.
        let reply = if astray {
            Reply::status(404)
        } else {
            self.state.token_script.take()
        };
        let (entry, in_flight) = self
            .state
            .log
            .record_token(received.for_log(&self.state.clients));
        let by_header = received.client.by_header();
        match carry_out(&self.state, &reply, by_header, || {
            self.judge(&received, &reply)
        }) {
            Ok(response) => {
                self.state.log.token_answered(entry, response.status);
                Answer::Respond {
                    response,
                    drip: reply.drip,
                    cut: reply.cut,
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
        match self.grant(received) {
            Ok(grant) => reply.adorn(self.issue(grant, &reply.content)),
            Err((code, description)) => refuse(received, code, description),
        }
    }

    /// RFC 6749 §3.2 and §4.4.
    fn grant(&self, received: &ReceivedTokenRequest<'_>) -> Result<Grant, Refusal> {
        received.check_form()?;
        let client_id = self.authenticate(received)?;
        match received.param("grant_type") {
            Some("client_credentials") => {}
            Some(_) => {
                return Err((
                    "unsupported_grant_type",
                    "only client_credentials".to_owned(),
                ));
            }
            None => return Err(("invalid_request", "no grant_type".to_owned())),
        }
        let scope = self.grant_scope(received.param("scope"))?;
        Ok(Grant {
            token: fresh_value(),
            client_id,
            scope,
        })
    }

    fn authenticate(&self, received: &ReceivedTokenRequest<'_>) -> Result<String, Refusal> {
        let circumstances = Circumstances {
            now: self.state.issuer.wall(),
            urls: &self.state.urls,
        };
        self.state.clients.verify(&received.client, &circumstances)
    }

    /// RFC 6749 §3.3.
    fn grant_scope(&self, asked: Option<&str>) -> Result<Option<String>, Refusal> {
        let Some(asked) = asked else {
            return Ok(self.state.scopes.as_ref().map(|all| all.join(" ")));
        };
        let permitted = |scope: &str| match &self.state.scopes {
            Some(known) => known.iter().any(|known| known == scope),
            None => true,
        };
        match asked
            .split(' ')
            .find(|scope| !is_scope_token(scope) || !permitted(scope))
        {
            None => Ok(Some(asked.to_owned())),
            Some(refused) => Err(("invalid_scope", format!("no such scope: {refused:?}"))),
        }
    }

    fn issue(&self, fresh: Grant, content: &Content) -> Response {
        let no_fields = Fields::new();
        let (same, expires_in, fields) = match content {
            Content::Token {
                same,
                expires_in,
                fields,
            } => (*same, *expires_in, fields),
            _ => (false, None, &no_fields),
        };
        let last = if same { self.state.issuer.last() } else { None };
        let is_fresh = last.is_none();
        let lifetime = expires_in.map_or(self.state.token_lifetime, |seconds| {
            Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
        });
        let (grant, left) = last.unwrap_or((fresh, lifetime));

        let mut body = Map::new();
        body.insert("access_token".to_owned(), grant.token.clone().into());
        body.insert("token_type".to_owned(), "Bearer".into());
        body.insert("expires_in".to_owned(), left.as_secs().into());
        if let Some(scope) = &grant.scope {
            body.insert("scope".to_owned(), scope.clone().into());
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
        Response::json(200, &body.into())
            .header("Cache-Control", "no-store")
            .header("Pragma", "no-cache")
    }
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

fn is_scope_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}
