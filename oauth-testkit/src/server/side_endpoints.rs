//! What is beside the token endpoint at its origin: metadata, keys, introspection and revocation.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::reply::Reply;
use crate::server::answer::{carry_out, error_response};
use crate::server::binding::seen_proof;
use crate::server::client_auth::Refusal;
use crate::server::http1::{Request, Response};
use crate::server::issuer::{Grant, Verdict};
use crate::server::kept::{Kept, LogLimit};
use crate::server::log::InFlight;
use crate::server::net::Answer;
use crate::server::requests::TokenRequest;
use crate::server::script::Script;
use crate::server::state::ServerState;
use crate::server::token_request::{ReceivedTokenRequest, seen as what_is_seen};
use crate::server::urls::Place;
use crate::sync::lock;

/// The replies and the log of these endpoints.
#[derive(Debug, Default)]
pub(crate) struct SideEndpoints {
    pub(crate) metadata: Script<TokenRequest>,
    pub(crate) introspection: Script<TokenRequest>,
    pub(crate) revocation: Script<TokenRequest>,
    pub(crate) jwks: Script<TokenRequest>,
    /// What is expected of all of them together.
    pub(crate) expected: Script<TokenRequest>,
    log: Mutex<Log>,
    changed: Condvar,
    limit: Option<LogLimit>,
}

#[derive(Debug, Default)]
struct Log {
    requests: Kept<TokenRequest>,
    cleared: usize,
}

