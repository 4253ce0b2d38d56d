//! Replies with the place they are for, as JSON says it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::program::gates::Gates;
use crate::program::reply_form::{CheckedReply, ReplyForm};
use crate::reply::Reply;
use crate::server::{ApiMatch, FakeTokenServer, Match, MatchedRequest, TokenMatch, When};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptedForm {
    to: Place,
    #[serde(default)]
    uses: Uses,
    when: Option<MatchForm>,
    reply: ReplyForm,
}

/// The requests that a reply is for, those that meet all of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchForm {
    client: Option<String>,
    scope: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, String>,
    path: Option<String>,
    method: Option<String>,
    token: Option<usize>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    nth: Option<usize>,
    from_nth: Option<usize>,
}

impl MatchForm {
    pub(super) fn token_requests(&self) -> Result<TokenMatch, String> {
        if self.path.is_some() || self.method.is_some() || self.token.is_some() {
            return Err("\"path\", \"method\" and \"token\" are for the API".to_owned());
        }
        let requests = match &self.client {
            Some(client) => TokenMatch::client(client),
            None => TokenMatch::any(),
        };
        self.at_token_origin(requests)
    }

    /// Requests for metadata, keys, introspection and revocation, told apart by their path.
    pub(super) fn other_requests(&self) -> Result<TokenMatch, String> {
        if self.client.is_some() || self.method.is_some() || self.token.is_some() {
            let problem = "\"client\", \"method\" and \"token\" are not for other requests";
            return Err(problem.to_owned());
        }
        let requests = match &self.path {
            Some(path) => TokenMatch::path(path),
            None => TokenMatch::any(),
        };
        self.at_token_origin(requests)
    }

    fn at_token_origin(&self, mut requests: TokenMatch) -> Result<TokenMatch, String> {
        if let Some(scope) = &self.scope {
            requests = requests.scope(scope);
        }
        for (name, value) in &self.params {
            requests = requests.param(name, value);
        }
        for (name, value) in &self.headers {
            requests = requests.header(name, value);
        }
        self.occurrence(requests)
    }

    pub(super) fn api_requests(&self) -> Result<ApiMatch, String> {
        if self.client.is_some() || self.scope.is_some() || !self.params.is_empty() {
            let problem = "\"client\", \"scope\" and \"params\" are for the token endpoint";
            return Err(problem.to_owned());
        }
        let mut requests = match &self.path {
            Some(path) => ApiMatch::path(path),
            None => ApiMatch::any(),
        };
        if let Some(method) = &self.method {
            requests = requests.method(method);
        }
        if let Some(token) = self.token {
            requests = requests.token(token);
        }
        for (name, value) in &self.headers {
            requests = requests.header(name, value);
        }
        self.occurrence(requests)
    }

    fn occurrence<R>(&self, requests: Match<R>) -> Result<Match<R>, String> {
        match (self.nth, self.from_nth) {
            (None, None) => Ok(requests),
            (Some(0), _) | (_, Some(0)) => Err("requests are counted from 1".to_owned()),
            (Some(nth), None) => Ok(requests.nth(nth)),
            (None, Some(first)) => Ok(requests.from_nth(first)),
            (Some(_), Some(_)) => Err("only one of \"nth\" and \"from_nth\" holds".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Token,
    Api,
    Metadata,
    Introspection,
    Revocation,
    Jwks,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Uses {
    #[default]
    Once,
    Always,
}

/// All of it, or nothing if anything is wrong with it.
///
/// # Errors
///
/// What is wrong.
pub(super) fn script(
    forms: Vec<ScriptedForm>,
    server: &FakeTokenServer,
    gates: &Gates,
) -> Result<usize, String> {
    let checked: Vec<Scripted> = forms
        .into_iter()
        .enumerate()
        .map(|(index, form)| {
            let checked = Scripted::check(form);
            checked.map_err(|problem| format!("reply {}: {problem}", index + 1))
        })
        .collect::<Result<_, _>>()?;
    let count = checked.len();
    for scripted in checked {
        (scripted.give)(server, scripted.reply.with_gates(gates));
    }
    Ok(count)
}

type Give = Box<dyn FnOnce(&FakeTokenServer, Reply)>;

struct Scripted {
    give: Give,
    reply: CheckedReply,
}

impl Scripted {
    fn check(form: ScriptedForm) -> Result<Self, String> {
        let give = match &form.when {
            Some(requests) => Self::matching(requests, form.to, form.uses)?,
            None => Box::new(Self::of_any(form.to, form.uses)),
        };
        let reply = form.reply.check()?;
        Ok(Self { give, reply })
    }

    fn matching(requests: &MatchForm, to: Place, uses: Uses) -> Result<Give, String> {
        match to {
            Place::Token => {
                let requests = requests.token_requests()?;
                Ok(Box::new(move |server, reply| {
                    give(server.when(requests), uses, reply);
                }))
            }
            Place::Api => {
                let requests = requests.api_requests()?;
                Ok(Box::new(move |server, reply| {
                    give(server.when(requests), uses, reply);
                }))
            }
            _ => Err("\"when\" is for the token endpoint and the API".to_owned()),
        }
    }

    fn of_any(to: Place, uses: Uses) -> fn(&FakeTokenServer, Reply) {
        match (to, uses) {
            (Place::Token, Uses::Once) => FakeTokenServer::next_token_reply,
            (Place::Token, Uses::Always) => FakeTokenServer::always_token_reply,
            (Place::Api, Uses::Once) => FakeTokenServer::next_api_reply,
            (Place::Api, Uses::Always) => FakeTokenServer::always_api_reply,
            (Place::Metadata, Uses::Once) => FakeTokenServer::next_metadata_reply,
            (Place::Metadata, Uses::Always) => FakeTokenServer::always_metadata_reply,
            (Place::Introspection, Uses::Once) => FakeTokenServer::next_introspection_reply,
            (Place::Introspection, Uses::Always) => FakeTokenServer::always_introspection_reply,
            (Place::Revocation, Uses::Once) => FakeTokenServer::next_revocation_reply,
            (Place::Revocation, Uses::Always) => FakeTokenServer::always_revocation_reply,
            (Place::Jwks, Uses::Once) => FakeTokenServer::next_jwks_reply,
            (Place::Jwks, Uses::Always) => FakeTokenServer::always_jwks_reply,
        }
    }
}

fn give<R: MatchedRequest>(when: When<'_, R>, uses: Uses, reply: Reply) {
    match uses {
        Uses::Once => drop(when.reply(reply)),
        Uses::Always => when.always(reply),
    }
}