impl SideEndpoints {
    pub(crate) fn new(limit: Option<LogLimit>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    pub(crate) fn requests(&self) -> Vec<TokenRequest> {
        lock(&self.log).requests.all()
    }

    pub(crate) fn count(&self) -> usize {
        lock(&self.log).requests.count()
    }

    /// Whether `count` requests arrived before the patience ended.
    pub(crate) fn await_requests(&self, count: usize, patience: Duration) -> bool {
        let too_few = |log: &mut Log| log.requests.count() < count;
        let (_log, waited) = self
            .changed
            .wait_timeout_while(lock(&self.log), patience, too_few)
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    pub(crate) fn reset_replies(&self) {
        for script in [
            &self.metadata,
            &self.introspection,
            &self.revocation,
            &self.jwks,
        ] {
            script.reset();
        }
    }

    pub(crate) fn clear_log(&self) {
        let mut log = lock(&self.log);
        log.requests = Kept::default();
        log.cleared += 1;
    }

    fn reply(&self, place: Place, request: &TokenRequest) -> Reply {
        self.expected.take(request, false);
        let script = match place {
            Place::Metadata => &self.metadata,
            Place::Introspection => &self.introspection,
            Place::Revocation => &self.revocation,
            Place::Jwks => &self.jwks,
            Place::Token => return Reply::usual(),
        };
        script.take(request, false).reply
    }

    fn record(&self, request: TokenRequest) -> (usize, usize) {
        let mut log = lock(&self.log);
        let index = log.requests.push(request, 0, self.limit);
        let entry = (log.cleared, index);
        drop(log);
        self.changed.notify_all();
        entry
    }

    fn answered(&self, (cleared, index): (usize, usize), status: u16) {
        let mut log = lock(&self.log);
        if log.cleared == cleared
            && let Some(request) = log.requests.get_mut(index)
        {
            request.seen.status = Some(status);
        }
    }
}

impl ServerState {
    /// Answers at one of these places.
    pub(crate) fn answer_beside(&self, place: Place, request: &Request) -> Answer {
        let received = ReceivedTokenRequest::read(request);
        let asks_for_document = matches!(place, Place::Metadata | Place::Jwks);
        let seen = if asks_for_document {
            TokenRequest {
                seen: what_is_seen(request),
                client_auths: Vec::new(),
                client_assertion: None,
                dpop_proof: seen_proof(request),
                params: Vec::new(),
            }
        } else {
            received.for_log(&self.clients)
        };
        let reply = self.protocol.side_endpoints.reply(place, &seen);
        let entry = self.protocol.side_endpoints.record(seen);
        let by_header = received.client.by_header();
        let answer = carry_out(self, &reply, by_header, || {
            reply.adorn(match place {
                Place::Introspection => judged(&received, self.introspect(&received)),
                Place::Revocation => judged(&received, self.revoke_token(&received)),
                _ => self.document(place, request),
            })
        });
        answer.map_or_else(
            |other| other,
            |response| {
                self.protocol
                    .side_endpoints
                    .answered(entry, response.status);
                Answer::Respond {
                    response,
                    on_the_way: Box::new(reply.on_the_way),
                    in_flight: InFlight::uncounted(),
                }
            },
        )
    }

    fn document(&self, place: Place, request: &Request) -> Response {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Response::new(405).header("Allow", "GET, HEAD");
        }
        match place {
            Place::Metadata => Response::json(200, &self.metadata()),
            _ => self.jwks(),
        }
    }

    #[cfg(feature = "jose")]
    fn jwks(&self) -> Response {
        match &self.protocol.signer {
            Some(signer) => Response::json(200, &signer.jwks()),
            None => Response::new(404),
        }
    }

    #[cfg(not(feature = "jose"))]
    fn jwks(&self) -> Response {
        Response::new(404)
    }

    /// RFC 7662 §2.
    fn introspect(&self, received: &ReceivedTokenRequest<'_>) -> Result<Response, Refusal> {
        received.check_form()?;
        self.authenticate(received, Place::Introspection)?;
        let token = received.required("token")?;
        let body = match self.issuer.judge(token) {
            Verdict::Live { grant, .. } => {
                let mut body = self.token_claims(&grant);
                body.insert("active".to_owned(), true.into());
                body.insert("token_type".to_owned(), grant.token_type().into());
                Value::Object(body)
            }
            _ => match self.protocol.refresh_tokens.live(token) {
                Some(refresh) => json!({
                    "active": true, "client_id": refresh.client_id, "scope": refresh.scope,
                }),
                // Nothing more: §2.2.
                None => json!({ "active": false }),
            },
        };
        Ok(Response::json(200, &body).header("Cache-Control", "no-store"))
    }

    /// RFC 7009 §2.
    fn revoke_token(&self, received: &ReceivedTokenRequest<'_>) -> Result<Response, Refusal> {
        received.check_form()?;
        let client_id = self.authenticate(received, Place::Revocation)?;
        let token = received.required("token")?;
        let refresh_tokens = &self.protocol.refresh_tokens;
        let owner = self
            .issuer
            .owner(token)
            .or_else(|| refresh_tokens.owner(token));
        if owner.is_some_and(|owner| owner != client_id) {
            let reason = "the token is another client's".to_owned();
            return Err(("unauthorized_client", reason));
        }
        // A token that is unknown is as good as revoked: §2.2.
        self.issuer.revoke(token);
        refresh_tokens.revoke(token);
        Ok(Response::new(200).header("Cache-Control", "no-store"))
    }

    /// What a token says or stands for: the claims of RFC 9068 §2.2, with the confirmation of
    /// RFC 7800 §3.
    pub(crate) fn token_claims(&self, grant: &Grant) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", self.urls.issuer().into());
        set("sub", grant.subject.clone().into());
        set("client_id", grant.client_id.clone().into());
        set(
            "aud",
            match grant.audience.as_slice() {
                [] => self.urls.api_origin.clone().into(),
                [one] => one.clone().into(),
                several => json!(several),
            },
        );
        if let Some(scope) = &grant.scope {
            set("scope", scope.clone().into());
        }
        if let Some(actor) = &grant.actor {
            set("act", json!({ "sub": actor }));
        }
        let mut confirmation = Map::new();
        let thumbprints = [("jkt", &grant.key), ("x5t#S256", &grant.certificate)];
        for (name, thumbprint) in thumbprints {
            if let Some(thumbprint) = thumbprint {
                confirmation.insert(name.to_owned(), thumbprint.clone().into());
            }
        }
        if !confirmation.is_empty() {
            set("cnf", confirmation.into());
        }
        if let Some((issued, expires)) = self.issuer.times(&grant.token) {
            set("iat", issued.into());
            set("exp", expires.into());
        }
        claims
    }
}

fn judged(received: &ReceivedTokenRequest<'_>, outcome: Result<Response, Refusal>) -> Response {
    outcome.unwrap_or_else(|(code, description)| {
        let fields = vec![(
            "error_description".to_owned(),
            Some(Value::from(description)),
        )];
        error_response(code, &fields, received.client.by_header())
    })
}
